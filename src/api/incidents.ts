/** `/v1/incidents`: what went wrong, who followed it up, and what is on record around it. An open one holds its agents closer. */
import { z } from "zod";
import type { Incident, IncidentChange, IncidentOutcome } from "../incidents/incident.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import { AppendLogError } from "../support/append-log.ts";
import {
  closeRequest,
  incidentId,
  incidentReply,
  incidentRow,
  noteRequest,
  openRequest,
  tagRequest,
  toIncidentRow,
} from "./incident-schemas.ts";
import { timelineOf, type TimelineOptions } from "./incident-timeline.ts";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import type { Tenancy, Tenant } from "./tenancy.ts";

const ROWS_MAX = 1_000;

export interface IncidentRoutesOptions extends TimelineOptions {
  readonly incidents: IncidentDesk;
  readonly tenancy: Tenancy;
}

export function incidentRoutes(options: IncidentRoutesOptions): readonly AnyRoute[] {
  return [
    list(options),
    open(options),
    show(options),
    change(options, {
      does: "notes",
      summary: "Add a note",
      body: noteRequest,
      access: "approver",
      to: ({ text }) => ({ kind: "note", text }),
    }),
    change(options, {
      does: "tags",
      summary: "Add tags",
      body: tagRequest,
      access: "approver",
      to: ({ tags }) => ({ kind: "tag", tags }),
    }),
    change(options, {
      does: "close",
      summary: "Close it: its agents have the autonomy of their documents again",
      body: closeRequest,
      access: "operator",
      to: ({ reason }) => ({ kind: "closed", text: reason }),
    }),
  ];
}

function list({ incidents }: IncidentRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/incidents",
    summary: "Incidents, newest first",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object({
      state: z.enum(["open", "closed", "all"]).default("open"),
      agent: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(ROWS_MAX).default(100),
    }),
    params: NOTHING,
    reply: z.object({ incidents: z.array(incidentRow) }),
    problems: [],
    handle: async ({ query: { state, agent, limit }, tenant }) => {
      await incidents.look();
      const meant = incidents
        .all()
        .filter((incident) => isTheirs(incident, tenant))
        .filter((incident) => state === "all" || incident.state === state)
        .filter(({ agents }) => agent === undefined || agents.includes(agent));
      return { incidents: meant.slice(-limit).reverse().map(toIncidentRow) };
    },
  });
}

function open({ incidents, tenancy }: IncidentRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/incidents",
    summary: "Open an incident: its agents have less autonomy at once, until it is closed",
    access: "operator",
    tenants: "own",
    body: openRequest,
    query: NOTHING,
    params: NOTHING,
    reply: incidentRow,
    status: 201,
    problems: ["not_found", "too_many_incidents", "not_stored"],
    handle: async ({ body, person, tenant }) => {
      const { note, ...wanted } = body;
      const foreign = wanted.agents.find((agent) => !tenancy.seesAgent(tenant, agent));
      if (foreign !== undefined) throw new ApiProblem("not_found", `there is no agent \`${foreign}\``);
      const of = new Set(wanted.agents.map((agent) => tenancy.ofAgent(agent)));
      const theirs = tenant ?? (of.size === 1 ? [...of][0] : undefined);
      const incident = await stored(() => incidents.open({ ...wanted, tenant: theirs, by: person }));
      if (incident === undefined) throw new ApiProblem("too_many_incidents");
      if (note === undefined) return toIncidentRow(incident);
      const outcome = await stored(() => incidents.change(incident.id, { kind: "note", text: note }, person));
      return toIncidentRow(incidentOf(outcome, incident.id));
    },
  });
}

function show(options: IncidentRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/incidents/:id",
    summary: "One incident, with what is on record around it",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: incidentId,
    reply: incidentReply,
    problems: ["not_found"],
    handle: async ({ params: { id }, tenant }) => {
      const incident = await found(options.incidents, { id, tenant });
      return { ...toIncidentRow(incident), ...(await timelineOf(incident, options)) };
    },
  });
}

function change<Body extends z.ZodType>(
  { incidents }: IncidentRoutesOptions,
  what: {
    readonly does: string;
    readonly summary: string;
    readonly body: Body;
    readonly access: "approver" | "operator";
    readonly to: (body: z.output<Body>) => IncidentChange;
  },
): AnyRoute {
  return route({
    method: "POST",
    url: `/v1/incidents/:id/${what.does}`,
    summary: what.summary,
    access: what.access,
    tenants: "own",
    body: what.body,
    query: NOTHING,
    params: incidentId,
    reply: incidentRow,
    problems: ["not_found", "incident_closed", "too_many_incidents", "not_stored"],
    handle: async ({ body, params: { id }, person, tenant }) => {
      await found(incidents, { id, tenant });
      return toIncidentRow(incidentOf(await stored(() => incidents.change(id, what.to(body), person)), id));
    },
  });
}

async function found(
  incidents: IncidentDesk,
  { id, tenant }: { readonly id: string; readonly tenant: Tenant },
): Promise<Incident> {
  await incidents.look();
  const incident = incidents.get(id);
  if (incident === undefined || !isTheirs(incident, tenant)) throw unknown(id);
  return incident;
}

function isTheirs(incident: Incident, tenant: Tenant): boolean {
  return tenant === undefined || incident.tenant === tenant;
}

function incidentOf(outcome: IncidentOutcome | undefined, id: string): Incident {
  switch (outcome?.outcome) {
    case "changed":
      return outcome.incident;
    case "closed":
      throw new ApiProblem("incident_closed");
    case "too_many":
      throw new ApiProblem("too_many_incidents", "it has as many entries or tags as it may have");
    case undefined:
      throw unknown(id);
  }
}

function unknown(id: string): ApiProblem {
  return new ApiProblem("not_found", `no incident has the id \`${id}\``);
}

async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppendLogError) throw new ApiProblem("not_stored", error.message);
    throw error;
  }
}
