/**
 * ExportTraceServiceRequest in OTLP/JSON: ids in hex, 64-bit integers as strings, bytes as base64, enums as integers.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { AttributeValue, Resource, Scope, Span, SpanEvent, SpanLink } from "../span.ts";
import { type KeyValue, isArray, isInt64 } from "./encode-attributes.ts";
import { type AddedAttributes, NOTHING_ADDED } from "./encode-traces.ts";
import { groupByScope } from "./group.ts";

/** The body of `POST /v1/traces` with `application/json`. */
export function encodeJsonTraces(spans: readonly Span[], added: AddedAttributes = NOTHING_ADDED): Buffer {
  const resourceSpans = Array.from(groupByScope(spans), ([resource, scopes]) => ({
    resource: resourceJson(resource),
    scopeSpans: Array.from(scopes, ([scope, members]) => ({
      scope: scopeJson(scope),
      spans: members.map((span) => spanJson(span, added)),
    })),
  }));
  return Buffer.from(wellFormed(JSON.stringify({ resourceSpans })));
}

/** Half a surrogate pair, which JSON can escape but no UTF-8 hold (strict readers refuse it), becomes U+FFFD. */
export function wellFormed(json: string): string {
  return json.includes("\\ud") ? json.replaceAll(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, "$1\uFFFD") : json;
}

export function resourceJson(resource: Resource): object {
  return { attributes: attributesJson(resource.attributes) };
}

export function scopeJson({ name, version, attributes }: Scope): object {
  return { name, version, attributes: attributesJson(attributes) };
}

export function attributesJson(attributes: Iterable<KeyValue>): readonly object[] {
  const list: object[] = [];
  for (const [key, value] of attributes) list.push({ key, value: valueJson(value) });
  return list;
}

/** AnyValue; `null` is one without any of its fields. */
export function valueJson(value: AttributeValue): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "bigint":
      return isInt64(value) ? { intValue: value.toString() } : { stringValue: value.toString() };
    case "number":
      return { doubleValue: doubleJson(value) };
    default:
      return structureJson(value);
  }
}

function structureJson(value: Extract<AttributeValue, object | null>): object {
  if (value === null) return {};
  if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString("base64") };
  if (isArray(value)) return { arrayValue: { values: value.map(valueJson) } };
  return { kvlistValue: { values: Object.entries(value).map(([key, inner]) => ({ key, value: valueJson(inner) })) } };
}

/** What JSON has no number for goes as a string: https://protobuf.dev/programming-guides/json/ */
function doubleJson(value: number): number | string {
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? value : String(value);
}

function spanJson(span: Span, added: AddedAttributes): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.traceState === "" ? {} : { traceState: span.traceState }),
    ...(span.parentSpanId === "" ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.flags === 0 ? {} : { flags: span.flags }),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: span.startUnixNano.toString(),
    endTimeUnixNano: span.endUnixNano.toString(),
    attributes: [...attributesJson(span.attributes), ...attributesJson(added(span))],
    ...(span.droppedAttributesCount === 0 ? {} : { droppedAttributesCount: span.droppedAttributesCount }),
    ...(span.events.length === 0 ? {} : { events: span.events.map(eventJson) }),
    ...(span.links.length === 0 ? {} : { links: span.links.map(linkJson) }),
    status: { ...(span.statusMessage === "" ? {} : { message: span.statusMessage }), code: span.statusCode },
  };
}

function eventJson({ timeUnixNano, name, attributes }: SpanEvent): object {
  return { timeUnixNano: timeUnixNano.toString(), name, attributes: attributesJson(attributes) };
}

function linkJson({ traceId, spanId, traceState, attributes }: SpanLink): object {
  return {
    traceId,
    spanId,
    ...(traceState === "" ? {} : { traceState }),
    attributes: attributesJson(attributes),
  };
}
