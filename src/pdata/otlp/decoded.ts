import type { Span } from "../span.ts";

/**
 * What became of an ExportTraceServiceRequest. A message that is broken is refused whole (HTTP 400); a span that is
 * wrong in itself is refused alone, the others go on (partial success).
 * https://opentelemetry.io/docs/specs/otlp/#partial-success
 */
export type DecodedTraces =
  | { readonly kind: "decoded"; readonly spans: readonly Span[]; readonly rejected: readonly RejectedSpans[] }
  | { readonly kind: "malformed"; readonly reason: string };

export interface RejectedSpans {
  readonly reason: string;
  readonly count: number;
}

/** Bounds of what one span may make the processor hold. Beyond them things are cut or dropped and counted, the span stays. */
export const OTLP_LIMITS = {
  /** Nesting of arrays and key-value lists in one attribute value; deeper values become null. */
  valueDepthMax: 16,
  /** Attributes of one span, resource, scope, event or link; later ones are dropped and counted. */
  attributesMax: 1024,
  /** Events, and links, of one span; later ones are dropped. */
  itemsMax: 1024,
  /** Elements of one array value; later ones are dropped. */
  elementsMax: 65_536,
  /** Bytes of one string or bytes value; longer ones are cut there. */
  stringBytesMax: 1_048_576,
  /** Invalid spans in one message; with more, the message is refused whole. Keeps 20 MiB of empty spans from being worked through. */
  rejectedMax: 10_000,
} as const;

/** Thrown inside the decoders only; the exported functions turn it into `malformed`. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

/** Counts rejected spans, or what else a signal has, by reason. */
export class RejectionCounter {
  readonly #items: string;
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** @param items how messages call what is rejected. */
  constructor(items = "spans") {
    this.#items = items;
  }

  add(reason: string): void {
    this.#total += 1;
    if (this.#total > OTLP_LIMITS.rejectedMax)
      throw new MalformedError(`more than ${OTLP_LIMITS.rejectedMax} invalid ${this.#items}`);
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  list(): RejectedSpans[] {
    return [...this.#counts].map(([reason, count]) => ({ reason, count }));
  }
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const TIME_MAX = 9_223_372_036_854_775_807n;

/** What a sender is told of a span that can't be taken. */
export const SpanFault = {
  traceId: "trace_id must be 16 bytes, not all zero",
  spanId: "span_id must be 8 bytes, not all zero",
  parentSpanId: "parent_span_id must be empty or 8 bytes",
  time: "time is out of range",
} as const;

/**
 * Why a span can't be taken, or `undefined`. Ids are lower-case hex.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
export function spanFault(span: Span): string | undefined {
  if (!TRACE_ID.test(span.traceId)) return SpanFault.traceId;
  if (!SPAN_ID.test(span.spanId)) return SpanFault.spanId;
  if (span.parentSpanId !== "" && !SPAN_ID.test(span.parentSpanId)) return SpanFault.parentSpanId;
  if (span.startUnixNano > TIME_MAX || span.endUnixNano > TIME_MAX) return SpanFault.time;
  return undefined;
}

/** An all-zero parent means "no parent": some exporters send it so. */
export function parentId(hex: string): string {
  return /^0*$/.test(hex) ? "" : hex;
}

/** True for ids that a link may carry. */
export function isLinkTarget(traceId: string, spanId: string): boolean {
  return TRACE_ID.test(traceId) && SPAN_ID.test(spanId);
}
