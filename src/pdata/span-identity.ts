import { ABSENT, WireSpan } from "./otlp/wire-span.ts";
import type { Span } from "./span.ts";

/** Writes what makes a span the same span when it is sent again, its trace id and span id, into 24 bytes. */
export function writeSpanIdentity(span: Pick<Span, "traceId" | "spanId">, target: Buffer): void {
  if (span instanceof WireSpan) return span.writeIdentity(target, span.spanIdAt);
  target.write(span.traceId, 0, 16, "hex");
  target.write(span.spanId, 16, 8, "hex");
}

/** Writes the identity of a span's parent. False for a root, and nothing written. */
export function writeParentIdentity(span: Pick<Span, "traceId" | "parentSpanId">, target: Buffer): boolean {
  if (span instanceof WireSpan) {
    if (span.parentSpanIdAt === ABSENT) return false;
    span.writeIdentity(target, span.parentSpanIdAt);
    return true;
  }
  if (span.parentSpanId === "") return false;
  target.write(span.traceId, 0, 16, "hex");
  target.write(span.parentSpanId, 16, 8, "hex");
  return true;
}
