import { figure, type MetricFamily } from "../../telemetry/metric-family.ts";
import type { ServiceTruth } from "../spend-truth.ts";

const NANO = 1e9;
const SERIES_MAX = 1_000;

/** Whether the ledger and ClickHouse agree on spend, and what has no price. */
export function truthFamilies(options: {
  readonly truth: () => ServiceTruth | undefined;
  readonly now: () => number;
}): readonly MetricFamily[] {
  const { truth, now } = options;
  return [
    {
      name: "tollgate_spend_difference",
      help: `Ledger minus ClickHouse, of budgets on which they do not agree, in the measure (usd in dollars); ${SERIES_MAX} at most. What is in flight is no difference.`,
      type: "gauge",
      labelNames: ["budget", "scope", "measure", "reason"],
      samples: () =>
        (truth()?.differing() ?? []).slice(0, SERIES_MAX).map(({ budget, reconciliation }) => ({
          labels: {
            budget: budget.name,
            scope: Object.entries(budget.scope)
              .map(([key, value]) => `${key}=${value}`)
              .join(","),
            measure: budget.measure,
            reason: reconciliation.reason,
          },
          value: Number(reconciliation.difference) / (budget.measure === "usd" ? NANO : 1),
        })),
    },
    figure({
      name: "tollgate_spend_compared_ago_seconds",
      help: "Age of the minute up to which the ledger and ClickHouse were compared last.",
      value: () => {
        const ms = truth()?.comparedAgoMs(now());
        return ms === undefined ? undefined : ms / 1_000;
      },
    }),
    unpriced(
      { name: "tollgate_unpriced_calls", what: "Calls of this month (UTC) without a price", key: "settled" },
      truth,
    ),
    unpriced(
      { name: "tollgate_unpriced_tokens", what: "Tokens of this month's (UTC) calls without a price", key: "tokens" },
      truth,
    ),
  ];
}

function unpriced(
  { name, what, key }: { readonly name: string; readonly what: string; readonly key: "settled" | "tokens" },
  truth: () => ServiceTruth | undefined,
): MetricFamily {
  return {
    name,
    help: `${what}, by agent and model as senders name them; ${SERIES_MAX} series at most.`,
    type: "gauge",
    labelNames: ["agent", "team", "provider", "model"],
    samples: () =>
      (truth()?.unpriced() ?? []).slice(0, SERIES_MAX).map((row) => ({
        labels: { agent: "", team: "", provider: "", model: "", ...row.scope },
        value: Number(row[key]),
      })),
  };
}
