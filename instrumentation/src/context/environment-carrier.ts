/**
 * Context in the environment of a process, as OpenTelemetry's specification has it ("Environment Variables as Context
 * Propagation Carriers"): TRACEPARENT, TRACESTATE and BAGGAGE, each in the form of its W3C header.
 */
import { createTraceState, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Baggage, Context, SpanContext } from "@opentelemetry/api";

const BAGGAGE_LENGTH_MAX = 8_192;
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Entries of a BAGGAGE value; what can't be read is left out. */
export function parseBaggage(value: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  if (value.length > BAGGAGE_LENGTH_MAX) return entries;
  for (const member of value.split(",")) {
    const [pair = ""] = member.split(";");
    const split = pair.indexOf("=");
    if (split < 1) continue;
    try {
      entries.set(pair.slice(0, split).trim(), decodeURIComponent(pair.slice(split + 1).trim()));
    } catch {
      continue;
    }
  }
  return entries;
}

/** `carried` first, then what else the app carries, as far as it fits. */
export function formatBaggage(carried: ReadonlyMap<string, string>, others: Baggage | undefined): string {
  const entries = new Map(carried);
  for (const [name, { value }] of others?.getAllEntries() ?? []) if (!entries.has(name)) entries.set(name, value);
  let text = "";
  for (const [name, value] of entries) {
    const member = `${name}=${encodeURIComponent(value.toWellFormed())}`;
    if (text.length + member.length < BAGGAGE_LENGTH_MAX) text += text === "" ? member : `,${member}`;
  }
  return text;
}

/** The span that a process was started in. */
export function parseTraceContext(traceparent: string, tracestate: string | undefined): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] = TRACEPARENT.exec(traceparent.trim()) ?? [];
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(context) ? context : undefined;
}

/** TRACEPARENT and TRACESTATE of the active span; none without a span. */
export function formatTraceContext(context: Context): Readonly<Record<string, string>> {
  const span = trace.getSpanContext(context);
  if (span === undefined || !isSpanContextValid(span)) return {};
  const flags = span.traceFlags.toString(16).padStart(2, "0");
  const state = span.traceState?.serialize() ?? "";
  return {
    TRACEPARENT: `00-${span.traceId}-${span.spanId}-${flags}`,
    ...(state === "" ? {} : { TRACESTATE: state }),
  };
}
