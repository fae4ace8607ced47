import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { type ReadStore, readRows } from "./read-store.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { timeRange, timeRangeQuery } from "./time-range.ts";

const GROUPS_MAX = 20_000;

const recordedGroup = z.object({
  agent: z.string(),
  team: z.string(),
  role: z.string(),
  environment: z.string(),
  ancestors: z.string().describe("Those on whose behalf it was made, as its label says."),
  autonomy: z.string(),
  tool: z.string(),
  decision: z.string(),
  rule: z.string(),
  decisions: z.int().describe("How often this was decided."),
  traces: z.array(z.string()).describe("Up to three in which it was."),
});

interface Row extends Omit<z.output<typeof recordedGroup>, "decisions"> {
  readonly decisions: string;
}

/** `GET /v1/decisions/recorded`: what policies decided on tools, for replaying a candidate over it. */
export function recordedDecisionsRoute({
  store,
  clock,
}: {
  readonly store: ReadStore;
  readonly clock: Clock;
}): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/decisions/recorded",
    summary: "Decisions on tools as they were recorded, counted by what a policy sees of them",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object(timeRangeQuery),
    params: NOTHING,
    reply: z.object({
      since_ms: z.int().describe("Where the window begins, Unix ms."),
      groups: z.array(recordedGroup),
      truncated: z.boolean().describe("There are more groups than are shown: the rarest are left out."),
    }),
    problems: ["query_refused", "storage_unavailable"],
    handle: async ({ query, tenant = "" }) => {
      const parameters = { ...timeRange(query, clock), tenant, limit: GROUPS_MAX + 1 };
      const rows = await readRows<Row>(store, { query: "decisions-recorded", parameters });
      const groups = rows.slice(0, GROUPS_MAX).map((row) => ({ ...row, decisions: Number(row.decisions) }));
      return { since_ms: parameters.since_ms, groups, truncated: rows.length > GROUPS_MAX };
    },
  });
}
