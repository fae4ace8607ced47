import { WireSpan } from "./otlp/wire-span.ts";
import type { Span } from "./span.ts";

const NANOS_A_MS = 1_000_000n;

/** When a span began, in whole Unix ms. */
export function startUnixMs(span: Pick<Span, "startUnixNano">): number {
  return span instanceof WireSpan ? span.unixMsAt(span.startAt) : Number(span.startUnixNano / NANOS_A_MS);
}

/** When it ended, likewise. */
export function endUnixMs(span: Pick<Span, "endUnixNano">): number {
  return span instanceof WireSpan ? span.unixMsAt(span.endAt) : Number(span.endUnixNano / NANOS_A_MS);
}
