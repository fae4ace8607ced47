import type { BudgetState } from "../../budget/ledger.ts";
import { troubledFirst } from "../../budget/troubled-first.ts";
import type { LedgerStats } from "../../budget/ledger-notice.ts";
import { figure, type MetricFamily, type Sample } from "../../telemetry/metric-family.ts";

/** Budget instances shown at most: `each: user` could make any number of series. Those that are not `ok` come first. */
export const BUDGET_SERIES_MAX = 1_000;

const NANO = 1e9;

/** Who holds money, and what the ledger's journal does. */
export function ledgerFamilies(options: {
  readonly ledger: () => LedgerStats;
  readonly isGranting: () => boolean;
  readonly budgets: () => Iterable<BudgetState>;
}): readonly MetricFamily[] {
  const { ledger, isGranting, budgets } = options;
  return [
    figure({
      name: "tollgate_ledger_granting",
      help: "1 while the ledger can grant and count, 0 from when its disk or store failed until it is there again.",
      value: () => (isGranting() ? 1 : 0),
    }),
    figure({ name: "tollgate_leases_active", help: "Leases that are held.", value: () => ledger().leasesActive }),
    figure({
      name: "tollgate_leases_expired",
      help: "Leases that expired and wait for their spans.",
      value: () => ledger().leasesExpired,
    }),
    figure({
      name: "tollgate_acquires_waiting",
      help: "Requests for money that wait for others to give back.",
      value: () => ledger().acquiresWaiting,
    }),
    figure({
      name: "tollgate_ledger_journal_bytes",
      help: "Size of the ledger's journal.",
      value: () => ledger().journalBytes,
    }),
    figure({
      name: "tollgate_ledger_journal_events_total",
      help: "Events written to the ledger's journal.",
      type: "counter",
      value: () => ledger().journalEvents,
    }),
    figure({
      name: "tollgate_ledger_journal_flushes_total",
      help: "Times the journal was forced to disk; each makes all events before it durable.",
      type: "counter",
      value: () => ledger().journalFlushes,
    }),
    {
      name: "tollgate_budget_amount",
      help: `Budgets by what they hold, in the measure (usd in dollars); ${BUDGET_SERIES_MAX} at most, troubled ones first. A float for graphs and alerts: \`/v1/budgets\` is exact.`,
      type: "gauge",
      labelNames: ["budget", "scope", "measure", "amount"],
      samples: () => troubledFirst(budgets(), { limit: BUDGET_SERIES_MAX }).budgets.flatMap(amountsOf),
    },
    {
      name: "tollgate_budgets",
      help: "Budget instances by state: ok, warning (a threshold is crossed), exhausted, overrun.",
      type: "gauge",
      labelNames: ["state"],
      samples: () => countStates(budgets()),
    },
  ];
}

function amountsOf(budget: BudgetState): readonly Sample[] {
  const { name, measure, limit, settled, reserved, remaining } = budget;
  const unit = measure === "usd" ? NANO : 1;
  const scope = Object.entries(budget.scope)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  return Object.entries({ limit, settled, reserved, remaining }).map(([amount, value]) => ({
    labels: { budget: name, scope, measure, amount },
    value: Number(value) / unit,
  }));
}

function countStates(budgets: Iterable<BudgetState>): readonly Sample[] {
  const counts: Record<BudgetState["state"], number> = { ok: 0, warning: 0, exhausted: 0, overrun: 0 };
  for (const { state } of budgets) counts[state] += 1;
  return Object.entries(counts).map(([state, value]) => ({ labels: { state }, value }));
}
