import { WireAttributes } from "./otlp/wire-attributes.ts";
import type { Attributes } from "./span.ts";

/** A text attribute; "" when it is absent, empty or not a text. */
export function textAttribute(attributes: Attributes, key: string): string {
  const value = attributes.get(key);
  return typeof value === "string" ? value : "";
}

/** A count from the wire, whatever type the sender chose: a whole number from 0 to `max`, else `undefined` (NaN, Infinity, negative, "5abc"). */
export function countAttribute(attributes: Attributes, key: string, max: number): number | undefined {
  // Counts are read of every call: no bigint is made for them.
  const value = attributes instanceof WireAttributes ? attributes.getRounded(key) : attributes.get(key);
  if (typeof value === "bigint") return countOf(Number(value), max);
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= max ? value : undefined;
  if (typeof value === "string" && /^\d{1,15}(?:\.0{1,15})?$/.test(value))
    return Number(value) <= max ? Number(value) : undefined;
  return undefined;
}

/** What a double rounds is beyond 2^53, and so beyond every `max`. */
function countOf(value: number, max: number): number | undefined {
  return value >= 0 && value <= max ? value : undefined;
}
