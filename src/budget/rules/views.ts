/** Budgets as others see them: `BudgetState` of ledger.ts at an instant. Reads only. */
import type { Budget } from "../budget.ts";
import type { BudgetState, Labels, LeaseView, ThresholdCrossing } from "../ledger.ts";
import { carriedAt, limitAt } from "./limit.ts";
import { pastKnowledge } from "./past.ts";
import { newSpend, observedAt, settledAt, shownBounds, type Spend, withheldAt } from "./spend.ts";
import { isOverflow, spendKey } from "./scope.ts";
import { crossedAt } from "./thresholds.ts";
import type { LedgerState } from "./state.ts";

type Shown = { -readonly [Key in keyof BudgetState]: BudgetState[Key] };

export function budgetState(spend: Spend, nowMs: number): BudgetState {
  return shownState(spend, nowMs);
}

/** What is there of some instances only is put in after: to copy it in, or nothing, was most of a look at a hundred thousand. */
function shownState(spend: Spend, nowMs: number): Shown {
  const { budget, reserved } = spend;
  const settled = settledAt(spend, nowMs);
  const limit = limitAt(spend, nowMs);
  const carried = carriedAt(spend, nowMs);
  const held = reserved + withheldAt(spend, nowMs);
  const free = limit - settled - held;
  const crossed = crossedAt(spend, nowMs);
  const { startMs, endMs } = shownBounds(spend, nowMs);
  const shown: Shown = {
    name: budget.name,
    scope: shownScope(spend),
    measure: budget.measure,
    mode: budget.mode,
    unknownPrice: budget.unknownPrice,
    windowStartMs: startMs,
    windowEndMs: endMs,
    limit,
    settled,
    observed: observedAt(spend, nowMs),
    reserved: held,
    remaining: free > 0n ? free : 0n,
    crossed,
    state: stateName({ settled, free, limit, isWarned: crossed.length > 0 }),
  };
  if (isOverflow(spend)) shown.isBeyondMax = true;
  if (budget.reserve !== undefined) shown.reserve = budget.reserve;
  if (carried !== 0n) shown.carried = carried;
  const raises = spend.raises?.filter(({ untilMs }) => nowMs < untilMs);
  if (raises !== undefined && raises.length > 0) shown.raises = raises;
  if (nowMs < spend.closedUntilMs) shown.closedUntilMs = spend.closedUntilMs;
  return shown;
}

/**
 * Every budget instance that has spent or holds something, and every budget that isn't split, in the documents' order. Each is made when
 * it is asked for, so that a look at a hundred thousand holds one of them; the state must not change meanwhile.
 */
export function* eachBudgetState(state: LedgerState, nowMs: number): Generator<BudgetState> {
  const byName = new Map<string, Spend[]>();
  for (const spend of state.spends.values()) {
    if (!spend.isInForce) continue;
    const known = byName.get(spend.match.name);
    if (known === undefined) byName.set(spend.match.name, [spend]);
    else known.push(spend);
  }
  for (const budget of state.budgets) {
    const spends = byName.get(budget.name) ?? (isSplit(budget) ? [] : [untouched(state, budget, nowMs)]);
    const past = state.past.get(budget.name);
    for (const spend of spends) {
      const shown = shownState(spend, nowMs);
      // What runs now is all that such a budget counts, and that is known.
      shown.past = budget.measure === "concurrent_runs" ? "counted" : pastKnowledge(past, shown.windowStartMs);
      yield shown;
    }
  }
}

/** What is known of a lease; `undefined` for nothing. */
export function leaseView(state: LedgerState, leaseId: string): LeaseView | undefined {
  const closed = state.closed.get(leaseId);
  if (closed !== undefined) return { state: "closed", labels: closed.labels, settled: closed.settled };
  const active = state.active.get(leaseId);
  const lease = active ?? state.expired.get(leaseId);
  if (lease === undefined) return undefined;
  const { processId, labels, granted, settled } = lease;
  return { state: active === undefined ? "expired" : "active", processId, labels, granted, settled };
}

/** The thresholds that have fired in the window that is open now, of all budgets. */
export function firedThresholds(state: LedgerState, nowMs: number): ThresholdCrossing[] {
  const fired: ThresholdCrossing[] = [];
  for (const spend of state.spends.values()) {
    if (!spend.isInForce || spend.fired.size === 0) continue;
    const budget = budgetState(spend, nowMs);
    for (const threshold of budget.crossed) {
      if (spend.fired.has(threshold.atPercent)) fired.push(crossingOf(spend, { threshold, budget }));
    }
  }
  return fired;
}

function stateName(of: { settled: bigint; free: bigint; limit: bigint; isWarned: boolean }): BudgetState["state"] {
  if (of.settled > of.limit) return "overrun";
  if (of.free <= 0n) return "exhausted";
  return of.isWarned ? "warning" : "ok";
}

export function crossingOf(
  spend: Spend,
  { threshold, budget }: Pick<ThresholdCrossing, "threshold" | "budget">,
): ThresholdCrossing {
  const { each, window } = spend.budget;
  const exactKeys = [
    ...(each === undefined || spend.match.each === undefined ? [] : [each]),
    ...(window.kind === "run" && spend.match.run !== undefined ? [window.label] : []),
  ];
  return { key: spend.key, threshold, budget, exactKeys };
}

function shownScope(spend: Spend): Labels {
  const { budget, match } = spend;
  const scope: Record<string, string> = { ...budget.scope };
  if (budget.each !== undefined && match.each !== undefined)
    scope[budget.each] = isOverflow(spend) ? `(beyond ${budget.eachMax} values)` : match.each;
  if (budget.window.kind === "run" && match.run !== undefined) scope[budget.window.label] = match.run;
  return scope;
}

export function isSplit(budget: Budget): boolean {
  return budget.each !== undefined || budget.window.kind === "run";
}

export function untouched(state: LedgerState, budget: Budget, nowMs: number): Spend {
  const key = spendKey(budget.name, undefined, undefined);
  const spend = newSpend({ key, name: budget.name, budget, each: undefined, run: undefined }, nowMs);
  spend.closedUntilMs = state.past.get(budget.name)?.closedUntilMs ?? 0;
  spend.raises = state.raisesOf(spend);
  return spend;
}
