/**
 * What limits would have stopped, of calls that were made: the ledger's own rules over recorded calls, in the order in which they
 * began. Pure. A call counts from its beginning with what it came to cost, as if the gate had known that: the gate reserves
 * the worst case, so that near a limit it stops earlier than is said here, never later. What is stopped does not count on; what its agent
 * would have done instead, nobody knows.
 */
import { type Amounts, amountIn, NO_AMOUNTS } from "./amounts.ts";
import type { Budget } from "./budget.ts";
import type { Labels, Threshold } from "./ledger.ts";
import { applyEvent } from "./rules/apply.ts";
import { calendarWindow } from "./rules/calendar.ts";
import { covers, decideGrowth, tightest } from "./rules/decide.ts";
import { limitAt } from "./rules/limit.ts";
import { countSpend, settledAt, type Spend } from "./rules/spend.ts";
import { LedgerState, newLease } from "./rules/state.ts";
import { crossedAt, decideThresholds } from "./rules/thresholds.ts";

export interface RecordedCall {
  /** When it began, Unix ms. */
  readonly atMs: number;
  readonly labels: Labels;
  readonly amounts: Amounts;
  readonly isUnpriced: boolean;
  readonly traceId: string;
}

/**
 * `stopped`: a hard limit does not hold it, or nobody knows its price. `asked`: it would have waited for a person. `downgraded`: another
 * model would have answered. `beyond`: over a limit that only tells.
 */
export type BudgetEffect = "stopped" | "asked" | "downgraded" | "beyond";

export interface BudgetReplayRow {
  readonly effect: BudgetEffect;
  readonly budget: string;
  /** The value of `each`, session or workflow; "" where the budget is not split. */
  readonly instance: string;
  readonly agent: string;
  readonly calls: number;
  /** In the budget's measure. */
  readonly amount: bigint;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly traces: readonly string[];
}

/** How near a budget came to its limit. */
export interface BudgetUse {
  readonly budget: string;
  readonly measure: Budget["measure"];
  readonly limit: bigint;
  readonly mode: Budget["mode"];
  /** Calls that fell under it. */
  readonly calls: number;
  /** The most that any instance used in one window, and when. */
  readonly most: bigint;
  readonly most_ms: number;
}

export interface BudgetReplayReport {
  /** Calls since the time that is reported on. */
  readonly calls: number;
  readonly stopped: number;
  readonly budgets: readonly BudgetUse[];
  readonly rows: readonly BudgetReplayRow[];
  /** More rows than are kept. */
  readonly more_rows: number;
  /** Budgets that finished calls say nothing of. */
  readonly not_replayed: readonly string[];
}

const ROWS_MAX = 10_000;
const TRACES_MAX = 3;
/** As the ledger sweeps; but each instance that is looked at is to be paid for by a call. */
const SWEEP_MS = 60_000;
const SWEEP_MS_MAX = 3_600_000;
const ASKING: ReadonlySet<Threshold["do"]> = new Set(["require_approval", "pause", "kill"]);
const NOBODY_WAITS: ReadonlySet<Spend> = new Set();

interface Row extends BudgetReplayRow {
  calls: number;
  amount: bigint;
  last_ms: number;
  readonly traces: string[];
}

interface Use {
  calls: number;
  most: bigint;
  mostMs: number;
}

export class BudgetReplay {
  readonly #state = new LedgerState();
  readonly #budgets: readonly Budget[];
  readonly #notReplayed: readonly string[];
  readonly #fromMs: number;
  readonly #rows = new Map<string, Row>();
  readonly #uses = new Map<string, Use>();
  #sweptMs = 0;
  #takenSince = 0;
  #calls = 0;
  #stopped = 0;
  #moreRows = 0;

  /** Calls before `fromMs` count, and are not reported. */
  constructor({ budgets, fromMs }: { readonly budgets: readonly Budget[]; readonly fromMs: number }) {
    this.#budgets = budgets.filter(({ measure }) => measure !== "concurrent_runs");
    this.#notReplayed = budgets.filter(({ measure }) => measure === "concurrent_runs").map(({ name }) => name);
    this.#fromMs = fromMs;
    applyEvent(this.#state, { event: "configured", at: 0, ttlMs: 1, graceMs: 1, budgets: this.#budgets });
  }

  /** Labels that decide under which budgets a call falls. */
  get labelKeys(): readonly string[] {
    return this.#state.index.labelKeys;
  }

  /** In the order in which they began; one that is out of it counts as of the newest. */
  take(call: RecordedCall): void {
    const state = this.#state;
    const nowMs = Math.max(call.atMs, state.atMs);
    this.#sweep(nowMs);
    const isReported = call.atMs >= this.#fromMs;
    if (isReported) this.#calls += 1;
    const spends = state.spendsOf(call.labels, nowMs);
    if (isReported) for (const spend of spends) this.#useOf(spend).calls += 1;
    const refusing = refusalOf(spends, call, nowMs);
    if (refusing !== undefined) {
      if (!isReported) return;
      this.#stopped += 1;
      this.#note("stopped", refusing, call);
      return;
    }
    if (isReported) this.#noteThresholds(spends, call, nowMs);
    for (const spend of spends) this.#count(spend, call, { nowMs, isReported });
    for (const event of decideThresholds(state, nowMs)) applyEvent(state, event);
  }

  report(): BudgetReplayReport {
    const budgets = this.#budgets.map(({ name: budget, measure, limit, mode }): BudgetUse => {
      const { calls = 0, most = 0n, mostMs = 0 } = this.#uses.get(budget) ?? {};
      return { budget, measure, limit, mode, calls, most, most_ms: mostMs };
    });
    return {
      calls: this.#calls,
      stopped: this.#stopped,
      budgets,
      rows: [...this.#rows.values()],
      more_rows: this.#moreRows,
      not_replayed: this.#notReplayed,
    };
  }

