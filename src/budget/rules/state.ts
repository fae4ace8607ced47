/**
 * Everything the ledger knows, in memory. Changed by `applyEvent` alone; what is here is what replaying the journal gives.
 */
import { maxAmounts, NO_AMOUNTS, type Amounts, amountIn } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";
import { BudgetIndex, type BudgetMatch, isOverflow, overflowOf, spendKey } from "./scope.ts";
import type { BudgetPast } from "./past.ts";
import type { Raise } from "./limit.ts";
import { newSpend, noteChange, rearm, type Spend, type SpendWatch } from "./spend.ts";

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

/**
 * Of leases that are over so many are remembered, some 340 bytes each: reservations are leases of one call, and who makes thousands a
 * second must not fill the memory. Who is forgotten before the grace is over: a span of it counts once more, its key may be used again.
 */
export const ENDED_MAX = 500_000;

/** Of instances that are forgotten so many wait to be shown once more; where nobody asks they would wait for ever. */
const FORGOTTEN_MAX = 100_000;

/** A lease that is over, remembered so that a late or doubled message of it counts nothing twice. */
export interface ClosedLease {
  /** `undefined` for a lease that was closed before it was ever opened. */
  readonly labels: Labels | undefined;
  /** Who may speak for it still. */
  readonly processId: string;
  settled: Amounts;
  /** Sum of its spans, those that came after its end too. */
  observed: Amounts;
  forgetAtMs: number;
}

/** A budget instance by what makes it one. */
export interface Instance {
  readonly name: string;
  readonly each: string | null;
  readonly run: string | null;
}

export class LedgerState implements SpendWatch {
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
  /** Instances that may show something else than when they were taken out here last; those that were forgotten, too. Not of the journal. */
  readonly changed = new Set<Spend>();

  /** By id. */
  readonly raises = new Map<string, Raise>();
  /** Made when it is asked for, of the documents that are in force then. */
  #named: { readonly of: readonly Budget[]; readonly byName: ReadonlyMap<string, Budget> } = {
    of: [],
    byName: new Map(),
  };
  /** How many instances of `each` a budget has, by its name. */
  readonly #instances = new Map<string, number>();

  /** The budget instances that the labels fall under, made on first use. */
  spendsOf(labels: Labels, nowMs: number): readonly Spend[] {
    return this.index.match(labels).map((match) => this.#spendOf(match, nowMs));
  }

  /** `undefined` when no document has that name. */
  spendOfInstance({ name, each, run }: Instance, nowMs: number): Spend | undefined {
    const budget = this.documentOf(name);
    if (budget === undefined) return undefined;
    const match = { name, budget, each: each ?? undefined, run: run ?? undefined };
    return this.#spendOf({ ...match, key: spendKey(name, match.each, match.run) }, nowMs);
  }

  /** The budget of that name that is in force. */
  documentOf(name: string): Budget | undefined {
    return this.#documents().get(name);
  }

  #documents(): ReadonlyMap<string, Budget> {
    if (this.#named.of !== this.budgets) {
      this.#named = { of: this.budgets, byName: new Map(this.budgets.map((budget) => [budget.name, budget])) };
    }
    return this.#named.byName;
  }

  #spendOf(match: BudgetMatch, nowMs: number): Spend {
    let spend = this.spends.get(match.key);
    if (spend !== undefined) return spend;
    if (this.#isFull(match)) return this.#spendOf(overflowOf(match), nowMs);
    spend = newSpend(match, nowMs);
    this.addSpend(spend);
    return spend;
  }

  /** Whether the budget has as many instances as it may. Values that the document names always get theirs. */
  #isFull(match: BudgetMatch): boolean {
    const { eachMax, exceptions = {} } = match.budget;
    if (eachMax === undefined || match.each === undefined || isOverflow({ match })) return false;
    return !Object.hasOwn(exceptions, match.each) && (this.#instances.get(match.name) ?? 0) >= eachMax;
  }

  /** Takes a raise in, or out again. */
  setRaise(id: string, raise: Raise | undefined, nowMs: number): void {
    const name = (raise ?? this.raises.get(id))?.budget;
    if (raise === undefined) this.raises.delete(id);
    else this.raises.set(id, raise);
    for (const spend of this.spends.values()) {
      if (spend.match.name !== name) continue;
      spend.raises = this.raisesOf(spend);
      noteChange(spend);
      rearm(spend, nowMs);
      if (spend.budget.thresholds.length > 0) this.counted.add(spend);
    }
  }

  /** Those in force for it; `undefined` for none. */
  raisesOf({ match }: Spend): readonly Raise[] | undefined {
    if (this.raises.size === 0) return undefined;
    const found = [...this.raises.values()].filter(
      ({ budget, each }) => budget === match.name && (each === undefined || each === match.each),
    );
    return found.length === 0 ? undefined : found;
  }

  /** What was counted under a name counts under another; not where something was counted under that one already. */
  renameSpends(from: string, to: string): void {
    for (const [id, raise] of this.raises) if (raise.budget === from) this.raises.set(id, { ...raise, budget: to });
    for (const spend of this.spends.values()) {
      const key = spendKey(to, spend.match.each, spend.match.run);
      if (spend.match.name !== from || this.spends.has(key)) continue;
      this.deleteSpend(spend);
      this.addSpend({ ...spend, key, match: { ...spend.match, key, name: to } });
    }
  }

  addSpend(spend: Spend): void {
    spend.watch = this;
    spend.closedUntilMs = this.past.get(spend.match.name)?.closedUntilMs ?? 0;
    spend.raises = this.raisesOf(spend);
    this.spends.set(spend.key, spend);
    noteChange(spend);
    this.#countInstance(spend, 1);
  }

  deleteSpend(spend: Spend): void {
    this.spends.delete(spend.key);
    this.counted.delete(spend);
    // Who shows it shows the window that is over, until told otherwise.
    if (this.changed.size > this.spends.size + FORGOTTEN_MAX) this.changed.delete(spend);
    this.#countInstance(spend, -1);
  }

  #countInstance(spend: Spend, by: 1 | -1): void {
    const { name, each } = spend.match;
    if (each !== undefined && !isOverflow(spend)) this.#instances.set(name, (this.#instances.get(name) ?? 0) + by);
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
