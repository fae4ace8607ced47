/**
 * A record as an export of form 2 has it: the hashed text as it was hashed, its keys beside it. Here the whole line is read and
 * turned into a record as form 1 has it; `record-scan.ts` sees most of them to be whole without that.
 */
import { hash as sha } from "node:crypto";
import { coverOf, LINK_FORM } from "@tollgate/instrumentation/audit";
import {
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AUDIT_CHAIN,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_PREV,
  ATTR_TOLLGATE_AUDIT_SALT,
  ATTR_TOLLGATE_AUDIT_SEQ,
} from "@tollgate/instrumentation/semconv";
import type { RecordLine } from "./record-check.ts";

/** Texts in front of the values, in what a link hashes and in what a seal does: the last is the digest of the keys. */
export const TEXT_HEAD = 11;
export const SEAL_HEAD = 3;

/** A line of an export. */
export type HashedLine = readonly [
  line: "hashed",
  text: readonly string[],
  hash: string,
  keys: readonly string[],
  /** Empty where there is no salt. */
  seal: readonly string[],
  sealed_keys: readonly string[],
  /** The agent came under another name than the one it has. */
  claimed: boolean,
  agent: string,
  tool: string,
  model: string,
  decision: string,
  rule: string,
  cost: string,
  cost_status: string,
];

export interface ReadRecord {
  readonly record: RecordLine;
  /** Its parts do not fit one another, so that it is nothing that a link covers. */
  readonly isOdd: boolean;
}

/** Throws `TypeError` for what has not the types of such a line. */
export function readHashedLine(line: HashedLine): ReadRecord {
  requireTypes(line);
  const [, text, hash, keys, seal, sealedKeys, isClaimed, agent, tool, model, decision, rule, cost, costStatus] = line;
  const [form, chain = "", seq = "", prev = "", trace = "", span = "", parent = "", start = "", end = "", status = ""] =
    text;
  const covered: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [index, key] of keys.entries()) covered[key] = text[index + TEXT_HEAD] ?? "";
  for (const [index, key] of sealedKeys.entries()) covered[key] = seal[index + SEAL_HEAD] ?? "";
  if (isClaimed) covered[ATTR_TOLLGATE_AGENT_CLAIMED] = "";
  if (seal.length > 0) covered[ATTR_TOLLGATE_AUDIT_SALT] = seal[1] ?? "";
  covered[ATTR_TOLLGATE_AUDIT_CHAIN] = chain;
  covered[ATTR_TOLLGATE_AUDIT_SEQ] = seq;
  covered[ATTR_TOLLGATE_AUDIT_PREV] = prev;
  covered[ATTR_TOLLGATE_AUDIT_HASH] = hash;
  const isFitting =
    form === LINK_FORM &&
    text.length === TEXT_HEAD + keys.length &&
    isKeyList(keys, { cover: "hash", digest: text[TEXT_HEAD - 1] }) &&
    isKeyList(sealedKeys, { cover: "seal", digest: seal[SEAL_HEAD - 1] }) &&
    (seal.length === 0 || (seal[0] === LINK_FORM && seal.length === SEAL_HEAD + sealedKeys.length));
  const columns = [agent, tool, model, decision, rule, cost, costStatus] as const;
  return { record: ["record", trace, span, parent, start, end, status, covered, ...columns], isOdd: !isFitting };
}

/** How a link covers an attribute. */
export type Cover = "hash" | "seal";

/** Each once, in the order of the link's form, and each of what is covered so. */
export function isCoveredSo(keys: readonly string[], cover: Cover): boolean {
  return keys.every((key, index) => coverOf(key) === cover && (index === 0 || (keys[index - 1] ?? "") < key));
}

interface KeyCheck {
  readonly cover: Cover;
  /** `undefined`: there is no text that has it. */
  readonly digest: string | undefined;
}

/** In any order: a database may sort otherwise, and values go with their keys. */
function isKeyList(keys: readonly string[], { cover, digest }: KeyCheck): boolean {
  if (!isCoveredSo(keys.toSorted(), cover)) return false;
  return digest === undefined || digest === sha("sha256", JSON.stringify(keys), "hex");
}

function requireTypes(line: HashedLine): void {
  const isFitting = line.every((item, index) => {
    if (index === 1 || (index >= 3 && index <= 5))
      return Array.isArray(item) && item.every((text) => typeof text === "string");
    return typeof item === (index === 6 ? "boolean" : "string");
  });
  if (!isFitting || line.length !== 14) throw new TypeError("a record of another form");
}
