import type { IdentityCell } from "./identity.ts";
import { ABSENT, WireSpan } from "./otlp/wire-span.ts";
import type { Span } from "./span.ts";

/** Writes what makes a span the same span when it is sent again: its trace id and span id. */
export function writeSpanIdentity(span: Pick<Span, "traceId" | "spanId">, target: IdentityCell): void {
  if (span instanceof WireSpan) span.writeIdentity(target, span.spanIdAt);
  else writeHex(target, span.traceId, span.spanId);
}

/** Writes the identity of a span's parent. False for a root, and nothing written. */
export function writeParentIdentity(span: Pick<Span, "traceId" | "parentSpanId">, target: IdentityCell): boolean {
  if (span instanceof WireSpan) {
    if (span.parentSpanIdAt === ABSENT) return false;
    span.writeIdentity(target, span.parentSpanIdAt);
    return true;
  }
  if (span.parentSpanId === "") return false;
  writeHex(target, span.traceId, span.parentSpanId);
  return true;
}

function writeHex({ bytes }: IdentityCell, traceId: string, spanId: string): void {
  bytes.write(traceId, 0, 16, "hex");
  bytes.write(spanId, 16, 8, "hex");
}
