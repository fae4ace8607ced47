/** What the ledger has said yes to, to be found again in whatever a restart reads back (I5). */
import { fitsWithin, maxAmounts, NO_AMOUNTS, type Amounts } from "../../src/budget/amounts.ts";
import type { AcquireCommand, AcquireOutcome, LeaseClose } from "../../src/budget/ledger.ts";
import type { Raise } from "../../src/budget/rules/limit.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";

interface KnownLease {
  seq: number;
  granted: Amounts;
  settled: Amounts;
  isClosed: boolean;
  atMs: number;
}

export class Acknowledged {
  readonly #leases = new Map<string, KnownLease>();
  readonly #tokens = new Set<string>();
  readonly #raises: Raise[] = [];

  acquired(command: AcquireCommand, outcome: AcquireOutcome, nowMs: number): void {
    if (outcome.outcome === "lost" || outcome.outcome === "unlimited") return;
    const known = this.#known(command.leaseId);
    known.atMs = nowMs;
    known.settled = maxAmounts(known.settled, command.settled);
    if (command.seq < known.seq) return;
    known.seq = command.seq;
    known.granted = outcome.granted;
  }

  closed(leases: readonly LeaseClose[], nowMs: number): void {
    for (const { leaseId } of leases) {
      const known = this.#leases.get(leaseId);
      if (known === undefined) continue;
      // A doubled close prolongs nothing.
      if (!known.isClosed) known.atMs = nowMs;
      known.isClosed = true;
    }
  }

  raised(raise: Raise): void {
    this.#raises.push(raise);
  }

  observed(token: string): void {
    this.#tokens.add(token);
  }

  /** Throws when the state that a restart found lacks some of it. `graceMs`: closed leases are forgotten after that. */
  check(state: LedgerState, { nowMs, graceMs }: { readonly nowMs: number; readonly graceMs: number }): void {
    for (const token of this.#tokens) {
      if (!state.tokens.has(token)) throw new Error(`I5: observation ${token} was acknowledged and is gone`);
    }
    for (const { id, untilMs } of this.#raises) {
      if (state.atMs < untilMs && !state.raises.has(id))
        throw new Error(`I5: raise ${id} was acknowledged and is gone`);
    }
    for (const [id, known] of this.#leases) {
      const closed = state.closed.get(id);
      const lease = state.active.get(id) ?? state.expired.get(id);
      if (closed !== undefined) {
        requireAtLeast(`settled of the closed lease ${id}`, closed.settled, known.settled);
      } else if (lease !== undefined) {
        if (known.isClosed) throw new Error(`I5: the close of lease ${id} was acknowledged and is gone`);
        if (lease.seq < known.seq) throw new Error(`I5: lease ${id} is back at message ${lease.seq} of ${known.seq}`);
        requireAtLeast(`settled of lease ${id}`, lease.settled, known.settled);
        if (lease.seq === known.seq) requireAtLeast(`granted of lease ${id}`, lease.granted, known.granted);
      } else if (nowMs - known.atMs < graceMs) {
        throw new Error(`I5: lease ${id} was acknowledged and is gone`);
      } else {
        this.#leases.delete(id);
      }
    }
  }

  #known(id: string): KnownLease {
    let known = this.#leases.get(id);
    if (known === undefined) {
      known = { seq: 0, granted: NO_AMOUNTS, settled: NO_AMOUNTS, isClosed: false, atMs: 0 };
      this.#leases.set(id, known);
    }
    return known;
  }
}

function requireAtLeast(what: string, found: Amounts, acknowledged: Amounts): void {
  if (fitsWithin(acknowledged, found)) return;
  throw new Error(`I5: ${what} is ${text(found)}, acknowledged were ${text(acknowledged)}`);
}

function text({ nanoUsd, tokens, calls }: Amounts): string {
  return `${nanoUsd}/${tokens}/${calls}`;
}
