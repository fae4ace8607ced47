/**
 * What a link of an audit chain covers, and its hash: one function for the gate that makes links and for everybody who
 * checks them. The form is described, with a test vector, in docs/audit.md; a change of it needs a new `LINK_FORM`.
 *
 * Covered are the ids, times and status of a span, and its attributes in two kinds. What no processor may change is in the
 * hash itself. What people may have redacted (session, user, workflow, labels) is under a seal: a salted hash that is
 * covered in turn, so that the chain holds when those values are taken out, and the seal without its salt tells nobody what they were.
 */
import { hash } from "node:crypto";
import {
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_AUDIT_CHAIN,
  ATTR_TOLLGATE_AUDIT_CLOSED,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_PREV,
  ATTR_TOLLGATE_AUDIT_SALT,
  ATTR_TOLLGATE_AUDIT_SEAL,
  ATTR_TOLLGATE_AUDIT_SEQ,
  ATTR_TOLLGATE_CONTENT_DROPPED,
  ATTR_TOLLGATE_COST_REPORTED_USD,
  ATTR_TOLLGATE_COST_REPRICED_NANO_USD,
  ATTR_TOLLGATE_COST_REPRICED_VERSION,
  ATTR_TOLLGATE_INCIDENT_SEVERITY,
  ATTR_TOLLGATE_LABEL_PREFIX,
  ATTR_TOLLGATE_PROVIDER_INFERRED,
  ATTR_TOLLGATE_REDACTED,
  ATTR_TOLLGATE_SESSION_ID,
  ATTR_TOLLGATE_TENANT_CLAIMED,
  ATTR_TOLLGATE_USAGE_AGGREGATE,
  ATTR_TOLLGATE_WORKFLOW_ID,
  ATTR_USER_ID,
} from "../semconv.ts";
import { KeyLists } from "./key-lists.ts";

/** The first word of every hashed text. */
export const LINK_FORM = "tollgate-audit-1";
/** `prev` of the first link of a chain. */
export const NO_LINK = "0".repeat(64);

const OWN_PREFIXES = ["tollgate.", "gen_ai.usage."] as const;
/** Names by which calls are found. Links cover them, so no redaction may touch them: redaction reads this list. */
export const CALL_NAMES: ReadonlySet<string> = new Set([
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_NAME,
]);
/** In the head of the hashed text, or made from it. */
const HEAD: ReadonlySet<string> = new Set([
  ATTR_TOLLGATE_AUDIT_CHAIN,
  ATTR_TOLLGATE_AUDIT_SEQ,
  ATTR_TOLLGATE_AUDIT_PREV,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_SALT,
]);
/** Ours by name, and written or corrected by the processor after the link was made. */
const WRITTEN_LATER: ReadonlySet<string> = new Set([
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_CONTENT_DROPPED,
  ATTR_TOLLGATE_COST_REPORTED_USD,
  ATTR_TOLLGATE_COST_REPRICED_NANO_USD,
  ATTR_TOLLGATE_COST_REPRICED_VERSION,
  ATTR_TOLLGATE_INCIDENT_SEVERITY,
  ATTR_TOLLGATE_PROVIDER_INFERRED,
  ATTR_TOLLGATE_REDACTED,
  ATTR_TOLLGATE_TENANT_CLAIMED,
  ATTR_TOLLGATE_USAGE_AGGREGATE,
]);
const SEALED: ReadonlySet<string> = new Set([ATTR_TOLLGATE_SESSION_ID, ATTR_TOLLGATE_WORKFLOW_ID, ATTR_USER_ID]);

/** The rules of {@link coverOf} as lists, for whoever has to apply them elsewhere. */
export const COVERED = {
  prefixes: OWN_PREFIXES,
  names: [...CALL_NAMES],
  /** Of those by prefix or name. */
  not: [...HEAD, ...WRITTEN_LATER],
  sealed: [...SEALED],
  sealedPrefix: ATTR_TOLLGATE_LABEL_PREFIX,
} as const;

type Cover = "hash" | "seal" | "none";

const KEYS_MAX = 4_096;
const known = new Map<string, Cover>();

