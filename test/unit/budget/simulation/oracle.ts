/**
 * What the simulated provider was paid, kept apart from everything the ledger says: its own matching of labels, its own
 * sums, rolling windows to the millisecond. Only the calendar is the ledger's, which is tested by itself.
 */
import { calendarWindow } from "../../../../src/budget/rules/calendar.ts";
import type { Amounts } from "../../../../src/budget/amounts.ts";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { Labels } from "../../../../src/budget/ledger.ts";

interface Payment {
  readonly atMs: number;
  readonly amount: bigint;
}

export class Oracle {
  readonly #budgets: readonly Budget[];
  /** Budget name and split values → payments. */
  readonly #paid = new Map<string, { readonly budget: Budget; readonly payments: Payment[]; total: bigint }>();
  readonly #flights = new Map<string, bigint>();

  constructor(budgets: readonly Budget[]) {
    this.#budgets = budgets;
  }

  /** A call is out: in the worst case it costs this much. Negative when it is back. */
  fly(labels: Labels, worst: Amounts, sign: 1n | -1n): void {
    for (const budget of this.#matching(labels)) {
      const key = keyOf(budget, labels);
      this.#flights.set(key, (this.#flights.get(key) ?? 0n) + sign * measured(budget, worst));
    }
  }

  pay(labels: Labels, amounts: Amounts, atMs: number): void {
    for (const budget of this.#matching(labels)) {
      const key = keyOf(budget, labels);
      const account = this.#paid.get(key) ?? { budget, payments: [], total: 0n };
      account.payments.push({ atMs, amount: measured(budget, amounts) });
      account.total += measured(budget, amounts);
      this.#paid.set(key, account);
    }
  }

  /** Everything ever paid under a budget, by name and split values. */
  totals(): Map<string, bigint> {
    return new Map([...this.#paid].map(([key, { total }]) => [key, total]));
  }

  /** Hard budgets without an end: paid, and whatever the calls that are out may still cost. */
  checkNow(): void {
    for (const [key, { budget, total }] of this.#paid) {
      if (budget.mode !== "hard" || (budget.window.kind !== "lifetime" && budget.window.kind !== "run")) continue;
      const most = total + (this.#flights.get(key) ?? 0n);
      if (most > budget.limit) throw new Error(`overspent: ${key} may pay ${most} of ${budget.limit}`);
    }
  }

  /** Every window of every hard budget, over the whole run. */
  checkWindows(): void {
    for (const [key, { budget, payments }] of this.#paid) {
      if (budget.mode !== "hard") continue;
      const worst =
        budget.window.kind === "rolling"
          ? worstRolling(payments, budget.window.durationMs)
          : worstFixed(budget, payments);
      if (worst > budget.limit) throw new Error(`overspent: ${key} paid ${worst} of ${budget.limit} in one window`);
    }
  }

  #matching(labels: Labels): Budget[] {
    return this.#budgets.filter((budget) =>
      Object.entries(budget.scope).every(([label, glob]) => {
        const value = labels[label];
        return value !== undefined && (glob === "*" || glob.toLowerCase() === value.toLowerCase());
      }),
    );
  }
}

export function keyOf(budget: Budget, labels: Labels): string {
  const each = budget.each === undefined ? null : (labels[budget.each] ?? "").toLowerCase();
  const run = budget.window.kind === "run" ? (labels[budget.window.label] ?? "").toLowerCase() : null;
  return JSON.stringify([budget.name, each, run]);
}

function measured(budget: Budget, amounts: Amounts): bigint {
  const { measure } = budget;
  if (measure !== "usd" && measure !== "tokens" && measure !== "calls") throw new Error(`${measure} is not simulated`);
  return { usd: amounts.nanoUsd, tokens: amounts.tokens, calls: amounts.calls }[measure];
}

function worstFixed({ window, timeZone }: Budget, payments: readonly Payment[]): bigint {
  const sums = new Map<number, bigint>();
  for (const { atMs, amount } of payments) {
    const start = window.kind === "calendar" ? calendarWindow(window.unit, timeZone, atMs).startMs : 0;
    sums.set(start, (sums.get(start) ?? 0n) + amount);
  }
  return [...sums.values()].reduce((most, sum) => (sum > most ? sum : most), 0n);
}

function worstRolling(payments: readonly Payment[], durationMs: number): bigint {
  let worst = 0n;
  let sum = 0n;
  let first = 0;
  for (const { atMs, amount } of payments) {
    sum += amount;
    for (
      let oldest = payments[first];
      oldest !== undefined && oldest.atMs <= atMs - durationMs;
      oldest = payments[first]
    ) {
      sum -= oldest.amount;
      first += 1;
    }
    if (sum > worst) worst = sum;
  }
  return worst;
}
