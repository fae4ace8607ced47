/**
 * The whole error vocabulary of the data path. What the pipeline acts on is one of these values, never an exception:
 * `success` (it is on disk), `retryable` (the sender should send again, after `retryAfterMs` when known) and `permanent`
 * (sending it again cannot help). The mapping to HTTP and gRPC status sits in `outcome-status.ts` beside this file.
 */
export type Outcome =
  | { readonly kind: "success"; readonly rejected: readonly Rejection[] }
  | { readonly kind: "retryable"; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: "permanent"; readonly reason: string };

/** Items of an accepted batch that were refused by themselves (OTLP partial success): how many and why. */
export interface Rejection {
  readonly reason: string;
  readonly count: number;
}

export const SUCCESS: Outcome = { kind: "success", rejected: [] };
