import { z } from "zod";
import { type ReadStore, readRows } from "./read-store.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { spanFilter, spanFilterQuery } from "./span-filter.ts";
import { type SpanRow, spanOfRow, spanShape } from "./span-shape.ts";

const SPANS_MAX = 1_000;

const spansReply = z.object({
  spans: z.array(spanShape.extend({ trace_id: z.string() })).describe("Newest first."),
  truncated: z.boolean().describe("There are more than are shown."),
  now_unix_ms: z.int().describe("The processor's clock when it asked: what to ask from the next time."),
});

export type SpansReply = z.output<typeof spansReply>;

/** `GET /v1/spans`: what came in last, for whoever follows along. */
export function spansRoute({
  store,
  clock,
}: {
  readonly store: ReadStore;
  readonly clock: { now(): number };
}): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/spans",
    summary: "Spans that came in lately",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object({
      ...spanFilterQuery,
      received_since_ms: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe("Unix ms."),
      limit: z.coerce.number().int().min(1).max(SPANS_MAX).default(SPANS_MAX),
    }),
    params: NOTHING,
    reply: spansReply,
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant = "" }) => {
      const now = clock.now();
      const { received_since_ms: since_ms = now, limit } = query;
      const { where, parameters } = spanFilter(query);
      const rows = await readRows<SpanRow>(store, {
        query: "latest-spans",
        where,
        parameters: { ...parameters, tenant, since_ms, limit: limit + 1 },
      });
      return {
        spans: rows.slice(0, limit).map((row) => ({ trace_id: row["trace_id"] ?? "", ...spanOfRow(row) })),
        truncated: rows.length > limit,
        now_unix_ms: now,
      };
    },
  });
}
