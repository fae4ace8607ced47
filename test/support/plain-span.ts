/** Spans as plain values, however they are held: for comparing those of two decoders, or of two places. */
import type { Attributes, AttributeValue, Span } from "../../src/pdata/span.ts";

export function plainAttributes(attributes: Attributes): Map<string, AttributeValue> {
  return new Map([...attributes].map(([key, value]) => [key, plainValue(value)]));
}

/** Everything of a span that was on the wire. */
export function plainSpan(span: Span): object {
  return {
    resource: plainAttributes(span.resource.attributes),
    scope: { name: span.scope.name, version: span.scope.version, attributes: plainAttributes(span.scope.attributes) },
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    flags: span.flags,
    name: span.name,
    kind: span.kind,
    startUnixNano: span.startUnixNano,
    endUnixNano: span.endUnixNano,
    statusCode: span.statusCode,
    statusMessage: span.statusMessage,
    attributes: plainAttributes(span.attributes),
    events: span.events.map(({ timeUnixNano, name, attributes }) => ({
      timeUnixNano,
      name,
      attributes: plainAttributes(attributes),
    })),
    links: span.links.map(({ traceId, spanId, traceState, attributes }) => ({
      traceId,
      spanId,
      traceState,
      attributes: plainAttributes(attributes),
    })),
    droppedAttributesCount: span.droppedAttributesCount,
  };
}

/** Bytes of one class, objects of one prototype: what an equality of values should not see. */
function plainValue(value: AttributeValue): AttributeValue {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return (value as readonly AttributeValue[]).map(plainValue);
  const plain = Object.create(null) as Record<string, AttributeValue>;
  for (const [key, inner] of Object.entries(value)) plain[key] = plainValue(inner);
  return plain;
}
