/** A status in which nothing is wrong, for tests to change. */
import type { ServiceStatus } from "../../src/api/status.ts";

export function fineStatus(): ServiceStatus {
  const counts = {
    received: 1_234_567,
    recovered: 0,
    stored: 1_234_467,
    refused: 0,
    dropped: { duplicate: 100 },
    in_flight: 0,
  };
  return {
    version: "0.1.0",
    pid: 4_711,
    started_at: "2026-11-21T00:00:00.000Z",
    uptime_ms: 7_500_000,
    ready: true,
    endpoints: {
      otlp_http: "http://127.0.0.1:4318",
      otlp_grpc: null,
      api: "http://127.0.0.1:4320",
      clickhouse: "http://127.0.0.1:8123",
    },
    storage: { kind: "embedded", ready: true, database: "tollgate" },
    resident_bytes: 150_000_000,
    spans: counts,
    components: [{ component: "exporters.clickhouse", signal: "traces", protocol: null, ...counts, imbalance: 0 }],
    spools: [
      {
        component: "exporters.clickhouse",
        signal: "traces",
        blocks: 0,
        items: 0,
        bytes: 0,
        bytes_max: 1_073_741_824,
        oldest_age_ms: 0,
        set_aside_files: 0,
      },
    ],
    inserts: { taken: 12, failed: 0, p50_ms: 12, p99_ms: 40 },
    engine: {
      serving: true,
      crashes: 0,
      pid: 4_712,
      uptime_ms: 7_400_000,
      resident_bytes: 400_000_000,
      tracked_bytes: 30_000_000,
      memory_max_bytes: 8_000_000_000,
      queries_running: 0,
      queries_waiting: 0,
      parts: 9,
      disk_bytes: 60_000,
    },
    lag: {
      objective_ms: 2_000,
      counted: { p50_ms: 10, p99_ms: 30, spans: 1_000, clock_ahead: 0 },
      visible: { p50_ms: 120, p99_ms: 800, spans: 1_000, clock_ahead: 3 },
    },
    ledger: { leases_active: 2, leases_expired: 0, acquires_waiting: 0, journal_bytes: 1_200, failure: null },
    budgets_worst: [],
    governance: {
      version: "x",
      budgets: 1,
      policies: 0,
      agents: 0,
      prices: 0,
      require_policy: false,
      applied_at: "2026-11-21T00:00:00.000Z",
      refused: null,
    },
    stops: [],
    processes: 2,
    gate_failures: 0,
    agents_without_policy: [],
    warnings: [],
    notes: [],
  };
}
