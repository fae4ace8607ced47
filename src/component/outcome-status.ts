/**
 * How the outcomes of the data path are said over HTTP and gRPC, in the one place where that is decided. Over HTTP clients
 * retry 429, 502, 503 and 504 and nothing else, so trouble of ours is 503, never 500; over gRPC it is UNAVAILABLE.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response https://opentelemetry.io/docs/specs/otlp/#failures
 */
import type { Outcome } from "./outcome.ts";

export interface HttpStatus {
  readonly status: 200 | 400 | 503;
  /** Whole seconds for the Retry-After header. */
  readonly retryAfterSeconds: number | undefined;
}

const RETRY_AFTER_MS_DEFAULT = 1_000;

export function httpStatusOf(outcome: Outcome): HttpStatus {
  switch (outcome.kind) {
    case "success":
      return { status: 200, retryAfterSeconds: undefined };
    case "retryable":
      return { status: 503, retryAfterSeconds: Math.ceil((outcome.retryAfterMs ?? RETRY_AFTER_MS_DEFAULT) / 1_000) };
    case "permanent":
      return { status: 400, retryAfterSeconds: undefined };
  }
}

export interface GrpcStatus {
  /** google.rpc.Code: OK, INVALID_ARGUMENT (never send it again), UNAVAILABLE (do). */
  readonly code: 0 | 3 | 14;
  /** For the RetryInfo detail. */
  readonly retryDelayMs: number | undefined;
}

export function grpcStatusOf(outcome: Outcome): GrpcStatus {
  switch (outcome.kind) {
    case "success":
      return { code: 0, retryDelayMs: undefined };
    case "retryable":
      return { code: 14, retryDelayMs: outcome.retryAfterMs ?? RETRY_AFTER_MS_DEFAULT };
    case "permanent":
      return { code: 3, retryDelayMs: undefined };
  }
}
