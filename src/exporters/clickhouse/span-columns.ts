/** The columns of `span_log` (src/storage/migrations/0001-spans.sql) and where each comes from. */
import { type NativeColumn, nativeColumn } from "../../pipeline/native/native-block.ts";
import {
  nativeArray,
  nativeBool,
  nativeDateTime64Milli,
  nativeDateTime64Nano,
  nativeInt64,
  nativeLowCardinality,
  nativeString,
  nativeStringMap,
  nativeUInt64,
} from "../../pipeline/native/native-types.ts";
import { attributeText, attributesAsText } from "../../pdata/attribute-text.ts";
import { type Span, type SpanFacts, SpanKind, StatusCode } from "../../pdata/span.ts";

/** A span and when its batch was received. */
export interface SpanRow {
  readonly span: Span;
  readonly receivedUnixMs: number;
}

/** By OTLP's numbering: the constants are written in its order. */
const KIND_NAMES = Object.keys(SpanKind);
const STATUS_NAMES = Object.keys(StatusCode);

type FactKey<T> = { [K in keyof SpanFacts]: SpanFacts[K] extends T ? K : never }[keyof SpanFacts];

const text = (name: string, read: (span: Span) => string): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeString, (row) => read(row.span));
const word = (name: string, read: (span: Span) => string): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeLowCardinality, (row) => read(row.span));
const factText = (name: string, key: FactKey<string>): NativeColumn<SpanRow> => text(name, (span) => span.facts[key]);
const factWord = (name: string, key: FactKey<string>): NativeColumn<SpanRow> => word(name, (span) => span.facts[key]);
const factCount = (name: string, key: FactKey<number>): NativeColumn<SpanRow> =>
  nativeColumn(name, nativeUInt64, (row) => row.span.facts[key]);

export const SPAN_COLUMNS: readonly NativeColumn<SpanRow>[] = [
  text("trace_id", (span) => span.traceId),
  text("span_id", (span) => span.spanId),
  text("parent_span_id", (span) => span.parentSpanId),
  text("trace_state", (span) => span.traceState),
  word("name", (span) => span.name),
  word("kind", (span) => KIND_NAMES[span.kind] ?? "unspecified"),
  nativeColumn("start", nativeDateTime64Nano, (row) => row.span.startUnixNano),
  nativeColumn("end", nativeDateTime64Nano, (row) => row.span.endUnixNano),
  nativeColumn("duration_ns", nativeUInt64, (row) => durationNs(row.span)),
  word("status", (span) => STATUS_NAMES[span.statusCode] ?? "unset"),
  text("status_message", (span) => span.statusMessage),
  word("service", (span) => attributeText(span.resource.attributes.get("service.name") ?? "")),
  word("scope", (span) => span.scope.name),
  factWord("agent", "agent"),
  nativeColumn("agent_verified", nativeBool, (row) => row.span.facts.agentVerified),
  factWord("owner", "owner"),
  factWord("team", "team"),
  factWord("role", "role"),
  factText("session", "session"),
  factText("workflow", "workflow"),
  factText("user", "user"),
  factWord("operation", "operation"),
  factWord("provider", "provider"),
  factWord("request_model", "requestModel"),
  factWord("model", "model"),
  factWord("tool", "tool"),
  factCount("input_tokens", "inputTokens"),
  factCount("output_tokens", "outputTokens"),
  factCount("cache_read_tokens", "cacheReadTokens"),
  factCount("cache_write_tokens", "cacheWriteTokens"),
  factCount("reasoning_tokens", "reasoningTokens"),
  nativeColumn("cost_nano_usd", nativeInt64, (row) => row.span.facts.costNanoUsd),
  factWord("cost_status", "costStatus"),
  factWord("price_version", "priceVersion"),
  factWord("decision", "decision"),
  factWord("decision_rule", "decisionRule"),
  factText("decision_reason", "decisionReason"),
  factWord("policy", "policy"),
  factWord("budget", "budget"),
  factText("lease_id", "leaseId"),
  factWord("data_label", "dataLabel"),
  nativeColumn("labels", nativeStringMap, (row) => new Map(Object.entries(row.span.facts.labels))),
  nativeColumn("attributes", nativeStringMap, (row) => attributesAsText(row.span.attributes)),
  nativeColumn("resource_attributes", nativeStringMap, (row) => attributesAsText(row.span.resource.attributes)),
  nativeColumn("event_times", nativeArray(nativeDateTime64Nano), (row) =>
    row.span.events.map((event) => clampTime(event.timeUnixNano)),
  ),
  nativeColumn("event_names", nativeArray(nativeLowCardinality), (row) => row.span.events.map((event) => event.name)),
  nativeColumn("event_attributes", nativeArray(nativeStringMap), (row) =>
    row.span.events.map((event) => attributesAsText(event.attributes)),
  ),
  nativeColumn("link_trace_ids", nativeArray(nativeString), (row) => row.span.links.map((link) => link.traceId)),
  nativeColumn("link_span_ids", nativeArray(nativeString), (row) => row.span.links.map((link) => link.spanId)),
  nativeColumn("link_trace_states", nativeArray(nativeString), (row) => row.span.links.map((link) => link.traceState)),
  nativeColumn("link_attributes", nativeArray(nativeStringMap), (row) =>
    row.span.links.map((link) => attributesAsText(link.attributes)),
  ),
  nativeColumn("received_at", nativeDateTime64Milli, (row) => row.receivedUnixMs),
];

const INT64_MAX = 9_223_372_036_854_775_807n;

/** Times of spans are checked by the decoder; those of events are not worth a span. */
function clampTime(unixNano: bigint): bigint {
  return unixNano > INT64_MAX ? INT64_MAX : unixNano;
}

/** 0 where the clock of the sender went back; capped at what a double holds exactly (104 days). */
function durationNs(span: Span): number {
  const duration = span.endUnixNano - span.startUnixNano;
  if (duration <= 0n) return 0;
  return duration > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(duration);
}
