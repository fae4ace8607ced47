/**
 * The PromQL behind the "Tollgate pipeline" dashboard and the alert rules. Names and labels are those of docs/metrics.md, and a test
 * holds them together. Prometheus 3 writes the bound `2` of a histogram as `2.0`, Prometheus 2 as it comes: `LE` matches both.
 */
import { VISIBILITY_SLO } from "../src/telemetry/lag.ts";

const LE = `le=~"${VISIBILITY_SLO.seconds}([.]0)?"`;

/** Whatever the interval of the panel is, a rate spans some scrapes. */
const RATE = "$__rate_interval";

function rate(metric: string, by: string): string {
  return `sum by (${by}) (rate(${metric}[${RATE}]))`;
}

function quantile(share: number, histogram: string): string {
  return `histogram_quantile(${share}, sum by (le) (rate(${histogram}[${RATE}])))`;
}

/** Share of calls that were visible in time, or counted in time, over a range. */
export function withinObjective(range: string, lag: "visibility" | "enforcement" = "visibility"): string {
  const { bucket, count } = {
    bucket: `rate(tollgate_${lag}_lag_seconds_bucket{${LE}}[${range}])`,
    count: `rate(tollgate_${lag}_lag_seconds_count[${range}])`,
  };
  return `sum(${bucket}) / sum(${count})`;
}

export const IMBALANCE = "max(abs(tollgate_component_imbalance_items))";
export const OLDEST_BLOCK = "max(tollgate_spool_oldest_block_age_seconds)";
/** 0 to 1; the fullest spool. */
export const SPOOL_SHARE = "max(tollgate_spool_bytes / tollgate_spool_limit_bytes)";
export const NEVER_DELIVERED = 'tollgate_component_dropped_items_total{reason=~"poison|corrupt"}';

/** Single figures of now. */
export const NOW = {
  withinObjective: withinObjective("5m"),
  lagP99: "histogram_quantile(0.99, sum by (le) (rate(tollgate_visibility_lag_seconds_bucket[5m])))",
  received: 'sum(rate(tollgate_component_received_items_total{component=~"receivers[.].*"}[5m]))',
  oldestBlock: OLDEST_BLOCK,
  imbalance: IMBALANCE,
  restarts: "sum(increase(tollgate_engine_restarts_total[1h]))",
} as const;

/** Series by panel: legend → query. */
export const SERIES = {
  flow: {
    "received {{component}} {{signal}}": rate(
      'tollgate_component_received_items_total{component=~"receivers[.].*"}',
      "component, signal",
    ),
    "stored {{component}} {{signal}}": rate(
      'tollgate_component_sent_items_total{component=~"exporters[.].*"}',
      "component, signal",
    ),
  },
  dropped: {
    "{{component}} {{reason}}": rate("tollgate_component_dropped_items_total", "component, reason"),
    "{{component}} refused": rate("tollgate_component_refused_items_total", "component"),
  },
  visibility: {
    p50: quantile(0.5, "tollgate_visibility_lag_seconds_bucket"),
    p99: quantile(0.99, "tollgate_visibility_lag_seconds_bucket"),
    objective: "max(tollgate_visibility_lag_objective_seconds)",
  },
  enforcement: {
    p50: quantile(0.5, "tollgate_enforcement_lag_seconds_bucket"),
    p99: quantile(0.99, "tollgate_enforcement_lag_seconds_bucket"),
  },
  queueAge: { "{{component}} {{signal}}": "max by (component, signal) (tollgate_spool_oldest_block_age_seconds)" },
  queueBytes: {
    "{{component}} {{signal}}": "max by (component, signal) (tollgate_spool_bytes)",
    "limit {{component}}": "max by (component) (tollgate_spool_limit_bytes)",
  },
  inserts: {
    p50: quantile(0.5, 'tollgate_clickhouse_insert_duration_seconds_bucket{outcome="ok"}'),
    p99: quantile(0.99, 'tollgate_clickhouse_insert_duration_seconds_bucket{outcome="ok"}'),
    "failed /s": `sum(rate(tollgate_clickhouse_insert_duration_seconds_count{outcome="failed"}[${RATE}]))`,
  },
  answers: {
    "OTLP {{protocol}} {{status}}": rate("tollgate_otlp_answers_total", "protocol, status"),
    "API {{status}}": rate("tollgate_request_duration_seconds_count", "status"),
  },
  engineMemory: {
    resident: "max(tollgate_engine_resident_memory_bytes)",
    tracked: "max(tollgate_engine_tracked_memory_bytes)",
    limit: "max(tollgate_engine_memory_limit_bytes)",
    processor: 'max(process_resident_memory_bytes and on (instance, job) tollgate_build_info{version=~".+"})',
  },
  cpu: {
    processor: `sum(rate(process_cpu_seconds_total[${RATE}]) and on (instance, job) tollgate_build_info{version=~".+"})`,
    engine: `sum(rate(tollgate_engine_cpu_seconds_total[${RATE}]))`,
  },
  engineQueries: {
    "{{lane}} {{state}}": "sum by (lane, state) (tollgate_engine_queries)",
    merges: "max(tollgate_engine_merges_running)",
  },
  eventLoop: {
    p99: 'max(nodejs_eventloop_lag_p99_seconds and on (instance, job) tollgate_build_info{version=~".+"})',
  },
  ledger: {
    "leases held": "max(tollgate_leases_active)",
    "leases expired": "max(tollgate_leases_expired)",
    "waiting for money": "max(tollgate_acquires_waiting)",
  },
  budgets: { "{{state}}": "sum by (state) (tollgate_budgets)" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
