/**
 * Spans as OTLP in Protobuf, written at once: what the SDK's own serializer makes of a span on the way costs more than all else about sending
 * it. Each span is written when it has ended, so that a batch of them is only put together.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import type { Attributes, HrTime } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { KeyLists } from "../audit/key-lists.ts";
import { ProtobufWriter } from "../protobuf/protobuf-writer.ts";
import { saidBy } from "./said.ts";
import type { Said } from "./said.ts";
import { keep } from "./span-pages.ts";

/** What a body of such spans is. */
export const OTLP_TYPE = "application/x-protobuf";

/** A span that waits to be sent: its bytes, what stands above it in a request, and nothing else of it, so that the rest can go at once. */
export interface WrittenSpan {
  readonly resource: ReadableSpan["resource"];
  readonly scope: ReadableSpan["instrumentationScope"];
  /** Field 2 of ScopeSpans: its tag, its length and the span. */
  readonly bytes: Uint8Array;
}

/** What sends them. */
export interface WrittenSpanExporter {
  export(spans: readonly WrittenSpan[], done: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
}

/** Bits 8 and 9 of `flags`: whether the parent was remote is known, and that it was. */
const KNOWS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Tags of fields, by their number and what is in them. */
const text = (field: number): number => (field << 3) | 2;
const message = text;
const count = (field: number): number => field << 3;
const fixed64 = (field: number): number => (field << 3) | 1;
const fixed32 = (field: number): number => (field << 3) | 5;

const SPANS = message(2);
const ATTRIBUTES = message(9);
const VALUE = message(2);

type Span = WrittenSpan["bytes"];
type Scopes = Map<WrittenSpan["scope"], Span[]>;

/** One request: spans by their resource and scope. */
export function toOtlpRequest(spans: readonly WrittenSpan[]): Buffer {
  const resources = new Map<WrittenSpan["resource"], Scopes>();
  for (const { resource, scope, bytes } of spans) {
    let scopes = resources.get(resource);
    if (scopes === undefined) resources.set(resource, (scopes = new Map()));
    const members = scopes.get(scope);
    if (members === undefined) scopes.set(scope, [bytes]);
    else members.push(bytes);
  }
  const parts: Uint8Array[] = [];
  for (const [resource, scopes] of resources) addResource(resource, scopes, parts);
  return Buffer.concat(parts);
}

function addResource({ attributes, schemaUrl }: WrittenSpan["resource"], scopes: Scopes, parts: Uint8Array[]): void {
  const members: Uint8Array[] = [];
  members.push(
    written((writer) => {
      const resource = writer.open(message(1));
      writeAttributes(writer, message(1), attributes);
      writer.close(resource);
    }),
  );
  for (const [{ name, version = "", schemaUrl: ofScope }, spans] of scopes) {
    const scope = written((writer) => {
      const start = writer.open(message(1));
      writeText(writer, text(1), name);
      writeText(writer, text(2), version);
      writer.close(start);
    });
    addMessage(message(2), [scope, ...spans, schemaField(ofScope)], members);
  }
  addMessage(message(1), [...members, schemaField(schemaUrl)], parts);
}

/** Field 3 of ResourceSpans and ScopeSpans. */
function schemaField(url: string | undefined): Uint8Array {
  return written((writer) => writeText(writer, text(3), url ?? ""));
}

function addMessage(tag: number, fields: readonly Uint8Array[], parts: Uint8Array[]): void {
  let size = 0;
  for (const field of fields) size += field.length;
  const head = written((writer) => {
    writer.tag(tag);
    writer.varint(size);
  });
  parts.push(head);
  for (const field of fields) parts.push(field);
}

function written(write: (writer: ProtobufWriter) => void): Uint8Array {
  scratch.clear();
  write(scratch);
  return scratch.finish();
}

const scratch = new ProtobufWriter();

/** Writes a span that has ended. */
export function write(span: ReadableSpan): WrittenSpan {
  scratch.clear();
  writeSpan(scratch, span);
  return { resource: span.resource, scope: span.instrumentationScope, bytes: keep(scratch.written) };
}

function writeSpan(writer: ProtobufWriter, span: ReadableSpan): void {
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext;
  const { code, message: why = "" } = span.status;
  const start = writer.open(SPANS);
  writeId(writer, message(1), traceId);
  writeId(writer, message(2), spanId);
  if (traceState !== undefined) writeText(writer, text(3), traceState.serialize());
  if (parent !== undefined) writeId(writer, message(4), parent.spanId);
  writeText(writer, text(5), span.name);
  writeCount(writer, count(6), span.kind + 1);
  writeTime(writer, fixed64(7), span.startTime);
  writeTime(writer, fixed64(8), span.endTime);
  writeSaid(writer, saidBy(span));
  writeCount(writer, count(10), span.droppedAttributesCount);
  for (const event of span.events) writeEvent(writer, event);
  writeCount(writer, count(12), span.droppedEventsCount);
  for (const link of span.links) writeLink(writer, link);
  writeCount(writer, count(14), span.droppedLinksCount);
  if (code !== 0 || why !== "") {
    const status = writer.open(message(15));
    writeText(writer, text(2), why);
    writeCount(writer, count(3), code);
    writer.close(status);
  }
  writer.tag(fixed32(16));
  writer.fixed32(flagsOf(traceFlags, parent?.isRemote));
  writer.close(start);
}

function writeEvent(
  writer: ProtobufWriter,
  { name, time, attributes = {}, droppedAttributesCount = 0 }: ReadableSpan["events"][number],
): void {
  const start = writer.open(message(11));
  writeTime(writer, fixed64(1), time);
  writeText(writer, text(2), name);
  writeAttributes(writer, message(3), attributes);
  writeCount(writer, count(4), droppedAttributesCount);
  writer.close(start);
}

function writeLink(
  writer: ProtobufWriter,
  { context, attributes = {}, droppedAttributesCount = 0 }: ReadableSpan["links"][number],
): void {
  const start = writer.open(message(13));
  writeId(writer, message(1), context.traceId);
  writeId(writer, message(2), context.spanId);
  if (context.traceState !== undefined) writeText(writer, text(3), context.traceState.serialize());
  writeAttributes(writer, message(4), attributes);
  writeCount(writer, count(5), droppedAttributesCount);
  writer.tag(fixed32(6));
  writer.fixed32(flagsOf(context.traceFlags, context.isRemote));
  writer.close(start);
}

function flagsOf(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | KNOWS_IS_REMOTE | (isRemote === true ? IS_REMOTE : 0);
}

/** Of spans that say the same things in the same order: the keys as they are written, and the value that came last at each place. */
interface Layout {
  /** Field 1 of KeyValue. */
  readonly keys: readonly Uint8Array[];
  readonly lastValues: unknown[];
  /** The whole attribute with that value, once it has come twice. */
  readonly lastBytes: (Uint8Array | undefined)[];
}

const LAST_LENGTH_MAX = 256;

const layouts = new KeyLists<Layout>((keys) => {
  const writer = new ProtobufWriter();
  return {
    keys: keys.map((key) => {
      writer.clear();
      writer.tag(text(1));
      writer.string(key);
      return writer.finish();
    }),
    lastValues: keys.map(() => undefined),
    lastBytes: keys.map(() => undefined),
  };
});

/** Most of what a process says of its calls it says of all of them: such an attribute is written once. */
function writeSaid(writer: ProtobufWriter, said: Said): void {
  const { values } = said;
  const { keys, lastValues, lastBytes } = layouts.of(said.keys);
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    const isLast = value === lastValues[place];
    const bytes = isLast ? lastBytes[place] : undefined;
    if (bytes !== undefined) {
      writer.raw(bytes);
      continue;
    }
    const start = writer.length;
    const attribute = writer.open(ATTRIBUTES);
    writer.raw(keys[place] as Uint8Array);
    writeValue(writer, VALUE, value);
    writer.close(attribute);
    if (typeof value === "object" || writer.length - start > LAST_LENGTH_MAX) continue;
    lastValues[place] = value;
    lastBytes[place] = isLast ? writer.since(start) : undefined;
  }
}

