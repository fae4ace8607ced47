/**
 * proto3's JSON as OTLP has it, and what every signal shares: resource, scope, attributes and their values, read within
 * bounds. Everything throws `MalformedError` for what has another type. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { isUtf8 } from "node:buffer";
import type { Attributes, AttributeValue, Resource, Scope } from "../span.ts";
import { MalformedError, OTLP_LIMITS } from "./decoded.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

const { attributesMax, elementsMax, stringBytesMax, valueDepthMax } = OTLP_LIMITS;
const UINT64_MAX = 18_446_744_073_709_551_615n;
const INT64_MIN = -9_223_372_036_854_775_808n;
const INT64_MAX = 9_223_372_036_854_775_807n;
/** A bare number too long for a float: only then is the slow, exact parse needed. */
const LONG_NUMBER = /[:[,]\s*-?\d{16,}/;

/** The body as JSON; whole numbers beyond 2^53 come as bigint. */
export function parseJson(body: Uint8Array): unknown {
  if (!isUtf8(body)) throw new MalformedError("not valid UTF-8");
  return parseJsonText(new TextDecoder().decode(body));
}

/** Like `parseJson`, from text. */
export function parseJsonText(text: string): unknown {
  try {
    if (!LONG_NUMBER.test(text)) return JSON.parse(text);
    // The third argument, the number as it was written, is ECMAScript 2025; optional, because the types do not know it.
    return JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) =>
      typeof value === "number" && /^-?\d{16,20}$/.test(context?.source ?? "") ? BigInt(context?.source ?? "") : value,
    );
  } catch (error) {
    // SyntaxError, or RangeError where the exact parse recurses deeper than the stack.
    throw new MalformedError(error instanceof SyntaxError ? "not valid JSON" : "nested too deeply");
  }
}

export function readResource(json: unknown): Resource {
  return { attributes: readAttributes(optionalObject(json)["attributes"]).attributes };
}

export function readScope(json: unknown): Scope {
  const scope = optionalObject(json);
  return {
    name: asString(scope["name"]),
    version: asString(scope["version"]),
    attributes: readAttributes(scope["attributes"]).attributes,
  };
}

/** Attributes up to the bound, and how many were beyond it. */
export function readAttributes(json: unknown): { attributes: Attributes; dropped: number } {
  const attributes: Attributes = new Map();
  let dropped = 0;
  for (const item of listOf(json, "attributes")) {
    const pair = asObject(item, "attribute");
    const key = asString(pair["key"]);
    if (attributes.size >= attributesMax && !attributes.has(key)) dropped += 1;
    else attributes.set(key, readValue(pair["value"], 0));
  }
  return { attributes, dropped };
}

/** One AnyValue. `depth` is that of the value around it. */
export function readValue(json: unknown, depth: number): AttributeValue {
  if (json === null || json === undefined) return null;
  const value = asObject(json, "value");
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (isSet(stringValue)) return asString(stringValue);
  if (isSet(boolValue)) return asBoolean(boolValue);
  if (isSet(intValue)) return asInt64(intValue);
  if (isSet(doubleValue)) return asDouble(doubleValue);
  if (isSet(bytesValue)) return Uint8Array.from(Buffer.from(asString(bytesValue), "base64"));
  if (isSet(arrayValue) && depth < valueDepthMax) {
    const values = listOf(asObject(arrayValue, "arrayValue")["values"], "arrayValue.values");
    return values.slice(0, elementsMax).map((item) => readValue(item, depth + 1));
  }
  if (isSet(kvlistValue) && depth < valueDepthMax) {
    // No prototype: a key may be called `__proto__`.
    const object = Object.create(null) as Record<string, AttributeValue>;
    for (const item of listOf(asObject(kvlistValue, "kvlistValue")["values"], "kvlistValue.values")) {
      const pair = asObject(item, "kvlistValue.values");
      object[asString(pair["key"])] = readValue(pair["value"], depth + 1);
    }
    return object;
  }
  return null;
}

/** proto3 JSON writes a member that is not there as null, too: of a oneof, some writers give all. */
function isSet(member: unknown): boolean {
  return member !== undefined && member !== null;
}

export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedError(`${what} must be an object`);
  }
  return value as JsonObject;
}

export function optionalObject(value: unknown): JsonObject {
  return value === undefined || value === null ? {} : asObject(value, "message");
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MalformedError(`${what} must be an array`);
  return value;
}

export function asString(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new MalformedError("expected a string");
  return value.length > stringBytesMax ? value.slice(0, stringBytesMax) : value;
}

function asBoolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new MalformedError("boolValue must be a boolean");
  return value;
}

export function asId(value: unknown, what: string): string {
  const text = asString(value);
  if (!/^[0-9a-fA-F]{0,64}$/.test(text)) throw new MalformedError(`${what} must be hex`);
  return text.toLowerCase();
}

/** proto3 JSON: a number, or a string of one; NaN and the infinities by name. */
function asDouble(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  if (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))) return Number(value);
  throw new MalformedError("doubleValue must be a number");
}

function asInt64(value: unknown): bigint {
  const integer = asInteger(value, "intValue");
  if (integer < INT64_MIN || integer > INT64_MAX) throw new MalformedError("intValue is out of range");
  return integer;
}

function asInteger(value: unknown, what: string): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  const written = typeof value === "string" ? wholeNumberOf(value) : undefined;
  if (written === undefined) throw new MalformedError(`${what} must be an integer`);
  return written;
}

/** Longer ones are no 64-bit integers. */
const WRITTEN_CHARS_MAX = 64;
const WRITTEN = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A whole number in a string with a point or an exponent, which proto3's JSON allows: `1.0`, `1e3`. Exact; `undefined` for others. */
function wholeNumberOf(text: string): bigint | undefined {
  const match = text.length > WRITTEN_CHARS_MAX ? null : WRITTEN.exec(text);
  if (match === null) return undefined;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  const pointAt = whole.length + Number(exponent);
  if (/[1-9]/.test(digits.slice(Math.max(0, pointAt)))) return undefined;
  return BigInt(`${sign}${digits.slice(0, Math.max(0, pointAt)).padEnd(pointAt, "0") || "0"}`);
}

export function asTime(value: unknown, what: string): bigint {
  const time = asInteger(value, what);
  if (time < 0n || time > UINT64_MAX) throw new MalformedError(`${what} is out of range`);
  return time;
}

/** A small unsigned integer: enums, flags, counts. */
export function asCount(value: unknown, what: string): number {
  const count = asInteger(value, what);
  if (count < 0n || count > 4_294_967_295n) throw new MalformedError(`${what} is out of range`);
  return Number(count);
}
