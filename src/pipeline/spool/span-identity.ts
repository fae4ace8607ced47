import { WireSpan } from "../../pdata/otlp/wire-span.ts";
import type { Span } from "../../pdata/span.ts";

/** Writes what makes a span the same span when it is sent again, its trace id and span id, into 24 bytes. */
export function writeSpanIdentity(span: Pick<Span, "traceId" | "spanId">, target: Buffer): void {
  if (span instanceof WireSpan) return span.writeIdentity(target);
  target.write(span.traceId, 0, 16, "hex");
  target.write(span.spanId, 16, 8, "hex");
}
