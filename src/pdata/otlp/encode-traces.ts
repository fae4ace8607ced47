/**
 * ExportTraceServiceRequest from spans: what a backend is sent. Spans are grouped by their resource and scope, which the
 * decoders share among the spans of one message; the order within a scope stays. The spans are read only.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import { ProtobufWriter } from "@tollgate/instrumentation/protobuf";
import type { Span, SpanEvent, SpanLink } from "../span.ts";
import {
  type KeyValue,
  writeAttributes,
  writeCount,
  writeId,
  writeResource,
  writeScope,
  writeText,
  writeTime,
} from "./encode-attributes.ts";
import { groupByScope } from "./group.ts";
import { bytesField, fixed32Field } from "./protobuf-attributes.ts";

/** Attributes that go out with a span beside its own. They must not have a key that the span has. */
export type AddedAttributes = (span: Span) => readonly KeyValue[];

export const NOTHING_ADDED: AddedAttributes = () => [];

/** The body of `POST /v1/traces` with `application/x-protobuf`, and the message of `TraceService/Export`. */
export function encodeProtobufTraces(spans: readonly Span[], added: AddedAttributes = NOTHING_ADDED): Buffer {
  const writer = new ProtobufWriter();
  for (const [resource, scopes] of groupByScope(spans)) {
    const resourceSpans = writer.open(bytesField(1));
    writeResource(writer, resource);
    for (const [scope, members] of scopes) {
      const scopeSpans = writer.open(bytesField(2));
      writeScope(writer, scope);
      for (const span of members) writeSpan(writer, span, added);
      writer.close(scopeSpans);
    }
    writer.close(resourceSpans);
  }
  return writer.finish();
}

function writeSpan(writer: ProtobufWriter, span: Span, added: AddedAttributes): void {
  const start = writer.open(bytesField(2));
  writeId(writer, { field: 1, hex: span.traceId });
  writeId(writer, { field: 2, hex: span.spanId });
  writeText(writer, { field: 3, text: span.traceState });
  writeId(writer, { field: 4, hex: span.parentSpanId });
  writeText(writer, { field: 5, text: span.name });
  writeCount(writer, { field: 6, count: span.kind });
  writeTime(writer, { field: 7, unixNano: span.startUnixNano });
  writeTime(writer, { field: 8, unixNano: span.endUnixNano });
  writeAttributes(writer, { field: 9, attributes: span.attributes });
  writeAttributes(writer, { field: 9, attributes: added(span) });
  writeCount(writer, { field: 10, count: span.droppedAttributesCount });
  for (const event of span.events) writeEvent(writer, event);
  for (const link of span.links) writeLink(writer, link);
  if (span.statusCode !== 0 || span.statusMessage !== "") {
    const status = writer.open(bytesField(15));
    writeText(writer, { field: 2, text: span.statusMessage });
    writeCount(writer, { field: 3, count: span.statusCode });
    writer.close(status);
  }
  if (span.flags !== 0) {
    writer.tag(fixed32Field(16));
    writer.fixed32(span.flags);
  }
  writer.close(start);
}

function writeEvent(writer: ProtobufWriter, event: SpanEvent): void {
  const start = writer.open(bytesField(11));
  writeTime(writer, { field: 1, unixNano: event.timeUnixNano });
  writeText(writer, { field: 2, text: event.name });
  writeAttributes(writer, { field: 3, attributes: event.attributes });
  writer.close(start);
}

function writeLink(writer: ProtobufWriter, link: SpanLink): void {
  const start = writer.open(bytesField(13));
  writeId(writer, { field: 1, hex: link.traceId });
  writeId(writer, { field: 2, hex: link.spanId });
  writeText(writer, { field: 3, text: link.traceState });
  writeAttributes(writer, { field: 4, attributes: link.attributes });
  writer.close(start);
}
