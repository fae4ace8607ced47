import { z } from "zod";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

const status = z.object({ status: z.literal("ok") });
const OK: z.output<typeof status> = { status: "ok" };
const readiness = status.extend({
  ledger: z
    .enum(["ok", "failed"])
    .describe("`failed`: spans are taken, nothing is granted until its disk or store is there again."),
});

/**
 * `/healthz`: the process answers. `/readyz`: it takes spans, and says whether leases are granted; ClickHouse being down does not change
 * that. A ledger that failed leaves it ready: spans that come meanwhile wait in the spool, and would be lost at senders otherwise.
 */
export function healthRoutes({
  isReady,
  isGranting = () => true,
}: {
  readonly isReady: () => boolean;
  readonly isGranting?: () => boolean;
}): readonly AnyRoute[] {
  const shared = {
    method: "GET",
    access: "anyone",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
  } as const;
  return [
    route({
      ...shared,
      url: "/healthz",
      summary: "Whether the process is alive",
      reply: status,
      problems: [],
      handle: async () => OK,
    }),
    route({
      ...shared,
      url: "/readyz",
      summary: "Whether spans are taken, and leases granted",
      reply: readiness,
      problems: ["stopping"],
      handle: async () => {
        if (!isReady()) throw new ApiProblem("stopping", "not ready: starting or stopping");
        return { ...OK, ledger: isGranting() ? ("ok" as const) : ("failed" as const) };
      },
    }),
  ];
}
