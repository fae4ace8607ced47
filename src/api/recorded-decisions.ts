import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { type LineStore, storeProblem } from "./read-store.ts";
import { type AnyRoute, linesRoute, NOTHING } from "./route.ts";
import { timeRange, timeRangeQuery } from "./time-range.ts";

/** Kinds that one answer holds; what is beyond is left out, and whoever counts the lines sees it. */
const RECORDED_KINDS_MAX = 2_000_000;

/** Decisions that were made alike. */
const recordedDecisions = z.tuple([
  z.string().describe("Agent."),
  z.string().describe("Team."),
  z.string().describe("Role."),
  z.string().describe("Environment."),
  z.string().describe("Those on whose behalf it was made, as its label says."),
  z.string().describe("Autonomy."),
  z.string().describe("Tool."),
  z.string().describe("Decision."),
  z.string().describe("Rule."),
  z.int().describe("How often this was decided."),
  z.array(z.string()).describe("Up to three traces in which it was."),
]);

export type RecordedDecisionsLine = z.output<typeof recordedDecisions>;

/** `GET /v1/decisions/recorded`: what policies decided on tools, for replaying a candidate over it. */
export function recordedDecisionsRoute({
  lines,
  clock,
}: {
  readonly lines: LineStore;
  readonly clock: Clock;
}): AnyRoute {
  return linesRoute({
    method: "GET",
    url: "/v1/decisions/recorded",
    summary:
      "Decisions on tools as they were recorded, counted by what a policy sees of them, one kind a line in no order",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object(timeRangeQuery),
    params: NOTHING,
    reply: recordedDecisions,
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant = "" }) => {
      const parameters = { ...timeRange(query, clock), tenant, limit: RECORDED_KINDS_MAX };
      return lines.lines("decisions-recorded", parameters).catch((error: unknown) => {
        throw storeProblem(error);
      });
    },
  });
}
