import { ABSENT, WireSpan } from "./otlp/wire-span.ts";
import type { Span } from "./span.ts";

type Ids = Pick<Span, "traceId" | "spanId" | "parentSpanId">;

/** What a span is known by in a map: its ids as 24 Latin-1 characters, half of what hex takes. */
export function spanKey(span: Ids): string {
  if (span instanceof WireSpan) return span.key(span.spanIdAt);
  return Buffer.from(span.traceId + span.spanId, "hex").toString("latin1");
}

/** The key of a span's parent; "" for a root. */
export function parentKey(span: Ids): string {
  if (span instanceof WireSpan) return span.parentSpanIdAt === ABSENT ? "" : span.key(span.parentSpanIdAt);
  return span.parentSpanId === "" ? "" : Buffer.from(span.traceId + span.parentSpanId, "hex").toString("latin1");
}
