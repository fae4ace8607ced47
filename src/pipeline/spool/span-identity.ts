import type { Span } from "../../pdata/span.ts";

/** Bytes of a span's identity: trace id (16) and span id (8). */
export const IDENTITY_BYTES = 24;

/** What makes a span the same span when it is sent again: its ids as 24 Latin-1 characters, a third of the memory of hex. */
export function spanIdentity(span: Pick<Span, "traceId" | "spanId">): string {
  return Buffer.from(span.traceId + span.spanId, "hex").toString("latin1");
}