/** How a link covers an attribute. */
export function coverOf(key: string): Cover {
  let cover = known.get(key);
  if (cover !== undefined) return cover;
  cover = judge(key);
  if (known.size >= KEYS_MAX) known.clear();
  known.set(key, cover);
  return cover;
}

function judge(key: string): Cover {
  if (SEALED.has(key) || key.startsWith(ATTR_TOLLGATE_LABEL_PREFIX)) return "seal";
  if (HEAD.has(key) || WRITTEN_LATER.has(key)) return "none";
  return CALL_NAMES.has(key) || OWN_PREFIXES.some((prefix) => key.startsWith(prefix)) ? "hash" : "none";
}

/** Keys sorted by UTF-16 code units, and their digest: records of one kind share both. */
export interface KeyList {
  readonly keys: readonly string[];
  /** SHA-256 in lower-case hex of the keys' JSON. */
  readonly digest: string;
  /** Where each stands among the keys of the record; -1: it is yet to come. */
  readonly places: readonly number[];
}

/** What a link covers of a record with certain keys. */
export interface CoveredKeys {
  readonly hashed: KeyList;
  readonly sealed: KeyList;
  /** `hashed` once the record has its seal, which is at no place yet. */
  readonly hashedWithSeal: KeyList;
  /** Where the record says that nothing comes after it; -1: it does not. */
  readonly closedAt: number;
}

const lists = new KeyLists(judgeKeys);

/** What a link covers of a list of keys; remembered for the lists that were seen last. */
export function coveredKeys(keys: readonly string[]): CoveredKeys {
  return lists.of(keys);
}

function judgeKeys(keys: readonly string[]): CoveredKeys {
  const places = new Map(keys.map((key, place) => [key, place]));
  const hashed: string[] = [];
  const sealed: string[] = [];
  for (const key of keys) {
    const cover = coverOf(key);
    if (cover === "hash") hashed.push(key);
    else if (cover === "seal") sealed.push(key);
  }
  return {
    hashed: keyList(hashed, places),
    sealed: keyList(sealed, places),
    hashedWithSeal: keyList(
      [...new Set([...hashed, ATTR_TOLLGATE_AUDIT_SEAL])],
      new Map([...places, [ATTR_TOLLGATE_AUDIT_SEAL, -1]]),
    ),
    closedAt: keys.indexOf(ATTR_TOLLGATE_AUDIT_CLOSED),
  };
}

function keyList(keys: string[], places: ReadonlyMap<string, number>): KeyList {
  keys.sort();
  return { keys, digest: digest(keys), places: keys.map((key) => places.get(key) ?? -1) };
}

/** What a link says beside the attributes. All texts; times in nanoseconds since 1970, in digits. */
export interface LinkHead {
  /** 32 lower-case hex digits. */
  readonly chain: string;
  /** From 1. */
  readonly seq: string;
  readonly prev: string;
  readonly traceId: string;
  readonly spanId: string;
  /** "" for a root. */
  readonly parentSpanId: string;
  readonly start: string;
  readonly end: string;
  /** `unset`, `ok` or `error`. */
  readonly status: string;
}

/** What a record says, under keys in their order. */
export interface Said {
  readonly keys: KeyList;
  /** One for each key. */
  readonly values: readonly string[];
}

/** SHA-256 in lower-case hex of the link's canonical text. */
export function linkHash(head: LinkHead, { keys, values }: Said): string {
  const { chain, seq, prev, traceId, spanId, parentSpanId, start, end, status } = head;
  const ids = [LINK_FORM, chain, seq, prev, traceId, spanId, parentSpanId, start, end, status, keys.digest];
  return digest(ids.concat(values));
}

/** The seal over what may be redacted; `""` where there is nothing. */
export function sealOf(salt: string, { keys, values }: Said): string {
  return values.length === 0 ? "" : digest([LINK_FORM, salt, keys.digest, ...values]);
}

/** A text as the checks see it: a lone surrogate does not survive the way to the database. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** JSON of a list of texts is canonical as JavaScript writes it (RFC 8785, section 3.2.2.2). */
function digest(texts: readonly string[]): string {
  return hash("sha256", JSON.stringify(texts), "hex");
}
