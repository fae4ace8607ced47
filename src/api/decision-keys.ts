/**
 * Decisions that are asked for again under the same `Idempotency-Key`, because an answer got lost. The policies are asked anew each
 * time; what a decision leaves behind (the use of an approval, what the session did) is left once.
 */
import { createHash } from "node:crypto";
import { ApiProblem } from "./problem.ts";

interface Left {
  readonly call: string;
  readonly decision: string;
}

/** Far more than are asked for while anybody waits for an answer; the oldest go. */
const KEYS_MAX = 10_000;

export class DecisionKeys {
  readonly #left = new Map<string, Left>();

  /** Throws `idempotency_key_reused` for a key that came with another call. */
  check(id: string, call: string): void {
    const left = this.#left.get(id);
    if (left !== undefined && left.call !== call) throw new ApiProblem("idempotency_key_reused");
  }

  /** Whether this decision on the call was left behind already; from now on it was. */
  hasLeft(id: string, { call, decision }: Left): boolean {
    const before = this.#left.get(id);
    this.#left.delete(id);
    this.#left.set(id, { call, decision });
    const [oldest = id] = this.#left.size > KEYS_MAX ? this.#left.keys() : [];
    if (oldest !== id) this.#left.delete(oldest);
    return before?.decision === decision;
  }
}

/** One text for what belongs together, whatever is in its parts; of 32 characters. */
export function digestOfParts(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
