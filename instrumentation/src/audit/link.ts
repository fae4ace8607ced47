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
  ATTR_TOLLGATE_USAGE_AGGREGATE,
  ATTR_TOLLGATE_WORKFLOW_ID,
  ATTR_USER_ID,
} from "../semconv.ts";

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
  ATTR_TOLLGATE_USAGE_AGGREGATE,
]);
const SEALED: ReadonlySet<string> = new Set([ATTR_TOLLGATE_SESSION_ID, ATTR_TOLLGATE_WORKFLOW_ID, ATTR_USER_ID]);

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
}

/** What a link covers of a record with certain keys. */
export interface CoveredKeys {
  readonly hashed: KeyList;
  readonly sealed: KeyList;
  /** `hashed` once the record has its seal. */
  readonly hashedWithSeal: KeyList;
}

interface Shape {
  readonly keys: readonly string[];
  readonly covered: CoveredKeys;
}

/** Records of one kind have the same keys in the same order: sorting them each time would cost more than the hash. */
const SHAPES_MAX = 64;
const shapes: Shape[] = [];

/** What a link covers of a list of keys; remembered for the lists that were seen last. */
export function coveredKeys(keys: readonly string[]): CoveredKeys {
  const at = shapes.findIndex((shape) => isSame(shape.keys, keys));
  const known = shapes[at];
  if (known === undefined) {
    const covered = judgeKeys(keys);
    if (shapes.length >= SHAPES_MAX) shapes.pop();
    shapes.unshift({ keys: [...keys], covered });
    return covered;
  }
  if (at > 0) {
    // Forward by one: what is seen often comes to stand first.
    const before = shapes[at - 1];
    if (before !== undefined) [shapes[at - 1], shapes[at]] = [known, before];
  }
  return known.covered;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  // From the end: the last attributes tell records apart.
  for (let index = a.length - 1; index >= 0; index -= 1) if (a[index] !== b[index]) return false;
  return true;
}

function judgeKeys(keys: readonly string[]): CoveredKeys {
  const hashed: string[] = [];
  const sealed: string[] = [];
  for (const key of keys) {
    const cover = coverOf(key);
    if (cover === "hash") hashed.push(key);
    else if (cover === "seal") sealed.push(key);
  }
  return {
    hashed: keyList(hashed),
    sealed: keyList(sealed),
    hashedWithSeal: keyList([...new Set([...hashed, ATTR_TOLLGATE_AUDIT_SEAL])]),
  };
}

function keyList(keys: string[]): KeyList {
  keys.sort();
  return { keys, digest: digest(keys) };
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
  const ids = [LINK_FORM, chain, seq, prev, traceId, spanId, parentSpanId, start, end, status];
  return digest([...ids, keys.digest, ...values]);
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