  /** Instances of windows that are over are forgotten, or a month of sessions would all be kept. */
  #sweep(nowMs: number): void {
    this.#takenSince += 1;
    const sinceMs = nowMs - this.#sweptMs;
    if (sinceMs < SWEEP_MS || (sinceMs < SWEEP_MS_MAX && this.#takenSince < this.#state.spends.size)) return;
    this.#sweptMs = nowMs;
    this.#takenSince = 0;
    applyEvent(this.#state, { event: "swept", at: nowMs });
  }

  #count(
    spend: Spend,
    call: RecordedCall,
    { nowMs, isReported }: { readonly nowMs: number; readonly isReported: boolean },
  ): void {
    const amount = amountIn(spend.budget.measure, call.amounts);
    countSpend(spend, amount, nowMs);
    if (!isReported || amount === 0n) return;
    const settled = settledAt(spend, nowMs);
    const use = this.#useOf(spend);
    if (settled > use.most) {
      use.most = settled;
      use.mostMs = nowMs;
    }
    if (spend.budget.mode !== "hard" && settled > limitAt(spend, nowMs)) this.#note("beyond", spend, call);
  }

  #noteThresholds(spends: readonly Spend[], call: RecordedCall, nowMs: number): void {
    for (const spend of spends) {
      const crossed = crossedAt(spend, nowMs);
      if (crossed.some(({ do: act }) => ASKING.has(act))) this.#note("asked", spend, call);
      const model = call.labels["model"] ?? "";
      const isCheaper = crossed.some(({ fallback }) => fallback !== undefined && Object.hasOwn(fallback, model));
      if (isCheaper) this.#note("downgraded", spend, call);
    }
  }

  #useOf({ budget: { name } }: Spend): Use {
    let use = this.#uses.get(name);
    if (use === undefined) this.#uses.set(name, (use = { calls: 0, most: 0n, mostMs: 0 }));
    return use;
  }

  #note(effect: BudgetEffect, { budget, match }: Spend, { labels, amounts, atMs, traceId }: RecordedCall): void {
    const agent = labels["agent"] ?? "";
    const instance = [match.each, match.run].filter((part) => part !== undefined).join(" ");
    const key = JSON.stringify([effect, budget.name, instance, agent]);
    let row = this.#rows.get(key);
    if (row === undefined) {
      if (this.#rows.size >= ROWS_MAX) {
        this.#moreRows += 1;
        return;
      }
      const since = { first_ms: atMs, last_ms: atMs };
      row = { effect, budget: budget.name, instance, agent, calls: 0, amount: 0n, ...since, traces: [] };
      this.#rows.set(key, row);
    }
    row.calls += 1;
    row.amount += amountIn(budget.measure, amounts);
    row.last_ms = atMs;
    if (row.traces.length < TRACES_MAX && !row.traces.includes(traceId)) row.traces.push(traceId);
  }
}

/** The hard budget that does not hold a call; `undefined` when all do. */
function refusalOf(spends: readonly Spend[], call: RecordedCall, nowMs: number): Spend | undefined {
  const blind = spends.find(({ budget }) => isBlind(budget, call));
  if (blind !== undefined) return blind;
  const lease = newLease("", "", call.labels);
  lease.spends = spends;
  const wish = { need: call.amounts, target: call.amounts, ahead: NO_AMOUNTS };
  const { granted } = decideGrowth(lease, wish, { nowMs, queuedFor: NOBODY_WAITS });
  return covers(lease, granted, call.amounts) ? undefined : tightest(lease, call.amounts, nowMs);
}

/** A hard limit on money does not let go what nobody knows the price of, unless it says so. */
function isBlind({ mode, measure, unknownPrice }: Budget, { isUnpriced }: RecordedCall): boolean {
  return isUnpriced && mode === "hard" && measure === "usd" && unknownPrice === "deny";
}

/** From when on calls have to be counted, for the windows of these budgets to be whole at `fromMs`. */
export function countedFrom(budgets: readonly Budget[], fromMs: number): number {
  let earliest = fromMs;
  for (const { window, timeZone } of budgets) {
    if (window.kind === "rolling") earliest = Math.min(earliest, fromMs - window.durationMs);
    if (window.kind === "calendar")
      earliest = Math.min(earliest, calendarWindow(window.unit, timeZone, fromMs).startMs);
  }
  return Math.max(0, earliest);
}
