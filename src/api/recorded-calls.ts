import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { type LineStore, storeProblem } from "./read-store.ts";
import { type AnyRoute, linesRoute, NOTHING } from "./route.ts";
import { timeRange, timeRangeQuery } from "./time-range.ts";

/** Calls that one answer holds; what is beyond is left out, and whoever counts the lines sees it. */
const RECORDED_CALLS_MAX = 2_000_000;
const LABELS_MAX = 64;

/** One call: when it began (Unix ms), its labels in the order asked for, and what budgets count of it. */
const recordedCall = z.tuple([
  z.int(),
  z.array(z.string()),
  z.string().describe("Nano-dollars."),
  z.int().describe("1 for a call of a model, 0 for one of a tool."),
  z.int().describe("Input tokens."),
  z.int().describe("Output tokens."),
  z.int().describe("Cached tokens."),
  z.int().describe("Reasoning tokens."),
  z.boolean().describe("Nobody knows its price."),
  z.string().describe("Trace id."),
]);

export type RecordedCallLine = z.output<typeof recordedCall>;

/** `GET /v1/spend/calls`: the calls of a window in the order in which they began, for replaying limits over them. */
export function recordedCallsRoute({ lines, clock }: { readonly lines: LineStore; readonly clock: Clock }): AnyRoute {
  return linesRoute({
    method: "GET",
    url: "/v1/spend/calls",
    summary: "Calls that were made, one a line, as budgets count them",
    access: "viewer",
    body: NOTHING,
    query: z.object({
      labels: z
        .string()
        .max(8_192)
        .transform((text) => text.split(",").filter((key) => key !== ""))
        .pipe(z.array(z.string().max(256)).max(LABELS_MAX))
        .describe("Keys of labels, separated by commas."),
      ...timeRangeQuery,
    }),
    params: NOTHING,
    reply: recordedCall,
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query }) => {
      const parameters = { ...timeRange(query, clock), keys: query.labels, limit: RECORDED_CALLS_MAX };
      return lines.lines("calls-recorded", parameters).catch((error: unknown) => {
        throw storeProblem(error);
      });
    },
  });
}
