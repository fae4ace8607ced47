/**
 * ExportTraceServiceRequest from OTLP/JSON: ids in hex of any case, 64-bit integers as strings or numbers, enums as
 * integers, bytes as base64, lowerCamelCase names only, unknown fields ignored.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { isUtf8 } from "node:buffer";
import { emptyFacts } from "../facts.ts";
import type { Attributes, AttributeValue, Resource, Scope, Span, SpanEvent, SpanLink } from "../span.ts";
import {
  type DecodedTraces,
  MalformedError,
  OTLP_LIMITS,
  RejectionCounter,
  isLinkTarget,
  parentId,
  spanFault,
} from "./decoded.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const { attributesMax, elementsMax, itemsMax, stringBytesMax, valueDepthMax } = OTLP_LIMITS;
const UINT64_MAX = 18_446_744_073_709_551_615n;
/** A bare number too long for a float: only then is the slow, exact parse needed. */
const LONG_NUMBER = /[:[,]\s*-?\d{16,}/;

/** Decodes the body of `POST /v1/traces` with `application/json`. Never throws. */
export function decodeJsonTraces(body: Uint8Array): DecodedTraces {
  const spans: Span[] = [];
  const rejected = new RejectionCounter();
  try {
    const request = asObject(parse(body), "request");
    for (const resourceSpans of listOf(request["resourceSpans"], "resourceSpans")) {
      readResourceSpans(asObject(resourceSpans, "resourceSpans"), spans, rejected);
    }
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", reason: `json: ${error.message}` };
    throw error;
  }
  return { kind: "decoded", spans, rejected: rejected.list() };
}

function parse(body: Uint8Array): unknown {
  if (!isUtf8(body)) throw new MalformedError("not valid UTF-8");
  const text = new TextDecoder().decode(body);
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

function readResourceSpans(resourceSpans: JsonObject, spans: Span[], rejected: RejectionCounter): void {
  const resource: Resource = {
    attributes: readAttributes(optionalObject(resourceSpans["resource"])["attributes"]).attributes,
  };
  for (const item of listOf(resourceSpans["scopeSpans"], "scopeSpans")) {
    const scopeSpans = asObject(item, "scopeSpans");
    const scopeJson = optionalObject(scopeSpans["scope"]);
    const scope: Scope = {
      name: asString(scopeJson["name"]),
      version: asString(scopeJson["version"]),
      attributes: readAttributes(scopeJson["attributes"]).attributes,
    };
    for (const spanJson of listOf(scopeSpans["spans"], "spans"))
      readSpan({ spanJson, resource, scope, spans, rejected });
  }
}

interface SpanTask {
  readonly spanJson: unknown;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly spans: Span[];
  readonly rejected: RejectionCounter;
}

/** A field of the wrong type is the fault of its span alone: JSON keeps its structure around it. */
function readSpan(task: SpanTask): void {
  let fault: string | undefined;
  try {
    const span = spanOf(asObject(task.spanJson, "span"), task);
    fault = spanFault(span);
    if (fault === undefined) task.spans.push(span);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    fault = error.message;
  }
  if (fault !== undefined) task.rejected.add(fault);
}

function spanOf(json: JsonObject, task: SpanTask): Span {
  const { attributes, dropped } = readAttributes(json["attributes"]);
  const status = optionalObject(json["status"]);
  return {
    resource: task.resource,
    scope: task.scope,
    traceId: asId(json["traceId"], "traceId"),
    spanId: asId(json["spanId"], "spanId"),
    parentSpanId: parentId(asId(json["parentSpanId"], "parentSpanId")),
    traceState: asString(json["traceState"]),
    flags: asCount(json["flags"], "flags"),
    name: asString(json["name"]),
    kind: asCount(json["kind"], "kind"),
    startUnixNano: asTime(json["startTimeUnixNano"], "startTimeUnixNano"),
    endUnixNano: asTime(json["endTimeUnixNano"], "endTimeUnixNano"),
    statusCode: asCount(status["code"], "status.code"),
    statusMessage: asString(status["message"]),
    attributes,
    events: listOf(json["events"], "events").slice(0, itemsMax).map(readEvent),
    links: listOf(json["links"], "links")
      .slice(0, itemsMax)
      .map(readLink)
      .filter((link) => isLinkTarget(link.traceId, link.spanId)),
    droppedAttributesCount: asCount(json["droppedAttributesCount"], "droppedAttributesCount") + dropped,
    facts: emptyFacts(),
  };
}

function readEvent(item: unknown): SpanEvent {
  const event = asObject(item, "event");
  return {
    timeUnixNano: asTime(event["timeUnixNano"], "timeUnixNano"),
    name: asString(event["name"]),
    attributes: readAttributes(event["attributes"]).attributes,
  };
}

function readLink(item: unknown): SpanLink {
  const link = asObject(item, "link");
  return {
    traceId: asId(link["traceId"], "traceId"),
    spanId: asId(link["spanId"], "spanId"),
    traceState: asString(link["traceState"]),
    attributes: readAttributes(link["attributes"]).attributes,
  };
}

function readAttributes(json: unknown): { attributes: Attributes; dropped: number } {
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

function readValue(json: unknown, depth: number): AttributeValue {
  if (json === null || json === undefined) return null;
  const value = asObject(json, "value");
  if ("stringValue" in value) return asString(value["stringValue"]);
  if ("boolValue" in value) return asBoolean(value["boolValue"]);
  if ("intValue" in value) return BigInt.asIntN(64, asInteger(value["intValue"], "intValue"));
  if ("doubleValue" in value) return asDouble(value["doubleValue"]);
  if ("bytesValue" in value) return Uint8Array.from(Buffer.from(asString(value["bytesValue"]), "base64"));
  if ("arrayValue" in value && depth < valueDepthMax) {
    const values = listOf(optionalObject(value["arrayValue"])["values"], "arrayValue.values");
    return values.slice(0, elementsMax).map((item) => readValue(item, depth + 1));
  }
  if ("kvlistValue" in value && depth < valueDepthMax) {
    // No prototype: a key may be called `__proto__`.
    const object = Object.create(null) as Record<string, AttributeValue>;
    for (const item of listOf(optionalObject(value["kvlistValue"])["values"], "kvlistValue.values")) {
      const pair = asObject(item, "kvlistValue.values");
      object[asString(pair["key"])] = readValue(pair["value"], depth + 1);
    }
    return object;
  }
  return null;
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedError(`${what} must be an object`);
  }
  return value as JsonObject;
}

function optionalObject(value: unknown): JsonObject {
  return value === undefined || value === null ? {} : asObject(value, "message");
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MalformedError(`${what} must be an array`);
  return value;
}

function asString(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new MalformedError("expected a string");
  return value.length > stringBytesMax ? value.slice(0, stringBytesMax) : value;
}

function asBoolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new MalformedError("boolValue must be a boolean");
  return value;
}

function asId(value: unknown, what: string): string {
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

function asInteger(value: unknown, what: string): bigint {
  if (value === undefined || value === null) return 0n;
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw new MalformedError(`${what} must be an integer`);
}

function asTime(value: unknown, what: string): bigint {
  const time = asInteger(value, what);
  if (time < 0n || time > UINT64_MAX) throw new MalformedError(`${what} is out of range`);
  return time;
}

/** A small unsigned integer: enums, flags, counts. */
function asCount(value: unknown, what: string): number {
  const count = asInteger(value, what);
  if (count < 0n || count > 4_294_967_295n) throw new MalformedError(`${what} is out of range`);
  return Number(count);
}
