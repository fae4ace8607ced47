/**
 * How the outcomes of the data path are said over HTTP, in the one place where that is decided. Clients retry 429, 502,
 * 503 and 504 and nothing else, so trouble of ours is 503, never 500.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
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
