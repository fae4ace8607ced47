/** `GET /v1/audit/changes`: who changed what governs the fleet, newest first. */
import { z } from "zod";
import type { Change, Changes } from "../changes/change-log.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import type { Tenancy } from "./tenancy.ts";

const ROWS_MAX = 1_000;
const ROWS_DEFAULT = 100;

export const changeRow = z.object({
  id: z.string(),
  seq: z.int().describe("Position in this processor's log; none is missing."),
  at: z.string(),
  author: z.string().describe("By authentication, or the part of the processor that acted by itself."),
  action: z.string(),
  subject: z.string(),
  tenant: z.string().optional().describe("Whose agents it concerns, where it concerns one tenant only."),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});

export type ChangeRow = z.output<typeof changeRow>;

export function changesRoute({
  changes,
  tenancy,
}: {
  readonly changes: Pick<Changes, "recent" | "head">;
  readonly tenancy: Tenancy;
}): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/audit/changes",
    summary: "Who changed documents, raises, kills, approvals and credentials; newest first",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object({
      limit: z.coerce.number().int().min(1).max(ROWS_MAX).default(ROWS_DEFAULT),
      action: z.string().max(64).optional().describe("Only this action, or all that start with it and a dot."),
    }),
    params: NOTHING,
    reply: z.object({
      changes: z.array(changeRow),
      head: z.string().describe("SHA-256 that all changes of this processor so far go into."),
    }),
    problems: [],
    handle: async ({ query: { limit, action }, tenant }) => {
      const meant = changes.recent
        .filter((change) => tenancy.seesChange(tenant, change))
        .filter(({ action: done }) => action === undefined || done === action || done.startsWith(`${action}.`));
      return { changes: meant.slice(-limit).reverse().map(toRow), head: changes.head };
    },
  });
}

function toRow({ atMs, tenant, ...change }: Change): ChangeRow {
  return { ...change, ...(tenant === undefined ? {} : { tenant }), at: new Date(atMs).toISOString() };
}
