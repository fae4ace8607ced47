/** What ClickHouse says of spend, beside the ledger: whether the two agree, and what nobody knows the price of. */
import type { SpendTruth } from "../api/budgets.ts";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import type { RunawayAlarm } from "../runaway/runaway-watch.ts";
import type { Reconciler, Reconciliation } from "./reconciler.ts";
import type { RunawayActs } from "./runaway-acts.ts";
import type { UnpricedSpend } from "./unpriced-spend.ts";

interface Differing {
  readonly budget: BudgetState;
  readonly reconciliation: Reconciliation;
}

export interface ServiceTruth extends SpendTruth {
  /** Budget instances on which the ledger and ClickHouse do not agree. */
  differing(): readonly Differing[];
  /** Found in the last hour, newest first. */
  runaways(): readonly RunawayAlarm[];
  /** How long ago the minute was that was compared last; undefined before the first comparison. */
  comparedAgoMs(nowMs: number): number | undefined;
}

export function spendTruthOf(of: {
  readonly ledger: Pick<Ledger, "eachBudget">;
  readonly reconciler: Reconciler;
  readonly unpriced: UnpricedSpend;
  readonly runaways: RunawayActs;
}): ServiceTruth {
  const { ledger, reconciler, unpriced, runaways } = of;
  return {
    reconciliation: (state) => reconciler.of(state),
    exhaustedAtMs: (state) => runaways.exhaustedAtMs(state),
    runaways: () => runaways.found,
    unpriced: () => {
      const windowStart = new Date(unpriced.sinceMs).toISOString();
      return unpriced.rows.map(({ calls, tokens, ...labels }) => ({
        name: "unpriced" as const,
        scope: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== "")),
        window_start: windowStart,
        measure: "unpriced_calls" as const,
        settled: calls,
        tokens,
        mode: "observe" as const,
      }));
    },
    differing: () => {
      // Mostly there are none, and there may be very many budgets.
      if (!reconciler.hasFindings) return [];
      const found: Differing[] = [];
      for (const budget of ledger.eachBudget()) {
        const reconciliation = reconciler.of(budget);
        if (reconciliation.state === "differs") found.push({ budget, reconciliation });
      }
      return found;
    },
    comparedAgoMs: (nowMs) => (reconciler.comparedMs === undefined ? undefined : nowMs - reconciler.comparedMs),
  };
}