function writeAttributes(writer: ProtobufWriter, tag: number, attributes: Attributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    const start = writer.open(tag);
    writer.tag(text(1));
    writer.string(key);
    writeValue(writer, VALUE, value);
    writer.close(start);
  }
}

/** An AnyValue; what is none of OpenTelemetry's values is one without any of its fields. */
function writeValue(writer: ProtobufWriter, tag: number, value: unknown): void {
  const start = writer.open(tag);
  switch (typeof value) {
    case "string":
      writer.tag(text(1));
      writer.string(value);
      break;
    case "boolean":
      writer.tag(count(2));
      writer.varint(value ? 1 : 0);
      break;
    case "number":
      if (Number.isSafeInteger(value)) {
        writer.tag(count(3));
        if (value >= 0 && value <= UINT32_MAX) writer.varint(value);
        else writer.int64(BigInt(value));
      } else {
        writer.tag(fixed64(4));
        writer.double(value);
      }
      break;
    default:
      if (Array.isArray(value)) writeList(writer, value);
  }
  writer.close(start);
}

const UINT32_MAX = 0xffff_ffff;

function writeList(writer: ProtobufWriter, values: readonly unknown[]): void {
  const start = writer.open(message(5));
  for (const value of values) writeValue(writer, message(1), value);
  writer.close(start);
}

/** "" is the default and is left out. */
function writeText(writer: ProtobufWriter, tag: number, value: string): void {
  if (value === "") return;
  writer.tag(tag);
  writer.string(value);
}

/** 0 is the default and is left out. */
function writeCount(writer: ProtobufWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.tag(tag);
  writer.varint(value);
}

function writeId(writer: ProtobufWriter, tag: number, digits: string): void {
  writer.tag(tag);
  writer.hex(digits);
}

const NANOS = 1_000_000_000;
const HALF = 0x1_0000;
const WORD = 0x1_0000_0000;

/** Nanoseconds since 1970 in 64 bits, in steps that are whole numbers of a double each: every span has two, and big integers are dear. */
function writeTime(writer: ProtobufWriter, tag: number, time: HrTime): void {
  const upper = Math.floor(time[0] / HALF) * NANOS;
  const lower = (upper % HALF) * HALF + (time[0] % HALF) * NANOS + time[1];
  writer.tag(tag);
  writer.fixed32(lower % WORD);
  writer.fixed32(Math.floor(upper / HALF) + Math.floor(lower / WORD));
}
