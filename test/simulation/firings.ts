/** Thresholds that were told to somebody: each once a window, and found again after a restart. */
import type { ThresholdCrossing } from "../../src/budget/ledger.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";

export class Firings {
  readonly #fired = new Map<string, { readonly key: string; readonly atPercent: number; readonly startMs: number }>();
  count = 0;

  /** Throws for one that was told before in the same window. */
  add({ key, threshold, budget }: ThresholdCrossing): void {
    this.count += 1;
    // In a rolling window a threshold fires again once S has been below it.
    if (budget.windowEndMs !== undefined && budget.windowStartMs === 0) return;
    const firing = { key, atPercent: threshold.atPercent, startMs: budget.windowStartMs };
    const id = JSON.stringify([key, firing.atPercent, firing.startMs]);
    if (this.#fired.has(id)) throw new Error(`the threshold ${id} fired twice in one window`);
    this.#fired.set(id, firing);
  }

  /** After a restart: whoever acted on a threshold acted on something that the journal has. */
  check(state: LedgerState): void {
    for (const { key, atPercent, startMs } of this.#fired.values()) {
      const spend = state.spends.get(key);
      if (spend === undefined || spend.bounds.startMs !== startMs || spend.buckets !== undefined) continue;
      if (!spend.fired.has(atPercent)) throw new Error(`${key}: ${atPercent}% was told, and is not in the journal`);
    }
  }
}
