/**
 * ExportTraceServiceRequest from protobuf, in one pass over the bytes and without generated code. A span of it knows where
 * its values are; few are made before they are asked for (docs/decisions/0008-hot-path.md). Unknown fields are skipped, fields may come in any order, and nothing but a `DecodedTraces` ever comes out.
 */
import { type BufferSource, NEW_BUFFERS } from "../../support/buffer-pool.ts";
import type { Resource, Scope, Span, SpanEvent, SpanLink } from "../span.ts";
import { AttributeTable } from "./attribute-table.ts";
import { AttributesBuilder } from "./attributes-builder.ts";
import {
  type DecodedTraces,
  MalformedError,
  OTLP_LIMITS,
  RejectionCounter,
  SpanFault,
  isLinkTarget,
} from "./decoded.ts";
import {
  type Mutable,
  bytesField,
  fixed32Field,
  fixed64Field,
  readAttribute,
  readResource,
  readScope,
  varintField,
} from "./protobuf-attributes.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ABSENT, INVALID, SPAN_ID_BYTES, TRACE_ID_BYTES, WireSpan } from "./wire-span.ts";

const { itemsMax, stringBytesMax } = OTLP_LIMITS;

/** Decodes the body of `POST /v1/traces` with `application/x-protobuf`. Never throws. Its spans read body and buffers. */
export function decodeProtobufTraces(body: Uint8Array, buffers: BufferSource = NEW_BUFFERS): DecodedTraces {
  const reader = new ProtobufReader(body);
  const task: Task = {
    reader,
    attributes: new AttributesBuilder(new AttributeTable(reader.bytes, buffers)),
    spans: [],
    rejected: new RejectionCounter(),
  };
  try {
    while (!reader.atEnd) {
      const tag = reader.tag();
      if (tag === bytesField(1)) readResourceSpans(task);
      else reader.skip(tag);
    }
  } catch (error) {
    if (error instanceof MalformedError) return { kind: "malformed", reason: `protobuf: ${error.message}` };
    throw error;
  }
  return { kind: "decoded", spans: task.spans, rejected: task.rejected.list() };
}

/** One request on its way. */
interface Task {
  readonly reader: ProtobufReader;
  readonly attributes: AttributesBuilder;
  readonly spans: Span[];
  readonly rejected: RejectionCounter;
}

function readResourceSpans(task: Task): void {
  const { reader } = task;
  const resource: Resource = { attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) readResource(reader, resource);
    else if (tag === bytesField(2)) readScopeSpans(task, resource);
    else reader.skip(tag);
  }
  reader.leave(outer);
}

function readScopeSpans(task: Task, resource: Resource): void {
  const { reader } = task;
  const scope: Mutable<Scope> = { name: "", version: "", attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) readScope(reader, scope);
    else if (tag === bytesField(2)) {
      const fault = readSpan(task, resource, scope);
      if (fault !== undefined) task.rejected.add(fault);
    } else reader.skip(tag);
  }
  reader.leave(outer);
}

/** Reads one span. Returns why it can't be taken, or `undefined` when it was. */
function readSpan({ reader, attributes, spans }: Task, resource: Resource, scope: Scope): string | undefined {
  const span = new WireSpan({ resource, scope, source: reader });
  attributes.begin();
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(9)) attributes.read(reader);
    else readSpanField(reader, tag, span);
  }
  reader.leave(outer);
  const fault = wireFault(span);
  if (fault !== undefined) return fault;
  span.attributes = attributes.finish();
  span.droppedAttributesCount += attributes.dropped;
  spans.push(span);
  return undefined;
}

