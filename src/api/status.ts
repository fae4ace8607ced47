import { z } from "zod";
import { type AnyRoute, NOTHING, route } from "./route.ts";

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
  spans: z
    .object({
      received: z.int(),
      recovered: z.int(),
      stored: z.int(),
      refused: z.int(),
      dropped: z.record(z.string(), z.int()),
      in_flight: z.int(),
    })
    .describe("received + recovered = stored + refused + dropped + in_flight, since the start."),
  governance: z.object({
    version: z.string(),
    budgets: z.int(),
    policies: z.int(),
    agents: z.int(),
    prices: z.int(),
    require_policy: z.boolean(),
  }),
  processes: z.int(),
  agents_without_policy: z.array(z.string()),
  warnings: z.array(z.string()),
});

export type ServiceStatus = z.output<typeof serviceStatus>;

export function statusRoute(status: () => Promise<ServiceStatus>): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/status",
    summary: "What runs, what it has seen, what is wrong",
    access: "person",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: serviceStatus,
    problems: [],
    handle: () => status(),
  });
}
