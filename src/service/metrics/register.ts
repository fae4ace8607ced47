import type { Registry } from "prom-client";
import type { BudgetState } from "../../budget/ledger.ts";
import type { LedgerStats } from "../../budget/ledger-notice.ts";
import type { FlowSource } from "../../component/flow.ts";
import type { Measures } from "../../telemetry/measures.ts";
import { figure, type MetricFamily, registerFamily } from "../../telemetry/metric-family.ts";
import type { AgentWatch } from "../agent-watch.ts";
import type { EngineWatch } from "../engine-watch.ts";
import type { QueueSource } from "../queues.ts";
import type { AuditCounts } from "../audit-keeper.ts";
import { auditFamilies } from "./audit-metrics.ts";
import { deliveryFamilies, type OtlpAnswers } from "./delivery-metrics.ts";
import { engineFamilies } from "./engine-metrics.ts";
import { flowFamilies } from "./flow-metrics.ts";
import { ledgerFamilies } from "./ledger-metrics.ts";
import type { ServiceTruth } from "../spend-truth.ts";
import { queueFamilies } from "./queue-metrics.ts";
import { truthFamilies } from "./truth-metrics.ts";

export interface ServiceMetricsSources {
  readonly flows: () => readonly FlowSource[];
  readonly queues: () => readonly QueueSource[];
  readonly measures: Measures;
  readonly answers: () => OtlpAnswers;
  readonly ledger: () => LedgerStats;
  readonly isGranting: () => boolean;
  readonly budgets: () => Iterable<BudgetState>;
  readonly engine: () => EngineWatch | undefined;
  readonly isStorageReady: () => boolean;
  readonly truth: () => ServiceTruth | undefined;
  readonly audit: () => AuditCounts;
  readonly blast: () => Pick<AgentWatch, "drift" | "excess">;
  readonly now: () => number;
  readonly processes: () => number;
  readonly gateFailures: () => number;
  readonly version: string;
}

/** Everything `/metrics` says of the service itself. Nothing in it waits: a scrape reads memory only. */
export function registerServiceMetrics(registry: Registry, sources: ServiceMetricsSources): void {
  const families = [
    ...flowFamilies(sources.flows),
    ...queueFamilies(sources.queues),
    ...deliveryFamilies(sources.measures, sources.answers),
    ...ledgerFamilies(sources),
    ...engineFamilies(sources.engine),
    ...truthFamilies(sources),
    ...auditFamilies(sources),
    ...serviceFamilies(sources),
  ];
  for (const family of families) registerFamily(registry, family);
}

function serviceFamilies({
  isStorageReady,
  processes,
  gateFailures,
  blast,
  version,
}: ServiceMetricsSources): readonly MetricFamily[] {
  return [
    figure({
      name: "tollgate_storage_ready",
      help: "1 while ClickHouse answers and its tables are there.",
      value: () => Number(isStorageReady()),
    }),
    figure({ name: "tollgate_agent_processes", help: "Agent processes that said hello.", value: processes }),
    figure({
      name: "tollgate_gate_failures_total",
      help: "How often gates in agents' processes have failed inside and were contained, by their own word.",
      type: "counter",
      value: gateFailures,
    }),
    {
      name: "tollgate_blast_radius_beyond",
      help: "What goes beyond the blast radii of agents now: `did`, what they did in the last day; `may`, what documents in force would let them do.",
      type: "gauge",
      labelNames: ["kind"],
      samples: () => [
        { labels: { kind: "did" }, value: blast().drift.length },
        { labels: { kind: "may" }, value: blast().excess.length },
      ],
    },
    {
      name: "tollgate_build_info",
      help: "Always 1; its labels say what runs.",
      type: "gauge",
      labelNames: ["version", "node_version"],
      samples: () => [{ labels: { version, node_version: process.version }, value: 1 }],
    },
  ];
}
