import type { Acknowledgements } from "../kill/acknowledgements.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import { ApiProblem } from "./problem.ts";
import { resumeReply, resumeRequest, stopReply, stopRequest, stoppedRequest, stopsReply } from "./kill-schemas.ts";
import type { ProcessTable } from "./processes.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import type { StopDesk } from "./stop-desk.ts";
import type { StopFleet } from "./stop-fleet.ts";
import { narrowed, type Tenancy, tenantOfSelector } from "./tenancy.ts";

export interface KillRoutesOptions {
  readonly desk: StopDesk;
  readonly store: StopKeeper;
  readonly acknowledgements: Acknowledgements;
  readonly processes: ProcessTable;
  readonly fleet?: StopFleet;
  readonly tenancy: Tenancy;
}

/** `/v1/kill`: kill, pause and resume by selector, and what is in force. */
export function killRoutes(options: KillRoutesOptions): readonly AnyRoute[] {
  return [stops(options), stop(options), resume(options), stopped(options)];
}

function stops({ store, tenancy }: KillRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/kill",
    summary: "What is killed and paused now",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: stopsReply,
    problems: [],
    handle: async ({ tenant }) => ({
      stops: store.list.acts.filter(({ selector }) => tenancy.seesSelector(tenant, selector)),
    }),
  });
}

function stop({ desk }: KillRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/kill",
    summary: "Kill or pause by selector; answers when all who listen have applied it, or after `wait_ms`",
    access: "operator",
    tenants: "own",
    body: stopRequest,
    query: NOTHING,
    params: NOTHING,
    reply: stopReply,
    problems: ["too_many_stops"],
    handle: async ({ body, person, tenant }) => {
      const { act, reason, wait_ms: waitMs } = body;
      const selector = narrowed(tenant, body.selector);
      const reply = await desk.stop({ act, selector, reason, author: person }, waitMs);
      if (tenant === undefined) return reply;
      // How many processes others have is not theirs to know.
      const { processes } = reply;
      return {
        ...reply,
        listening: processes.filter(({ connected }) => connected).length,
        acknowledged: processes.filter(({ acknowledged }) => acknowledged).length,
      };
    },
  });
}

function resume({ desk, store }: KillRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/kill/resume",
    summary: "Lift the kills and pauses with a selector, or one by its id",
    access: "operator",
    tenants: "own",
    body: resumeRequest,
    query: NOTHING,
    params: NOTHING,
    reply: resumeReply,
    problems: ["not_found", "stop_not_stored"],
    handle: ({ body, person, tenant }) => {
      const { selector, id = "", wait_ms: waitMs } = body;
      const named = store.list.acts.find((act) => act.id === id);
      // What was done to them by people of all tenants is not theirs to lift.
      const isTheirs = tenant === undefined || (named !== undefined && tenantOfSelector(named.selector) === tenant);
      if (selector === undefined && !isTheirs) throw new ApiProblem("not_found", "nothing is stopped by that id");
      const reference = selector === undefined ? { id } : { selector: narrowed(tenant, selector) };
      return desk.resume(reference, { author: person, waitMs });
    },
  });
}

function stopped({ store, acknowledgements, processes, fleet }: KillRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/leases/stopped",
    summary: "A process has applied what is killed and paused",
    access: "agent",
    body: stoppedRequest,
    query: NOTHING,
    params: NOTHING,
    reply: NOTHING,
    problems: ["process_unknown", "forbidden"],
    handle: async ({ body, caller }) => {
      processes.get(body.process_id, caller);
      const isNews = ({ epoch, revision }: StopKeeper["list"]): boolean =>
        body.epoch !== epoch || body.revision > revision;
      // Another processor of the fleet may have sent it, and this one not know yet.
      if (isNews(store.list)) await fleet?.look();
      if (isNews(store.list)) {
        throw new ApiProblem("invalid_request", "this processor has not sent such a list");
      }
      acknowledgements.heard(body);
      fleet?.heard(body);
      return {};
    },
  });
}
