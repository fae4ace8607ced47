/** A request for approval of one act, as it is kept. Times are Unix milliseconds by the processor's clock. */

export interface Answer {
  /** Who, by authentication. */
  readonly by: string;
  readonly answer: "approve" | "deny";
  /** What was approved: the digest of the arguments as they were, or were edited to. */
  readonly digest: string;
  readonly comment: string;
  readonly atMs: number;
  /** `api`, `webhook NAME`, `bypass ID`. */
  readonly via: string;
}

/** What is to be done, exactly. */
export interface Act {
  readonly kind: "tool" | "budget";
  readonly agent: string;
  readonly session: string;
  /** On whose behalf; "" when that is not known. */
  readonly user: string;
  /** The tool, or the budget. */
  readonly tool: string;
  /** Canonical JSON (RFC 8785) of the arguments; "" for none. */
  readonly argumentsJson: string;
  /** SHA-256 of it in hex; "" for none. */
  readonly argumentsDigest: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly rule: string;
  readonly reason: string;
}

/** What holds for the answers. */
export interface Terms {
  readonly quorum: number;
  readonly expireAfterMs: number;
  readonly useWithinMs: number;
  /** Names that may not answer. */
  readonly barred: readonly string[];
}

export interface ApprovalRequest extends Act {
  readonly id: string;
  /** Rises by one with each change. */
  readonly revision: number;
  /** SHA-256 over everything that an approval is bound to. */
  readonly act: string;
  readonly state: "pending" | "approved" | "denied" | "consumed" | "withdrawn";
  readonly terms: Terms;
  readonly askedAtMs: number;
  readonly expiresAtMs: number;
  readonly answers: readonly Answer[];
  /** What an approver made of the arguments. */
  readonly edited?: { readonly json: string; readonly digest: string; readonly by: string };
  /** When the last answer settled it. */
  readonly answeredAtMs?: number;
  /** Approved and not used by then, it is over. */
  readonly useUntilMs?: number;
  readonly consumedAtMs?: number;
  /** Made by who used it: the same one asks for the same use again. */
  readonly useId?: string;
  readonly bypass?: string;
  readonly remindedAtMs?: number;
  readonly escalatedAtMs?: number;
  /** Of a budget: the act (`stop_…`) that an approval lifts. */
  readonly stop?: string;
}

/** `expired` is nothing that happens: it is what the clock makes of a request. */
export type ApprovalState = ApprovalRequest["state"] | "expired";

export function stateAt(request: ApprovalRequest, nowMs: number): ApprovalState {
  if (request.state === "pending" && nowMs >= request.expiresAtMs) return "expired";
  if (request.state === "approved" && nowMs >= (request.useUntilMs ?? 0)) return "expired";
  return request.state;
}

/** Whether the same act is still answered by this request: then no second one is made. */
export function isOpen(request: ApprovalRequest, nowMs: number): boolean {
  const state = stateAt(request, nowMs);
  // A refusal holds for as long as the question would have: asking again and again is no way around it.
  return state === "pending" || state === "approved" || (state === "denied" && nowMs < request.expiresAtMs);
}
