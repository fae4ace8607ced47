/**
 * Spans as OTLP/JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), for one purpose: at a plain
 * `process.exit()` there is no time for the exporter, and what is left is handed to a child process as text.
 */
import type { Attributes, HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

export function toOtlpJson(spans: readonly ReadableSpan[]): string {
  const resourceSpans = spans.map((span) => ({
    resource: { attributes: toKeyValues(span.resource.attributes) },
    scopeSpans: [
      {
        scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version ?? "" },
        spans: [toSpan(span)],
      },
    ],
  }));
  return JSON.stringify({ resourceSpans });
}

function toSpan(span: ReadableSpan): object {
  const { traceId, spanId, traceState } = span.spanContext();
  return {
    traceId,
    spanId,
    ...(traceState === undefined ? {} : { traceState: traceState.serialize() }),
    ...(span.parentSpanContext === undefined ? {} : { parentSpanId: span.parentSpanContext.spanId }),
    name: span.name,
    kind: span.kind + 1,
    startTimeUnixNano: toNanos(span.startTime),
    endTimeUnixNano: toNanos(span.endTime),
    attributes: toKeyValues(span.attributes),
    events: span.events.map((event) => ({
      name: event.name,
      timeUnixNano: toNanos(event.time),
      attributes: toKeyValues(event.attributes ?? {}),
    })),
    links: span.links.map((link) => ({
      traceId: link.context.traceId,
      spanId: link.context.spanId,
      attributes: toKeyValues(link.attributes ?? {}),
    })),
    status: { code: span.status.code, ...(span.status.message === undefined ? {} : { message: span.status.message }) },
  };
}

function toNanos([seconds, nanos]: HrTime): string {
  return (BigInt(seconds) * 1_000_000_000n + BigInt(nanos)).toString();
}

function toKeyValues(attributes: Attributes): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: toValue(value) }],
  );
}

function toValue(value: unknown): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map((item) => toValue(item)) } };
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      return {};
  }
}
