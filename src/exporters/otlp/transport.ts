import type { OtlpRequest } from "./requests.ts";

/** What a backend said to one request, in the words of the OTLP specification: https://opentelemetry.io/docs/specs/otlp/#failures */
export type SendOutcome =
  /** It has all but `rejected` of them; `message` says why, or is a warning. */
  | { readonly kind: "accepted"; readonly rejected: number; readonly message: string }
  /** Not now, or nobody knows whether it arrived. `retryAfterMs`: when the backend wants to be asked again. */
  | { readonly kind: "retryable"; readonly reason: string; readonly retryAfterMs?: number }
  /** Sending it again cannot help. */
  | { readonly kind: "permanent"; readonly reason: string };

/** One way to a backend. `send` never rejects; an aborted signal ends it as `retryable`. */
export interface Transport {
  send(request: OtlpRequest, signal: AbortSignal): Promise<SendOutcome>;
  /** Closes the connections. */
  close(): void;
}

/** A reason goes into log lines: what a backend wrote is cut, and kept to one line. */
export function shortReason(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > REASON_CHARS_MAX ? `${line.slice(0, REASON_CHARS_MAX)}…` : line;
}

const REASON_CHARS_MAX = 200;