function readSpanField(reader: ProtobufReader, tag: number, span: WireSpan): void {
  switch (tag) {
    case bytesField(1):
      span.traceIdAt = idAt(reader, TRACE_ID_BYTES) ?? INVALID;
      return;
    case bytesField(2):
      span.spanIdAt = idAt(reader, SPAN_ID_BYTES) ?? INVALID;
      return;
    case bytesField(3):
      span.traceState = reader.string(stringBytesMax);
      return;
    case bytesField(4):
      span.parentSpanIdAt = idAt(reader, SPAN_ID_BYTES) ?? INVALID;
      return;
    case bytesField(5):
      span.name = reader.string(stringBytesMax);
      return;
    case varintField(6):
      span.kind = reader.uint32();
      return;
    case fixed64Field(7):
      span.startAt = reader.fixed64At();
      return;
    case fixed64Field(8):
      span.endAt = reader.fixed64At();
      return;
    case varintField(10):
      span.droppedAttributesCount = reader.uint32();
      return;
    case bytesField(11):
      span.events = withOneMore(span.events, readEvent(reader));
      return;
    case bytesField(13):
      span.links = withOneMore(span.links, readLink(reader));
      return;
    case bytesField(15):
      readStatus(reader, span);
      return;
    case fixed32Field(16):
      span.flags = reader.fixed32();
      return;
    default:
      reader.skip(tag);
  }
}

/** Most spans have no events and no links: the list is made with the first, and grows in place. */
function withOneMore<T>(list: readonly T[], item: T | undefined): readonly T[] {
  if (item === undefined || list.length >= itemsMax) return list;
  if (list.length === 0) return [item];
  (list as T[]).push(item);
  return list;
}

/** Where an id starts; `ABSENT` when it is empty or all zero, `undefined` when it has another length. */
function idAt(reader: ProtobufReader, length: number): number | undefined {
  const start = reader.lengthDelimited();
  const { bytes, position } = reader;
  let isZero = true;
  for (let index = start; isZero && index < position; index += 1) isZero = bytes[index] === 0;
  if (isZero) return ABSENT;
  return position - start === length ? start : undefined;
}

/** `spanFault` for a span whose ids and times are in the bytes. */
function wireFault(span: WireSpan): string | undefined {
  if (span.traceIdAt < 0) return SpanFault.traceId;
  if (span.spanIdAt < 0) return SpanFault.spanId;
  if (span.parentSpanIdAt === INVALID) return SpanFault.parentSpanId;
  if (isTooLate(span.bytes, span.startAt) || isTooLate(span.bytes, span.endAt)) return SpanFault.time;
  return undefined;
}

/** Beyond the signed 64 bits that ClickHouse counts nanoseconds in. */
function isTooLate(bytes: Buffer, at: number): boolean {
  return at !== ABSENT && (bytes[at + 7] ?? 0) > 0x7f;
}

function readStatus(reader: ProtobufReader, span: WireSpan): void {
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(2)) span.statusMessage = reader.string(stringBytesMax);
    else if (tag === varintField(3)) span.statusCode = reader.uint32();
    else reader.skip(tag);
  }
  reader.leave(outer);
}

function readEvent(reader: ProtobufReader): SpanEvent {
  const event: Mutable<SpanEvent> = { timeUnixNano: 0n, name: "", attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === fixed64Field(1)) event.timeUnixNano = reader.fixed64();
    else if (tag === bytesField(2)) event.name = reader.string(stringBytesMax);
    else if (tag === bytesField(3)) readAttribute(reader, event.attributes);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return event;
}

/** `undefined` for a link that points nowhere: it is dropped, the span stays. */
function readLink(reader: ProtobufReader): SpanLink | undefined {
  const link: Mutable<SpanLink> = { traceId: "", spanId: "", traceState: "", attributes: new Map() };
  const outer = reader.enter();
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === bytesField(1)) link.traceId = reader.hex();
    else if (tag === bytesField(2)) link.spanId = reader.hex();
    else if (tag === bytesField(3)) link.traceState = reader.string(stringBytesMax);
    else if (tag === bytesField(4)) readAttribute(reader, link.attributes);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return isLinkTarget(link.traceId, link.spanId) ? link : undefined;
}
