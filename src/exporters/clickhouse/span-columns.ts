/** The columns of `span_log` (src/storage/migrations/0001-spans.sql) and where each comes from. */
import type { ByteSink } from "../../pipeline/native/byte-sink.ts";
import { type NativeColumn, directColumn, nativeColumn } from "../../pipeline/native/native-block.ts";
import { nativeAttributes, nativeSharedMap, RECORD } from "../../pipeline/native/native-maps.ts";
import {
  type NativeType,
  nativeArray,
  nativeBool,
  nativeDateTime64Milli,
  nativeDateTime64Nano,
  nativeInt64,
  nativeLowCardinality,
  nativeString,
  nativeUInt64,
} from "../../pipeline/native/native-types.ts";
import { attributeText } from "../../pdata/attribute-text.ts";
import { ABSENT, SPAN_ID_BYTES, TRACE_ID_BYTES, WireSpan } from "../../pdata/otlp/wire-span.ts";
import { type Attributes, type Span, type SpanEvent, SpanKind, type SpanLink, StatusCode } from "../../pdata/span.ts";

/** A span and when its batch was received. */
export interface SpanRow {
  readonly span: Span;
  readonly receivedUnixMs: number;
}

/** By OTLP's numbering: the constants are written in its order. */
const KIND_NAMES = Object.keys(SpanKind);
const STATUS_NAMES = Object.keys(StatusCode);

const text = (name: string, read: (span: Span) => string): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeString, (row) => read(row.span));
const word = (name: string, read: (span: Span) => string): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeLowCardinality, (row) => read(row.span));

/** Ids and times of a span that came over the wire are copied from there. */
const id = (name: string, write: (sink: ByteSink, span: Span) => void): NativeColumn<SpanRow> =>
  directColumn(name, nativeString, (sink, row) => write(sink, row.span));
const time = (name: string, write: (sink: ByteSink, span: Span) => void): NativeColumn<SpanRow> =>
  directColumn(name, nativeDateTime64Nano, (sink, row) => write(sink, row.span));
const eventColumn = <T>(name: string, type: NativeType<T>, read: (event: SpanEvent) => T): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeArray(type, read), (row) => row.span.events);
const linkColumn = <T>(name: string, type: NativeType<T>, read: (link: SpanLink) => T): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeArray(type, read), (row) => row.span.links);

export const SPAN_COLUMNS: readonly NativeColumn<SpanRow>[] = [
  id("trace_id", writeTraceId),
  id("span_id", writeSpanId),
  id("parent_span_id", writeParentSpanId),
  text("trace_state", (span) => span.traceState),
  word("name", (span) => span.name),
  word("kind", (span) => KIND_NAMES[span.kind] ?? "unspecified"),
  time("start", writeStart),
  time("end", writeEnd),
  directColumn("duration_ns", nativeUInt64, (sink, row) => sink.uint64(durationNs(row.span))),
  word("status", (span) => STATUS_NAMES[span.statusCode] ?? "unset"),
  text("status_message", (span) => span.statusMessage),
  word("service", (span) => attributeText(span.resource.attributes.get("service.name") ?? "")),
  word("scope", (span) => span.scope.name),
  nativeColumn("agent", nativeLowCardinality, (row) => row.span.facts.agent),
  nativeColumn("agent_verified", nativeBool, (row) => row.span.facts.agentVerified),
  nativeColumn("owner", nativeLowCardinality, (row) => row.span.facts.owner),
  nativeColumn("team", nativeLowCardinality, (row) => row.span.facts.team),
  nativeColumn("role", nativeLowCardinality, (row) => row.span.facts.role),
  nativeColumn("session", nativeString, (row) => row.span.facts.session),
  nativeColumn("workflow", nativeString, (row) => row.span.facts.workflow),
  nativeColumn("user", nativeString, (row) => row.span.facts.user),
  nativeColumn("operation", nativeLowCardinality, (row) => row.span.facts.operation),
  nativeColumn("provider", nativeLowCardinality, (row) => row.span.facts.provider),
  nativeColumn("request_model", nativeLowCardinality, (row) => row.span.facts.requestModel),
  nativeColumn("model", nativeLowCardinality, (row) => row.span.facts.model),
  nativeColumn("tool", nativeLowCardinality, (row) => row.span.facts.tool),
  nativeColumn("input_tokens", nativeUInt64, (row) => row.span.facts.inputTokens),
  nativeColumn("output_tokens", nativeUInt64, (row) => row.span.facts.outputTokens),
  nativeColumn("cache_read_tokens", nativeUInt64, (row) => row.span.facts.cacheReadTokens),
  nativeColumn("cache_write_tokens", nativeUInt64, (row) => row.span.facts.cacheWriteTokens),
  nativeColumn("reasoning_tokens", nativeUInt64, (row) => row.span.facts.reasoningTokens),
  nativeColumn("cost_nano_usd", nativeInt64, (row) => row.span.facts.costNanoUsd),
  nativeColumn("cost_status", nativeLowCardinality, (row) => row.span.facts.costStatus),
  nativeColumn("price_version", nativeLowCardinality, (row) => row.span.facts.priceVersion),
  nativeColumn("decision", nativeLowCardinality, (row) => row.span.facts.decision),
  nativeColumn("decision_rule", nativeLowCardinality, (row) => row.span.facts.decisionRule),
  nativeColumn("decision_reason", nativeString, (row) => row.span.facts.decisionReason),
  nativeColumn("policy", nativeLowCardinality, (row) => row.span.facts.policy),
  nativeColumn("budget", nativeLowCardinality, (row) => row.span.facts.budget),
  nativeColumn("lease_id", nativeString, (row) => row.span.facts.leaseId),
  nativeColumn("data_label", nativeLowCardinality, (row) => row.span.facts.dataLabel),
  nativeColumn("labels", nativeSharedMap(RECORD), (row) => row.span.facts.labels),
  nativeColumn("attributes", nativeAttributes, (row) => row.span.attributes),
  word("resource", (span) => resourceText(span.resource.attributes)),
  eventColumn("event_times", nativeDateTime64Nano, (event) => clampTime(event.timeUnixNano)),
  eventColumn("event_names", nativeLowCardinality, (event) => event.name),
  eventColumn("event_attributes", nativeAttributes, (event) => event.attributes),
  linkColumn("link_trace_ids", nativeString, (link) => link.traceId),
  linkColumn("link_span_ids", nativeString, (link) => link.spanId),
  linkColumn("link_trace_states", nativeString, (link) => link.traceState),
  linkColumn("link_attributes", nativeAttributes, (link) => link.attributes),
  directColumn("received_at", nativeDateTime64Milli, (sink, row) => sink.uint64(row.receivedUnixMs)),
];

