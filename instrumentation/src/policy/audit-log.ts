import type { Effect } from "./document.ts";

/** One check as it happened. No arguments: their digest. */
export interface AuditEntry {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** As it was called. */
  readonly tool: string;
  readonly decision: Effect;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
  /** SHA-256 of the arguments' canonical JSON; "" without arguments, or when they have no canonical form. */
  readonly argumentsDigest: string;
  readonly context: AuditContext;
  /** What became of an approval that `enforce` asked for; "" when none was. */
  readonly approval: ApprovalOutcome;
}

export type ApprovalOutcome = "" | "waiting" | "approved" | "denied" | "failed" | "timed_out" | "nobody_asked";

export interface AuditContext {
  readonly agent: string;
  readonly environment: string;
  readonly model: string;
  readonly destination: string;
}

/** Checks in their order, up to a bound: beyond it the oldest are dropped and counted. */
export class AuditLog {
  #entries: AuditEntry[] = [];
  #added = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get dropped(): number {
    return Math.max(0, this.#added - this.#max);
  }

  snapshot(): readonly AuditEntry[] {
    return Object.freeze(this.#entries.slice(-this.#max));
  }

  add(entry: AuditEntry): AuditEntry {
    this.#entries.push(Object.freeze(entry));
    // Dropped half by half, so that adding stays cheap.
    if (this.#entries.length > 2 * this.#max) this.#entries = this.#entries.slice(-this.#max);
    this.#added += 1;
    return entry;
  }

  /** Writes what became of an entry's approval, in its place. Returns the new entry. */
  settle(entry: AuditEntry, approval: ApprovalOutcome): AuditEntry {
    const settled = Object.freeze({ ...entry, approval });
    const index = this.#entries.lastIndexOf(entry);
    if (index >= 0) this.#entries[index] = settled;
    return settled;
  }
}
