/**
 * Everything the ledger knows, in memory. Changed by `applyEvent` alone; what is here is what replaying the journal gives.
 */
import { maxAmounts, NO_AMOUNTS, type Amounts, amountIn } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";
import { BudgetIndex, type BudgetMatch, spendKey } from "./scope.ts";
import type { BudgetPast } from "./past.ts";
import { newSpend, type Spend } from "./spend.ts";

/** Money set aside for one process and one set of labels. `granted` ≥ `settled` in every measure, always. */
export interface Lease {
  readonly id: string;
  readonly processId: string;
  readonly labels: Labels;
  seq: number;
  granted: Amounts;
  settled: Amounts;
  /** Sum of its spans, whatever it reported itself. */
  observed: Amounts;
  /** Active: when it expires. Expired: when its grace is over. */
  deadlineMs: number;
  /** The budgets it falls under. Derived from its labels. */
  spends: readonly Spend[];
}

/** A lease that is over, remembered so that a late or doubled message of it counts nothing twice. */
export interface ClosedLease {
  /** `undefined` for a lease that was closed before it was ever opened. */
  readonly labels: Labels | undefined;
  settled: Amounts;
  readonly forgetAtMs: number;
}

/** A budget instance by what makes it one. */
export interface Instance {
  readonly name: string;
  readonly each: string | null;
  readonly run: string | null;
}

export class LedgerState {
  /** Time of the last event. */
  atMs = 0;
  ttlMs = 0;
  graceMs = 0;
  budgets: readonly Budget[] = [];
  index = new BudgetIndex([]);
  /** By name: what is known of the time before a budget. */
  readonly past = new Map<string, BudgetPast>();
  readonly spends = new Map<string, Spend>();
  /** In order of their deadlines, as is `expired`. */
  readonly active = new Map<string, Lease>();
  readonly expired = new Map<string, Lease>();
  readonly closed = new Map<string, ClosedLease>();
  /** Tokens of the last observations, oldest first. */
  readonly tokens = new Set<string>();
  /** Instances with thresholds that something was counted in, and nobody has looked at since. Not of the journal. */
  readonly counted = new Set<Spend>();

  /** The budget instances that the labels fall under, made on first use. */
  spendsOf(labels: Labels, nowMs: number): readonly Spend[] {
    return this.index.match(labels).map((match) => this.#spendOf(match, nowMs));
  }

  /** `undefined` when no document has that name. */
  spendOfInstance({ name, each, run }: Instance, nowMs: number): Spend | undefined {
    const budget = this.budgets.find((candidate) => candidate.name === name);
    if (budget === undefined) return undefined;
    const match = { name, budget, each: each ?? undefined, run: run ?? undefined };
    return this.#spendOf({ ...match, key: spendKey(name, match.each, match.run) }, nowMs);
  }

  #spendOf(match: BudgetMatch, nowMs: number): Spend {
    let spend = this.spends.get(match.key);
    if (spend === undefined) {
      spend = newSpend(match, nowMs);
      this.addSpend(spend);
    }
    return spend;
  }

  /** What was counted under a name counts under another; not where something was counted under that one already. */
  renameSpends(from: string, to: string): void {
    for (const spend of this.spends.values()) {
      const key = spendKey(to, spend.match.each, spend.match.run);
      if (spend.match.name !== from || this.spends.has(key)) continue;
      this.spends.delete(spend.key);
      this.counted.delete(spend);
      this.addSpend({ ...spend, key, match: { ...spend.match, key, name: to } });
    }
  }

  addSpend(spend: Spend): void {
    spend.watch = this.counted;
    spend.closedUntilMs = this.past.get(spend.match.name)?.closedUntilMs ?? 0;
    this.spends.set(spend.key, spend);
  }
}

/** Of a lease that only its spans have told of. */
export const UNKNOWN_PROCESS = "";

/** Whether messages of this process may speak for the lease. */
export function isHolder(lease: Pick<Lease, "processId">, processId: string): boolean {
  return lease.processId === processId || lease.processId === UNKNOWN_PROCESS;
}

export function newLease(id: string, processId: string, labels: Labels): Lease {
  return {
    id,
    processId,
    labels,
    seq: 0,
    granted: NO_AMOUNTS,
    settled: NO_AMOUNTS,
    observed: NO_AMOUNTS,
    deadlineMs: 0,
    spends: [],
  };
}

/** What a lease holds of a budget's measure: granted and not yet settled. */
export function outstandingIn(spend: Spend, lease: { readonly granted: Amounts; readonly settled: Amounts }): bigint {
  const { measure } = spend.budget;
  return amountIn(measure, lease.granted) - amountIn(measure, lease.settled);
}

/** Settled is never more than granted: a report past the grant raises both. */
export function coverSettled(granted: Amounts, settled: Amounts): Amounts {
  return maxAmounts(granted, settled);
}
