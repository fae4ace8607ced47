import { z } from "zod";
import { budgetRow } from "./budget-view.ts";
import { stopRow } from "./kill-schemas.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

const counts = {
  received: z.int(),
  recovered: z.int(),
  stored: z.int(),
  refused: z.int(),
  dropped: z.record(z.string(), z.int()),
  in_flight: z.int(),
};

const quantiles = {
  p50_ms: z.number().nullable().describe("Over the last five minutes; null when there was nothing."),
  p99_ms: z.number().nullable(),
};

const lag = z.object({
  ...quantiles,
  spans: z.int().describe("In the last five minutes."),
  clock_ahead: z.int().describe("Since the start: spans whose sender's clock is ahead; they count as no lag."),
});

const componentStatus = z.object({
  component: z.string().describe("Its path in tollgate.yaml."),
  signal: z.enum(["traces", "logs"]),
  protocol: z.enum(["http", "grpc"]).nullable(),
  ...counts,
  imbalance: z.int().describe("received + recovered - the rest. Not 0: items are lost or invented."),
});

const spoolStatus = z.object({
  component: z.string(),
  signal: z.enum(["traces", "logs"]),
  blocks: z.int(),
  items: z.int(),
  bytes: z.int(),
  bytes_max: z.int().nullable(),
  oldest_age_ms: z.int(),
  set_aside_files: z.int().nullable(),
});

const engineStatus = z.object({
  serving: z.boolean(),
  crashes: z.int(),
  pid: z.int().nullable(),
  uptime_ms: z.int().nullable(),
  resident_bytes: z.int().nullable(),
  tracked_bytes: z.int().nullable(),
  memory_max_bytes: z.int().nullable(),
  queries_running: z.int().nullable(),
  queries_waiting: z.int().nullable(),
  parts: z.int().nullable(),
  disk_bytes: z.int().nullable(),
});

export const serviceStatus = z.object({
  version: z.string(),
  pid: z.int(),
  started_at: z.string(),
  uptime_ms: z.int(),
  ready: z.boolean(),
  endpoints: z.object({
    otlp_http: z.string().nullable(),
    otlp_grpc: z.string().nullable(),
    api: z.string(),
    clickhouse: z.string(),
  }),
  storage: z.object({
    kind: z.enum(["embedded", "clickhouse"]),
    ready: z.boolean(),
    database: z.string(),
  }),
  resident_bytes: z.int().describe("Memory of the processor's process."),
  spans: z.object(counts).describe("received + recovered = stored + refused + dropped + in_flight, since the start."),
  components: z.array(componentStatus).describe("Receivers, processors, exporters, in the order of the pipeline."),
  spools: z.array(spoolStatus),
  inserts: z.object({ taken: z.int(), failed: z.int(), ...quantiles }).describe("Blocks into ClickHouse."),
  engine: engineStatus.nullable().describe("The embedded engine; null with a ClickHouse server."),
  lag: z.object({
    objective_ms: z.int().describe("99 of 100 spans should be visible within so long."),
    counted: lag.describe("From a span's end to when it counts in the ledger."),
    visible: lag.describe("From a span's end to when it is visible in ClickHouse."),
  }),
  ledger: z.object({
    leases_active: z.int(),
    leases_expired: z.int(),
    acquires_waiting: z.int(),
    journal_bytes: z.int(),
    failure: z
      .object({ since: z.string(), reason: z.string() })
      .nullable()
      .describe("Why nothing is granted; null while it is. It tries again by itself."),
  }),
  budgets_worst: z.array(budgetRow).describe("The three budgets that have least left of their limit."),
  governance: z.object({
    version: z.string(),
    budgets: z.int(),
    policies: z.int(),
    agents: z.int(),
    prices: z.int(),
    require_policy: z.boolean(),
    applied_at: z.string().describe("Since when this version is in force."),
    refused: z
      .object({ at: z.string(), problems: z.array(z.string()) })
      .nullable()
      .describe("Why the files as they are now are not in force; null when they are."),
  }),
  processes: z.int(),
  gate_failures: z.int().describe("How often gates in agents' processes have failed inside, and were contained."),
  agents_without_policy: z.array(z.string()),
  stops: z.array(stopRow).describe("What is killed and paused now."),
  warnings: z.array(z.string()).describe("What a person should look at."),
  notes: z.array(z.string()).describe("What is worth knowing and may be as it should."),
});

export type ServiceStatus = z.output<typeof serviceStatus>;

export function statusRoute(status: () => Promise<ServiceStatus>): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/status",
    summary: "What runs, what it has seen, what is wrong",
    access: "viewer",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: serviceStatus,
    problems: [],
    handle: () => status(),
  });
}
