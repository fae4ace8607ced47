import { Counter, Gauge, type Registry } from "prom-client";
import type { BudgetState } from "../budget/ledger.ts";
import type { LedgerStats } from "../budget/local/local-ledger-options.ts";
import type { FlowStats } from "../component/flow.ts";

export interface ServiceMetricsSources {
  readonly registry: Registry;
  readonly receiver: () => FlowStats;
  readonly exporter: () => FlowStats;
  readonly ledger: () => LedgerStats;
  readonly budgets: () => readonly BudgetState[];
  readonly isStorageReady: () => boolean;
  readonly processes: () => number;
}

/** Budget instances shown to Prometheus at most: `each: user` could make any number of series. */
const BUDGET_SERIES_MAX = 1_000;

/** The service's figures for `/metrics`, read from where they are kept when they are asked for. */
export function registerServiceMetrics(sources: ServiceMetricsSources): void {
  const registers = [sources.registry];
  new Counter({
    name: "tollgate_spans_total",
    help: "Spans by component and what became of them. received + recovered = stored + refused + dropped + in flight.",
    labelNames: ["component", "outcome"],
    registers,
    collect() {
      this.reset();
      for (const [component, stats] of Object.entries({ receiver: sources.receiver(), exporter: sources.exporter() })) {
        const { received, recovered, stored, refused, dropped } = stats;
        for (const [outcome, count] of Object.entries({ received, recovered, stored, refused })) {
          this.inc({ component, outcome }, count);
        }
        for (const [reason, count] of Object.entries(dropped))
          this.inc({ component, outcome: `dropped_${reason}` }, count);
      }
    },
  });
  gauge(registers, "tollgate_spans_in_flight", "Spans on disk or in memory that are not in ClickHouse yet.", () => {
    return sources.exporter().inFlight;
  });
  gauge(registers, "tollgate_storage_ready", "1 while ClickHouse answers.", () => (sources.isStorageReady() ? 1 : 0));
  gauge(registers, "tollgate_agent_processes", "Agent processes that said hello.", sources.processes);
  gauge(registers, "tollgate_leases_active", "Leases that are held.", () => sources.ledger().leasesActive);
  gauge(registers, "tollgate_leases_expired", "Leases that expired and wait for their spans.", () => {
    return sources.ledger().leasesExpired;
  });
  gauge(registers, "tollgate_acquires_waiting", "Requests for money that wait for others to give back.", () => {
    return sources.ledger().acquiresWaiting;
  });
  gauge(
    registers,
    "tollgate_ledger_journal_bytes",
    "Size of the ledger's journal.",
    () => sources.ledger().journalBytes,
  );
  registerBudgets(sources);
}

function gauge(registers: Registry[], name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(value());
    },
  });
}

/** Amounts as floats, for graphs and alerts only; `/v1/budgets` has them exactly. */
function registerBudgets({ registry, budgets }: ServiceMetricsSources): void {
  new Gauge({
    name: "tollgate_budget_amount",
    help: "Budgets by what they hold, in the measure (usd in dollars).",
    labelNames: ["budget", "scope", "measure", "amount"],
    registers: [registry],
    collect() {
      this.reset();
      for (const state of budgets().slice(0, BUDGET_SERIES_MAX)) {
        const unit = state.measure === "usd" ? 1e9 : 1;
        const scope = Object.entries(state.scope)
          .map(([key, value]) => `${key}=${value}`)
          .join(",");
        const { limit, settled, reserved, remaining } = state;
        for (const [amount, value] of Object.entries({ limit, settled, reserved, remaining })) {
          this.set({ budget: state.name, scope, measure: state.measure, amount }, Number(value) / unit);
        }
      }
    },
  });
}
