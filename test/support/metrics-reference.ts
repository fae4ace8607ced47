/** The generated reference of the metrics, docs/metrics.md: written by a script, compared by a test. */
import type { Registry } from "prom-client";
import { registerServiceMetrics } from "../../src/service/metrics/register.ts";
import { VISIBILITY_SLO } from "../../src/telemetry/lag.ts";
import { Telemetry } from "../../src/telemetry/telemetry.ts";

export const METRICS_FILE = "docs/metrics.md";

export interface DescribedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/** Every metric that the service registers, as it does. */
export async function describedMetrics(): Promise<readonly DescribedMetric[]> {
  const telemetry = new Telemetry({ write: () => {} });
  telemetry.collectProcessMetrics();
  registerServiceMetrics(telemetry.registry, {
    flows: () => [],
    queues: () => [],
    measures: telemetry.measures,
    answers: () => ({ answers: {}, grpcAnswers: {} }),
    ledger: () => ({
      leasesActive: 0,
      leasesExpired: 0,
      acquiresWaiting: 0,
      journalBytes: 0,
      journalFlushes: 0,
      journalEvents: 0,
    }),
    isGranting: () => true,
    budgets: () => [],
    engine: () => undefined,
    isStorageReady: () => true,
    processes: () => 0,
    gateFailures: () => 0,
    audit: () => ({
      chains: 0,
      open: 0,
      holes: 0,
      links: { extends: 0, ahead: 0, late: 0, resent: 0, forked: 0, beyond_bounds: 0, changed: 0, malformed: 0 },
      missing: 0,
      checkpoints: 0,
      lastCheckpointMs: undefined,
      anchorsBehind: 0,
    }),
    truth: () => undefined,
    blast: () => ({ drift: [], excess: [] }),
    now: () => 0,
    version: "0.0.0",
  });
  return describe(telemetry.registry);
}

async function describe(registry: Registry): Promise<readonly DescribedMetric[]> {
  const labels = new Map(
    registry
      .getMetricsAsArray()
      .map((metric) => [
        (metric as unknown as { name: string }).name,
        (metric as unknown as { labelNames?: readonly string[] }).labelNames ?? [],
      ]),
  );
  // Types at run time are words, whatever prom-client's declaration says.
  const all = (await registry.getMetricsAsJSON()) as unknown as { name: string; help: string; type: string }[];
  return all.map(({ name, help, type }) => ({ name, help, type, labelNames: labels.get(name) ?? [] }));
}

const SECTIONS: readonly { readonly title: string; readonly text: string; readonly prefixes: readonly string[] }[] = [
  {
    title: "Components",
    text: "One series for each receiver, processor and exporter, by its path in tollgate.yaml. At every moment `received + recovered = sent + refused + dropped + in flight`; `tollgate_component_imbalance_items` is the difference of the two sides and stays 0.",
    prefixes: ["tollgate_component_"],
  },
  {
    title: "Spool and deduplication",
    text: "What is acknowledged and not delivered yet.",
    prefixes: ["tollgate_spool_", "tollgate_deduplication_"],
  },
  {
    title: "Lag, inserts, answers",
    text: `The objective: ${VISIBILITY_SLO.share * 100} of 100 calls are visible within ${VISIBILITY_SLO.seconds} s of their end, and count in the ledger within as many; an alert rule for each is in dashboards/alerts. In PromQL, the share that kept it: \`sum(rate(tollgate_visibility_lag_seconds_bucket{le=~"${VISIBILITY_SLO.seconds}([.]0)?"}[5m])) / sum(rate(tollgate_visibility_lag_seconds_count[5m]))\`. Lags are those of spans that cost something; \`tollgate_enforcement_lag_seconds\` is how long a budget did not know of a call that no lease covered.`,
    prefixes: [
      "tollgate_enforcement_",
      "tollgate_visibility_",
      "tollgate_lag_",
      "tollgate_clickhouse_",
      "tollgate_otlp_",
      "tollgate_request_",
    ],
  },
  {
    title: "Ledger and budgets",
    text: "",
    prefixes: ["tollgate_lease", "tollgate_acquires_", "tollgate_ledger_", "tollgate_budget"],
  },
  { title: "Embedded engine", text: "Without samples when ClickHouse is a server.", prefixes: ["tollgate_engine_"] },
  { title: "Service", text: "", prefixes: ["tollgate_"] },
  { title: "Process", text: "Of Node, by prom-client.", prefixes: [""] },
];

const INTRODUCTION = `# Metrics

\`GET /metrics\` on the control API (4320), in Prometheus' text format: for anyone who reaches the port, and with
\`auth\` for who comes with \`auth.metrics_token\` or is a person of no tenant, as they name all budgets. A scrape reads memory
only: it waits for neither ClickHouse nor the engine. The number of series is bounded whatever agents send: labels come from the
configuration and from lists in the code; only budgets with \`each\` have a label that senders fill, and of those
1,000 are shown at most, troubled ones first.

\`tollgate status\` shows the same for people. \`dashboards/json/pipeline.json\` is a Grafana dashboard over them,
\`dashboards/json/pipeline-alerts.json\` holds alert rules for Grafana's provisioning.

This page is generated from the code: \`node scripts/generate-metrics.ts\`.`;

/** The page as it should stand in docs/. */
export async function metricsPage(): Promise<string> {
  let rest = await describedMetrics();
  const sections: string[] = [INTRODUCTION];
  for (const { title, text, prefixes } of SECTIONS) {
    const isHere = ({ name }: DescribedMetric): boolean => prefixes.some((prefix) => name.startsWith(prefix));
    const here = rest.filter(isHere);
    rest = rest.filter((metric) => !isHere(metric));
    sections.push([`## ${title}`, ...(text === "" ? [] : [text]), table(here)].join("\n\n"));
  }
  return `${sections.join("\n\n")}\n`;
}

function table(metrics: readonly DescribedMetric[]): string {
  const rows = metrics.map(({ name, type, help, labelNames }) => {
    const labels = labelNames.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${labels} | ${help.replaceAll("|", "\\|")} |`;
  });
  return ["| Metric | Type | Labels | Meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}