/** A resource's attributes live as long as their request. */
const resourceTexts = new WeakMap<Attributes, string>();

/**
 * The attributes of a resource as a JSON object, "" when there are none: a word of the block's dictionary, where a map would
 * be copied for every span at each merge (migration 0026). Written by hand, because an object would sort keys like `1`.
 */
function resourceText(attributes: Attributes): string {
  let text = resourceTexts.get(attributes);
  if (text === undefined) {
    const pairs = Array.from(attributes, ([key, value]) => `${jsonText(key)}:${jsonText(attributeText(value))}`);
    text = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    resourceTexts.set(attributes, text);
  }
  return text;
}

/** Half of a surrogate pair is no UTF-8, and the engine would take none of the object for it. */
function jsonText(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

const INT64_MAX = 9_223_372_036_854_775_807n;

/** Times of spans are checked by the decoder; those of events are not worth a span. */
function clampTime(unixNano: bigint): bigint {
  return unixNano > INT64_MAX ? INT64_MAX : unixNano;
}

function writeTraceId(sink: ByteSink, span: Span): void {
  if (span instanceof WireSpan) sink.hex(span, span.traceIdAt, TRACE_ID_BYTES);
  else sink.text(span.traceId);
}

function writeSpanId(sink: ByteSink, span: Span): void {
  if (span instanceof WireSpan) sink.hex(span, span.spanIdAt, SPAN_ID_BYTES);
  else sink.text(span.spanId);
}

function writeParentSpanId(sink: ByteSink, span: Span): void {
  const isWire = span instanceof WireSpan && span.parentSpanIdAt !== ABSENT;
  if (isWire) sink.hex(span, span.parentSpanIdAt, SPAN_ID_BYTES);
  else sink.text(span.parentSpanId);
}

function writeStart(sink: ByteSink, span: Span): void {
  if (span instanceof WireSpan && span.startAt !== ABSENT) sink.raw8(span, span.startAt);
  else sink.int64(span.startUnixNano);
}

function writeEnd(sink: ByteSink, span: Span): void {
  if (span instanceof WireSpan && span.endAt !== ABSENT) sink.raw8(span, span.endAt);
  else sink.int64(span.endUnixNano);
}

/** 0 where the clock of the sender went back; capped at what a double holds exactly (104 days). */
function durationNs(span: Span): number {
  if (span instanceof WireSpan) return span.durationNs;
  const duration = span.endUnixNano - span.startUnixNano;
  if (duration <= 0n) return 0;
  return duration > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(duration);
}
