/**
 * Consistent probability sampling: a trace is kept or not by a number that it carries, so that all its spans are, in every
 * replica and behind every other sampler that does the same. The number is the low 56 bits of the trace id, or `rv` of the
 * trace state's `ot` member where the sender set one. https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
 */
import type { Span } from "../../pdata/span.ts";

const RANDOM_HEX_LENGTH = 14;
const TRACE_ID_LENGTH = 32;
const RANDOM_VALUE = /(?:^|,)\s*ot=(?:[^,]*;)?rv:([0-9a-f]{14})(?:[;,\s]|$)/;
const SPACE = 1n << 56n;

/** Kept is what has a number at or above it; 14 hex digits compare as the numbers do. `undefined`: nothing is kept. */
export type Threshold = string | undefined;

export function thresholdOf(ratio: number): Threshold {
  const rejected = SPACE - BigInt(Math.round(ratio * 2 ** 52)) * 16n;
  return rejected >= SPACE ? undefined : rejected.toString(16).padStart(RANDOM_HEX_LENGTH, "0");
}

export function isKept(span: Pick<Span, "traceId" | "traceState">, threshold: Threshold): boolean {
  if (threshold === undefined) return false;
  const own = span.traceState === "" ? undefined : RANDOM_VALUE.exec(span.traceState)?.[1];
  return (own ?? span.traceId.slice(TRACE_ID_LENGTH - RANDOM_HEX_LENGTH)) >= threshold;
}
