import type { AttributeKey } from "./attribute-key.ts";
import { WireAttributes } from "./otlp/wire-attributes.ts";
import type { Attributes, AttributeValue } from "./span.ts";
import { mixUtf8 } from "./text-digest.ts";

/** A text attribute; "" when it is absent, empty or not a text. */
export function textAttribute(attributes: Attributes, key: string | AttributeKey): string {
  if (typeof key !== "string" && attributes instanceof WireAttributes) return attributes.textAt(key);
  const value = attributes.get(nameOf(key));
  return typeof value === "string" ? value : "";
}

/** Mixes the bytes of a text attribute into `words`, and returns how many they are: 0 when it is absent, empty or not a text. */
export function mixAttribute(attributes: Attributes, key: AttributeKey, words: Int32Array): number {
  if (attributes instanceof WireAttributes) return attributes.mixTextAt(key, words);
  return mixUtf8(words, textAttribute(attributes, key));
}

export function hasAttribute(attributes: Attributes, key: AttributeKey): boolean {
  return attributes instanceof WireAttributes ? attributes.hasAt(key) : attributes.has(key.name);
}

/** A count from the wire, whatever type the sender chose: a whole number from 0 to `max`, else `undefined` (NaN, Infinity, negative, "5abc"). */
export function countAttribute(attributes: Attributes, key: string | AttributeKey, max: number): number | undefined {
  const value = roundedAttribute(attributes, key);
  if (typeof value === "bigint") return countOf(Number(value), max);
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 && value <= max ? value : undefined;
  if (typeof value === "string" && /^\d{1,15}(?:\.0{1,15})?$/.test(value))
    return Number(value) <= max ? Number(value) : undefined;
  return undefined;
}

/** Counts are read of every call: no bigint is made for them where that can be avoided. */
function roundedAttribute(attributes: Attributes, key: string | AttributeKey): AttributeValue | undefined {
  if (attributes instanceof WireAttributes) return attributes.getRounded(key);
  return attributes.get(nameOf(key));
}

function nameOf(key: string | AttributeKey): string {
  return typeof key === "string" ? key : key.name;
}

/** What a double rounds is beyond 2^53, and so beyond every `max`. */
function countOf(value: number, max: number): number | undefined {
  return value >= 0 && value <= max ? value : undefined;
}
