import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";
import { calendarWindow } from "../budget/rules/calendar.ts";
import { labelValues } from "../storage/queries/label-values.ts";
import type { Clock } from "../support/clock.ts";
import { ApiProblem } from "./problem.ts";
import { type ReadStore, readRows } from "./read-store.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { timeRange, timeRangeQuery } from "./time-range.ts";
import type { TimeRange } from "./time-range.ts";

const LABELS_MAX = 8;
const ROWS_MAX = 10_000;

const label = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/, { error: "expected label names, separated by commas" });

const spendQuery = z.object({
  by: z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(label).min(1).max(LABELS_MAX))
    .describe("Labels, separated by commas: agent, team, model, …, or any key of the labels of a call."),
  ...timeRangeQuery,
  window: z
    .enum(["minute", "hour", "day", "week", "month"])
    .optional()
    .describe("In place of `since` and `until`: the one that runs now, in UTC, as windows of budgets do by default."),
});

const spendReply = z.object({
  by: z.array(z.string()),
  rows: z
    .array(z.record(z.string(), z.union([z.string(), z.number()])))
    .describe(
      "The labels asked for, `cost_usd` (decimal, 9 places), `calls`, `input_tokens`, `output_tokens`, `unpriced_calls`.",
    ),
  truncated: z.boolean().describe("There are more rows than are shown."),
});

interface SpendQueryRow {
  readonly label_values: readonly string[];
  readonly cost_nano_usd: string;
  readonly calls: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly unpriced_calls: string;
}

/** `GET /v1/spend?by=agent,model`: what calls cost, from their sums by hour in ClickHouse; from the spans at the ends. */
export function spendRoute({ store, clock }: { readonly store: ReadStore; readonly clock: Clock }): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/spend",
    summary: "What was spent, by labels",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: spendQuery,
    params: NOTHING,
    reply: spendReply,
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant = "" }) => {
      const labels = labelValues(query.by);
      const rows = await readRows<SpendQueryRow>(store, {
        query: "spend",
        labels,
        parameters: { ...labels.parameters, ...rangeOf(query, clock), tenant, limit: ROWS_MAX + 1 },
      });
      return {
        by: query.by,
        rows: rows.slice(0, ROWS_MAX).map((row) => spendRow(query.by, row)),
        truncated: rows.length > ROWS_MAX,
      };
    },
  });
}

/** Throws `invalid_request`. */
function rangeOf(query: z.output<typeof spendQuery>, clock: Clock): TimeRange {
  if (query.window === undefined) return timeRange(query, clock);
  if (query.since !== undefined || query.until !== undefined) {
    throw new ApiProblem("invalid_request", "query.window: stands in place of `since` and `until`, not beside them");
  }
  const { startMs, endMs } = calendarWindow(query.window, "UTC", clock.now());
  return { since_ms: startMs, until_ms: endMs };
}

function spendRow(by: readonly string[], row: SpendQueryRow): Record<string, string | number> {
  return {
    ...Object.fromEntries(by.map((key, index) => [key, row.label_values[index] ?? ""])),
    cost_usd: formatUsd(BigInt(row.cost_nano_usd) as NanoUsd),
    calls: Number(row.calls),
    input_tokens: Number(row.input_tokens),
    output_tokens: Number(row.output_tokens),
    unpriced_calls: Number(row.unpriced_calls),
  };
}
