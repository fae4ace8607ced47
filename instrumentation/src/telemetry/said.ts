import type { AttributeValue } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { GateSpan } from "./gate-span.ts";

/** What a span says: keys and their values, as many as each other, in the order in which they were said. */
export interface Said {
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
}

/** Of any span: the gate's as it keeps it, another one's without what nothing is sent of. */
export function saidBy(span: ReadableSpan): Said {
  if (span instanceof GateSpan) return span;
  const { attributes } = span;
  const keys: string[] = [];
  const values: unknown[] = [];
  // Not by its entries: those are a list for each attribute.
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value === undefined) continue;
    keys.push(key);
    values.push(value);
  }
  return { keys, values };
}

/** Lets a span that has ended say one thing more, whatever its bound of attributes is: that must not cost a record its place. */
export function sayLate(span: ReadableSpan, key: string, value: AttributeValue): void {
  if (span instanceof GateSpan) span.say(key, value);
  else span.attributes[key] = value;
}
