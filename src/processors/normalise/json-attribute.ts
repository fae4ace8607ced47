import { textAttribute } from "../../pdata/attribute-read.ts";
import type { Attributes, AttributeValue } from "../../pdata/span.ts";

/** A longer one is not parsed: what is looked for is a line of usage, not a document. */
const LENGTH_MAX = 16_384;

/** An attribute that holds a JSON object as text; `{}` when it is anything else. */
export function jsonAttribute(attributes: Attributes, key: string): Readonly<Record<string, unknown>> {
  return asObject(parsed(textAttribute(attributes, key)));
}

/** A member that is an object; `{}` for anything else. */
export function objectMember(
  object: Readonly<Record<string, unknown>>,
  key: string,
): Readonly<Record<string, unknown>> {
  return asObject(Object.hasOwn(object, key) ? object[key] : undefined);
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** An attribute that may hold its text as JSON (`"\"TOOL\""`) or bare. */
export function jsonText(attributes: Attributes, key: string): string {
  const text = textAttribute(attributes, key);
  if (!text.startsWith('"')) return text;
  const value = parsed(text);
  return typeof value === "string" ? value : text;
}

/** A member that is a text; "" for anything else. */
export function textMember(object: Readonly<Record<string, unknown>>, key: string): string {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return typeof value === "string" ? value : "";
}

/** A member that may be a count or an amount; `undefined` for anything else. */
export function numberMember(object: Readonly<Record<string, unknown>>, key: string): AttributeValue | undefined {
  const value = Object.hasOwn(object, key) ? object[key] : undefined;
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}

/** What a Claude's cache was given, as LangChain tells it: where it knows for how long, the sum says nothing. */
export function langchainCacheWrites(
  details: Readonly<Record<string, unknown>>,
  { sum, prefix = "" }: { readonly sum: AttributeValue | undefined; readonly prefix?: string },
): {
  readonly cacheWriteTokens?: AttributeValue | undefined;
  readonly cacheWrite1hTokens?: AttributeValue | undefined;
} {
  const minutes = numberMember(details, `${prefix}ephemeral_5m_input_tokens`);
  const hour = numberMember(details, `${prefix}ephemeral_1h_input_tokens`);
  if (typeof minutes !== "number" && typeof hour !== "number") return { cacheWriteTokens: sum };
  const parts = (typeof minutes === "number" ? minutes : 0) + (typeof hour === "number" ? hour : 0);
  return { cacheWriteTokens: typeof sum === "number" && sum > parts ? sum : parts, cacheWrite1hTokens: hour };
}

function parsed(text: string): unknown {
  if (text === "" || text.length > LENGTH_MAX) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
