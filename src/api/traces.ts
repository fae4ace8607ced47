import { formatUsd, nanoUsd, type NanoUsd, parseUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { newestTraces } from "./newest-traces.ts";
import { ApiProblem } from "./problem.ts";
import { type ReadStore, readRows } from "./read-store.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { spanFilter, spanFilterQuery } from "./span-filter.ts";
import { type SpanRow, spanOfRow, spanShape, type TextRow, UNPRICED, unpricedRows, usdOfRow } from "./span-shape.ts";
import { type TimeRange, timeRange, timeRangeQuery } from "./time-range.ts";
import { type SeenTrace, tracesSeen } from "./traces-seen.ts";

const SPANS_MAX = 10_000;
const TRACES_MAX = 1_000;
const TRACES_DEFAULT = 50;

export interface TracesRoutesOptions {
  readonly store: ReadStore;
  readonly clock: Clock;
}

/** `GET /v1/traces` and `GET /v1/traces/:id`. */
export function tracesRoutes(options: TracesRoutesOptions): readonly AnyRoute[] {
  return [listRoute(options), traceRoute(options)];
}

const tracesQuery = z.object({
  ...spanFilterQuery,
  min_cost: z.string().max(32).optional().describe("USD: `0.05`."),
  limit: z.coerce.number().int().min(1).max(TRACES_MAX).default(TRACES_DEFAULT),
  ...timeRangeQuery,
});

const traceSummary = z.object({
  trace_id: z.string(),
  start: z.string(),
  duration_ms: z.number(),
  name: z.string().describe("Of the root, or of the earliest span."),
  agent: z.string(),
  session: z.string(),
  spans: z.int(),
  calls: z.int(),
  cost_usd: z.string(),
  unpriced_calls: z.int().describe(UNPRICED),
  denied: z.int(),
  errors: z.int(),
});

function listRoute({ store, clock }: TracesRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/traces",
    summary: "Traces, newest first",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: tracesQuery,
    params: NOTHING,
    reply: z.object({ traces: z.array(traceSummary), truncated: z.boolean() }),
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant }) => {
      const { limit } = query;
      const ask = tenant === undefined ? listOf(store, query) : listOfTenant(store, query, tenant);
      const range = timeRange(query, clock);
      const rows = await newestTraces({ range, nowMs: clock.now(), limit: limit + 1, ask });
      return { traces: rows.slice(0, limit).map(summaryOf), truncated: rows.length > limit };
    },
  });
}

type TracesQuery = z.output<typeof tracesQuery>;
type List = (range: TimeRange) => Promise<readonly TextRow[]>;

/** The newest traces of a time, and one more than are shown. What a trace costs, none of its spans says: all are looked at for that. */
function listOf(store: ReadStore, query: TracesQuery): List {
  const limit = query.limit + 1;
  const { where, parameters } = spanFilter(query);
  const costs = { min_cost_nano_usd: minCost(query.min_cost).toString() };
  const all: List = (range) =>
    readRows(store, { query: "traces", where, parameters: { ...range, ...parameters, ...costs, limit } });
  if (query.min_cost !== undefined) return all;
  return (range) =>
    tracesSeen<TextRow>({
      range,
      limit,
      seen: (of, atMost) =>
        readRows<SeenTrace>(store, {
          query: "traces-seen",
          where,
          parameters: { ...of, ...parameters, limit: atMost },
        }),
      named: (ids) => readRows(store, { query: "traces-named", parameters: { trace_ids: ids, limit } }),
      all,
    });
}

function listOfTenant(store: ReadStore, query: TracesQuery, tenant: string): List {
  const { where, parameters } = spanFilter(query);
  const more = { tenant, min_cost_nano_usd: minCost(query.min_cost).toString(), limit: query.limit + 1 };
  return (range) =>
    readRows(store, { query: "tenant-traces", where, parameters: { ...range, ...parameters, ...more } });
}

function minCost(text: string | undefined): NanoUsd {
  if (text === undefined) return nanoUsd(-(2n ** 62n));
  const amount = parseUsd(text);
  if (amount === undefined)
    throw new ApiProblem("invalid_request", `query.min_cost: expected dollars such as \`0.05\`, not \`${text}\``);
  return amount;
}

function summaryOf(row: TextRow): z.output<typeof traceSummary> {
  return {
    trace_id: row["trace_id"] ?? "",
    start: row["start"] ?? "",
    duration_ms: Number(row["duration_ns"]) / 1e6,
    name: row["name"] ?? "",
    agent: row["agent"] ?? "",
    session: row["session"] ?? "",
    spans: Number(row["spans"]),
    calls: Number(row["calls"]),
    cost_usd: usdOfRow(row["cost_nano_usd"]),
    unpriced_calls: Number(row["unpriced_calls"]),
    denied: Number(row["denied"]),
    errors: Number(row["errors"]),
  };
}

export const traceReply = z.object({
  trace_id: z.string(),
  cost_usd: z.string(),
  unpriced_calls: z.int().describe(UNPRICED),
  spans: z.array(spanShape),
});

export type TraceReply = z.output<typeof traceReply>;

const traceId = z
  .string()
  .regex(/^[0-9a-fA-F]{32}$/, { error: "expected 32 hex digits" })
  .transform((text) => text.toLowerCase());

function traceRoute({ store }: TracesRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/traces/:id",
    summary: "One trace with all its spans",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: z.object({ id: traceId }),
    reply: traceReply,
    problems: ["not_found", "query_refused", "storage_unavailable"],
    handle: async ({ params, tenant = "" }) => {
      const rows = await readRows<SpanRow>(store, {
        query: "trace",
        parameters: { trace_id: params.id, tenant, limit: SPANS_MAX },
      });
      if (rows.length === 0) throw new ApiProblem("not_found", `no trace \`${params.id}\``);
      const total = rows.reduce((sum, row) => sum + BigInt(row["cost_nano_usd"] ?? "0"), 0n);
      return {
        trace_id: params.id,
        cost_usd: formatUsd(total as NanoUsd),
        unpriced_calls: unpricedRows(rows),
        spans: rows.map(spanOfRow),
      };
    },
  });
}
