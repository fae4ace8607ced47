/** The audit link that a span carries, and whether the span is still what was linked. */
import {
  type CoveredKeys,
  coveredKeys,
  type KeyList,
  linkHash,
  sealOf,
  wellFormed,
} from "@tollgate/instrumentation/audit";
import {
  ATTR_TOLLGATE_AUDIT_CHAIN,
  ATTR_TOLLGATE_AUDIT_CLOSED,
  ATTR_TOLLGATE_AUDIT_HASH,
  ATTR_TOLLGATE_AUDIT_PREV,
  ATTR_TOLLGATE_AUDIT_SALT,
  ATTR_TOLLGATE_AUDIT_SEAL,
  ATTR_TOLLGATE_AUDIT_SEQ,
} from "@tollgate/instrumentation/semconv";
import { attributeText } from "../pdata/attribute-text.ts";
import { KeyMemo } from "../pdata/key-memo.ts";
import type { Attributes, Span } from "../pdata/span.ts";

/** One link, as a chain's state needs it. */
export interface Link {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
  readonly prev: string;
  readonly isClosed: boolean;
}

/** `foreign`: no link. `malformed`: pieces of one. `changed`: the span is not what its hash covers. */
export type LinkReading =
  | { readonly kind: "foreign" }
  | { readonly kind: "malformed" }
  | { readonly kind: "changed"; readonly link: Link }
  | { readonly kind: "intact"; readonly link: Link };

const CHAIN = /^[0-9a-f]{32}$/;
const HASH = /^[0-9a-f]{64}$/;
const STATUS_NAMES = ["unset", "ok", "error"] as const;
const FOREIGN: LinkReading = { kind: "foreign" };
const MALFORMED: LinkReading = { kind: "malformed" };

const keysOf = new KeyMemo<CoveredKeys>((all) => coveredKeys([...all.keys()]));

/** Reads and checks the link of a span. Cheap where there is none. `checksSeal`: nothing may have changed sealed values yet. */
export function readLink(span: Span, { checksSeal }: { readonly checksSeal: boolean }): LinkReading {
  const { attributes } = span;
  if (!attributes.has(ATTR_TOLLGATE_AUDIT_HASH)) return FOREIGN;
  const text = (key: string): string => attributeText(attributes.get(key) ?? "");
  const chain = text(ATTR_TOLLGATE_AUDIT_CHAIN);
  const seq = Number(text(ATTR_TOLLGATE_AUDIT_SEQ));
  const hash = text(ATTR_TOLLGATE_AUDIT_HASH);
  const prev = text(ATTR_TOLLGATE_AUDIT_PREV);
  if (!CHAIN.test(chain) || !HASH.test(hash) || !HASH.test(prev) || !isSeq(seq)) return MALFORMED;
  const link: Link = { chain, seq, hash, prev, isClosed: attributes.get(ATTR_TOLLGATE_AUDIT_CLOSED) === true };
  const { hashed, sealed } = keysOf.of(attributes);
  const made = linkHash(
    {
      chain,
      seq: String(seq),
      prev,
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      start: String(span.startUnixNano),
      end: String(span.endUnixNano),
      status: STATUS_NAMES[span.statusCode] ?? "unset",
    },
    { keys: hashed, values: valuesOf(attributes, hashed) },
  );
  const isIntact = made === hash && (!checksSeal || isSealWhole(attributes, sealed));
  return { kind: isIntact ? "intact" : "changed", link };
}

/** Places from 1, as far as a double counts. */
export function isSeq(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 1;
}

/**
 * Takes the salt from a span whose sealed values are no longer those that were sealed: without it nobody can find out by
 * guessing what was redacted. The seal itself stays, or the chain could not be followed.
 */
export function breakSeal(span: Span): void {
  const { attributes } = span;
  if (!attributes.has(ATTR_TOLLGATE_AUDIT_SALT)) return;
  if (!isSealWhole(attributes, keysOf.of(attributes).sealed)) attributes.delete(ATTR_TOLLGATE_AUDIT_SALT);
}

/** A seal without its salt can't be checked, and one that is not there seals nothing. */
function isSealWhole(attributes: Attributes, sealed: KeyList): boolean {
  const seal = attributeText(attributes.get(ATTR_TOLLGATE_AUDIT_SEAL) ?? "");
  const salt = attributeText(attributes.get(ATTR_TOLLGATE_AUDIT_SALT) ?? "");
  if (salt === "") return true;
  return sealOf(salt, { keys: sealed, values: valuesOf(attributes, sealed) }) === seal;
}

function valuesOf(attributes: Attributes, { keys }: KeyList): string[] {
  const values: string[] = [];
  for (const key of keys) values.push(wellFormed(attributeText(attributes.get(key) ?? "")));
  return values;
}
