import type { AttributeValue } from "./span.ts";

/** How an attribute value reads as text: strings as they are, numbers and booleans in digits and words, bytes as base64, the rest as JSON. */
export function attributeText(value: AttributeValue): string {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (isListOfTexts(value)) return JSON.stringify(value);
  if (typeof value === "object") return JSON.stringify(value, jsonValue);
  return String(value);
}

/** The most usual list, which needs no look at each value as it is written. */
function isListOfTexts(value: AttributeValue): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** Integers beyond 2^53 become strings, because JSON readers round them. */
function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(value)
      : value.toString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value;
}
