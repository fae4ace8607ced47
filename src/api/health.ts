import { z } from "zod";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

const status = z.object({ status: z.literal("ok") });
const OK: z.output<typeof status> = { status: "ok" };

/** `/healthz`: the process answers. `/readyz`: it takes spans and grants leases; ClickHouse being down does not change that. */
export function healthRoutes(options: { readonly isReady: () => boolean }): readonly AnyRoute[] {
  const shared = {
    method: "GET",
    access: "anyone",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: status,
  } as const;
  return [
    route({
      ...shared,
      url: "/healthz",
      summary: "Whether the process is alive",
      problems: [],
      handle: async () => OK,
    }),
    route({
      ...shared,
      url: "/readyz",
      summary: "Whether spans are taken and leases granted",
      problems: ["stopping"],
      handle: async () => {
        if (!options.isReady()) throw new ApiProblem("stopping", "not ready: starting or stopping");
        return OK;
      },
    }),
  ];
}
