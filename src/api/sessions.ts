import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { ApiProblem } from "./problem.ts";
import { type ReadStore, readRows } from "./read-store.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { agentPattern, agentQuery } from "./span-filter.ts";
import { type SpanRow, spanOfRow, spanShape, type TextRow, UNPRICED, unpricedRows, usdOfRow } from "./span-shape.ts";
import { timeRange, timeRangeQuery } from "./time-range.ts";

const SPANS_MAX = 10_000;
const SESSIONS_MAX = 1_000;
const SESSIONS_DEFAULT = 50;
const SINCE_DEFAULT = "24h";

export interface SessionsRoutesOptions {
  readonly store: ReadStore;
  readonly clock: Clock;
}

/** `GET /v1/sessions` and `GET /v1/sessions/:id`. */
export function sessionsRoutes(options: SessionsRoutesOptions): readonly AnyRoute[] {
  return [listRoute(options), sessionRoute(options)];
}

const sessionSummary = z.object({
  session: z.string(),
  agents: z.array(z.string()).describe("At most 16."),
  user: z.string(),
  first_seen: z.string(),
  last_seen: z.string(),
  traces: z.int(),
  spans: z.int(),
  calls: z.int(),
  denied: z.int(),
  errors: z.int(),
  cost_usd: z.string(),
  unpriced_calls: z.int().describe(UNPRICED),
});

function listRoute({ store, clock }: SessionsRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/sessions",
    summary: "Sessions, the latest first",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object({
      agent: agentQuery,
      limit: z.coerce.number().int().min(1).max(SESSIONS_MAX).default(SESSIONS_DEFAULT),
      since: timeRangeQuery.since.unwrap().default(SINCE_DEFAULT).describe("ISO 8601 time, or how long ago."),
      until: timeRangeQuery.until,
    }),
    params: NOTHING,
    reply: z.object({ sessions: z.array(sessionSummary), truncated: z.boolean() }),
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant = "" }) => {
      const { agent, limit } = query;
      const parameters = { ...timeRange(query, clock), agent: agentPattern(agent), tenant, limit: limit + 1 };
      const rows = await readRows<TextRow & { readonly agents: string[] }>(store, { query: "sessions", parameters });
      return { sessions: rows.slice(0, limit).map(summaryOf), truncated: rows.length > limit };
    },
  });
}

function summaryOf(row: TextRow & { readonly agents: string[] }): z.output<typeof sessionSummary> {
  return {
    session: row["session"] ?? "",
    agents: row.agents.toSorted(),
    user: row["user"] ?? "",
    first_seen: row["first_seen"] ?? "",
    last_seen: row["last_seen"] ?? "",
    traces: Number(row["traces"]),
    spans: Number(row["spans"]),
    calls: Number(row["calls"]),
    denied: Number(row["denied"]),
    errors: Number(row["errors"]),
    cost_usd: usdOfRow(row["cost_nano_usd"]),
    unpriced_calls: Number(row["unpriced_calls"]),
  };
}

const sessionReply = z.object({
  session: z.string(),
  agents: z.array(z.string()),
  cost_usd: z.string().describe("Of the spans shown."),
  unpriced_calls: z.int().describe(UNPRICED),
  spans: z.array(spanShape.extend({ trace_id: z.string() })).describe("In order of their start."),
  truncated: z.boolean().describe("There are more spans than are shown."),
});

export type SessionReply = z.output<typeof sessionReply>;

function sessionRoute({ store }: SessionsRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/sessions/:id",
    summary: "One session with all its spans",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: z.object({ id: z.string().min(1).max(256) }),
    reply: sessionReply,
    problems: ["not_found", "query_refused", "storage_unavailable"],
    handle: async ({ params, tenant = "" }) => {
      const parameters = { session: params.id, tenant, limit: SPANS_MAX + 1 };
      const rows = await readRows<SpanRow>(store, { query: "session", parameters });
      if (rows.length === 0) throw new ApiProblem("not_found", `no session \`${params.id}\``);
      const shown = rows.slice(0, SPANS_MAX);
      const total = shown.reduce((sum, row) => sum + BigInt(row["cost_nano_usd"] ?? "0"), 0n);
      return {
        session: params.id,
        agents: [...new Set(shown.flatMap(({ agent = "" }) => (agent === "" ? [] : [agent])))],
        cost_usd: formatUsd(total as NanoUsd),
        unpriced_calls: unpricedRows(shown),
        spans: shown.map((row) => ({ trace_id: row["trace_id"] ?? "", ...spanOfRow(row) })),
        truncated: rows.length > SPANS_MAX,
      };
    },
  });
}
