/**
 * S of the ledger against S of ClickHouse, for budget instances whose windows began together. Pure: samples and sums come in.
 *
 * A report reaches the ledger some time after the call that it is of, so neither sum is of an instant. With `w` a minute that
 * everything has arrived for, and `slack` the longest that a report takes: what the ledger had counted by `w` must be among the
 * calls from `slack` before the window up to `w`, and calls of the window up to `w` must be counted by `w + slack`. Only what breaks
 * one of the two is a difference; the rest is in flight.
 */
import type { Amounts } from "./amounts.ts";
import type { Budget, Measure } from "./budget.ts";
import type { BudgetState, Labels } from "./ledger.ts";
import { BudgetIndex } from "./rules/scope.ts";

/** A budget instance at a minute. */
export interface SpendSample {
  readonly settled: bigint;
  readonly observed: bigint;
  readonly windowStartMs: number;
}

/** Spend of one set of labels, as ClickHouse has it. */
export interface SpendRow {
  readonly labels: Labels;
  readonly leased: boolean;
  /** Of the calls that must be counted by the second sample. */
  readonly least: Amounts;
  /** Of the calls that may be counted in the first one. */
  readonly most: Amounts;
  /** What this processor's prices say more (or less) than what the agents' leases paid. */
  readonly repricedNanoUsd: bigint;
}

/**
 * `lost_spans`: the ledger was told of spend that no span shows. `unreported_spend`: spans of leases show more than was reported.
 * `foreign_spans`: spans without a lease were stored and not counted.
 */
export type DifferenceReason = "none" | "lost_spans" | "unreported_spend" | "foreign_spans";

export interface Comparison {
  readonly ledger: bigint;
  readonly clickhouse: bigint;
  /** Ledger minus ClickHouse; 0 when they agree. */
  readonly difference: bigint;
  readonly reason: DifferenceReason;
  readonly repricedNanoUsd: bigint;
}

/** What tells an instance from others of its budget: `scope` as `BudgetState` shows it. */
export function instanceKey({ name, scope }: Pick<BudgetState, "name" | "scope">): string {
  return JSON.stringify([name, Object.entries(scope).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** The measures that ClickHouse's roll-up has. */
export function isComparable(measure: Measure): boolean {
  return measure === "usd" || measure === "tokens" || measure === "calls";
}

interface Sum {
  least: bigint;
  leastObserved: bigint;
  most: bigint;
  repriced: bigint;
}

/** Adds the rows up by budget instance. */
export function sumByInstance(budgets: readonly Budget[], rows: readonly SpendRow[]): ReadonlyMap<string, Sum> {
  const index = new BudgetIndex(budgets);
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    for (const { budget, each, run } of index.match(row.labels)) {
      const scope: Record<string, string> = { ...budget.scope };
      if (budget.each !== undefined && each !== undefined) scope[budget.each] = each;
      if (budget.window.kind === "run" && run !== undefined) scope[budget.window.label] = run;
      const key = instanceKey({ name: budget.name, scope });
      const sum = sums.get(key) ?? { least: 0n, leastObserved: 0n, most: 0n, repriced: 0n };
      sums.set(key, sum);
      const least = measured(budget.measure, row.least);
      sum.least += least;
      if (!row.leased) sum.leastObserved += least;
      sum.most += measured(budget.measure, row.most);
      sum.repriced += row.repricedNanoUsd;
    }
  }
  return sums;
}

/** `at`: the sample of the minute `w`; `later`: that of `w + slack`. */
export function compareSpend(sum: Sum | undefined, samples: { at: SpendSample; later: SpendSample }): Comparison {
  const { least = 0n, leastObserved = 0n, most = 0n, repriced: repricedNanoUsd = 0n } = sum ?? {};
  const { at, later } = samples;
  const base = { ledger: at.settled, repricedNanoUsd };
  if (at.settled > most) {
    return { ...base, clickhouse: most, difference: at.settled - most, reason: "lost_spans" };
  }
  if (least > later.settled) {
    const isForeign = leastObserved > later.observed;
    const reason = isForeign ? "foreign_spans" : "unreported_spend";
    return { ...base, ledger: later.settled, clickhouse: least, difference: later.settled - least, reason };
  }
  return { ...base, clickhouse: at.settled, difference: 0n, reason: "none" };
}

function measured(measure: Measure, { nanoUsd, tokens, calls }: Amounts): bigint {
  return measure === "usd" ? nanoUsd : measure === "tokens" ? tokens : calls;
}
