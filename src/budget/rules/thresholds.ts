/**
 * Thresholds of budgets: which are crossed, and which of them have not fired yet in this window. Each fires once a window, by
 * an event of the journal: whoever acts on it does so after it is durable, and a replay fires nothing anew. In a rolling
 * window, where S falls, a threshold can fire again once S has been below it.
 */
import type { Threshold } from "../ledger.ts";
import { isCrossed } from "./crossing.ts";
import type { LedgerEvent } from "./events.ts";
import { limitAt } from "./limit.ts";
import { countsRuns } from "./runs.ts";
import { settledAt, type Spend } from "./spend.ts";
import type { LedgerState } from "./state.ts";

export type ThresholdEvent = Extract<LedgerEvent, { event: "threshold" }>;

/** Crossed at an instant, lowest first. */
export function crossedAt(spend: Spend, nowMs: number): readonly Threshold[] {
  const { thresholds } = spend.budget;
  if (thresholds.length === 0) return thresholds;
  const limit = limitAt(spend, nowMs);
  const used = usedAt(spend, nowMs);
  return thresholds.filter((threshold) => isCrossed(threshold, used, limit));
}

/** What thresholds look at: S, and of budgets in concurrent runs how many are in flight. */
function usedAt(spend: Spend, nowMs: number): bigint {
  return countsRuns(spend) ? spend.reserved : settledAt(spend, nowMs);
}

/** What fires now, of all that was counted since the last call. */
export function decideThresholds(state: LedgerState, nowMs: number): ThresholdEvent[] {
  if (state.counted.size === 0) return [];
  const events: ThresholdEvent[] = [];
  for (const spend of state.counted) {
    if (!spend.isInForce) continue;
    for (const { atPercent, do: act } of crossedAt(spend, nowMs)) {
      if (!spend.fired.has(atPercent)) events.push({ event: "threshold", at: nowMs, key: spend.key, atPercent, act });
    }
  }
  state.counted.clear();
  return events;
}
