/** `GET /v1/agents`: the registry, what agents did in the last day, and the register of risks. */
import { z } from "zod";
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { Changes } from "../changes/change-log.ts";
import type { CredentialKeeper } from "../identity/credential-store.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import { type AgentEvidence, evidenceText, overridesOf, riskOf } from "../policy/agent-risk.ts";
import { type Beyond, beyondText } from "../policy/blast-radius.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import type { ProcessTable } from "./processes.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { UNPRICED } from "./span-shape.ts";
import type { Tenancy } from "./tenancy.ts";

/** One row of the query `agent-acts`: whole numbers as text. */
export interface AgentActs {
  readonly agent: string;
  readonly tool: string;
  readonly environment: string;
  readonly acts: string;
  readonly denied: string;
  /** Neither: what an agent that only observes would have done, by the policies. */
  readonly observed: string;
  /** Of `denied`: by a rule that no approval lifts, kills aside. */
  readonly forbidden: string;
  readonly errors: string;
  readonly cost_nano_usd: string;
  readonly unpriced_calls: string;
}

/** What the service knows of what agents did. */
export interface AgentFindings {
  readonly acts: readonly AgentActs[];
  /** Of each agent, in how many runs it did that. */
  readonly runs: ReadonlyMap<string, number>;
  readonly drift: readonly Beyond[];
  readonly excess: readonly Beyond[];
  /** Reads anew what ClickHouse has. Never rejects. */
  look(): Promise<void>;
}

const level = z.enum(["low", "medium", "high"]);

const agentRow = z.object({
  name: z.string(),
  owner: z.string().nullable(),
  team: z.string().nullable(),
  role: z.string().nullable(),
  parent: z.string().nullable(),
  autonomy: z.string().nullable(),
  autonomy_now: z
    .string()
    .nullable()
    .describe("Less than its document's while an incident about it is open, or where those it acts for have less."),
  incidents: z.array(z.string()).describe("Ids of the open ones about it."),
  registered: z.boolean(),
  processes: z.int().describe("That said hello and were heard of lately."),
  keys: z.int().describe("Issued to it and good now."),
  policies: z.int(),
  runs: z.int().describe("Sessions of the last day; workflows or traces where there are none."),
  acts: z.int().describe("Tool and model calls of the last day that were not refused."),
  denied: z.int(),
  observed: z.int().describe("Acts that it would have done, had it not been to observe only."),
  errors: z.int(),
  approvals_asked: z.int(),
  approvals_denied: z.int(),
  approvals_edited: z.int(),
  bypassed: z.int().describe("Acts of the last day that a bypass let through unasked."),
  stops: z.int().describe("Kills and pauses of it by name in the last day."),
  overrides: z.int().describe("Words of people against it or its policies: denied, edited, bypassed, stopped."),
  incidents_lately: z.int().describe("About it, open now or opened within the last day."),
  cost_usd: z.string(),
  unpriced_calls: z.int().describe(UNPRICED),
  evidence: z.string().describe("What likelihood and proposal go by, in words."),
  likelihood: level.describe("By what it did."),
  impact: level.describe("By what is declared of it; high where nothing is."),
  risk: level,
  gaps: z.array(z.string()),
  beyond: z.array(z.string()).describe("What policies would let it do, and what it did, beyond its blast radius."),
  proposal: z.object({ autonomy: z.string(), because: z.string() }).nullable().describe("For a person to decide on."),
  reviewed: z.string().nullable(),
  rollback: z.string().nullable(),
});

export type AgentRow = z.output<typeof agentRow>;

export interface AgentsOptions {
  readonly registry: AgentRegistry;
  readonly processes: ProcessTable;
  readonly credentials: Pick<CredentialKeeper, "list">;
  readonly approvals: Pick<ApprovalDesk, "all">;
  readonly changes: Pick<Changes, "recent">;
  readonly findings: AgentFindings;
  readonly tenancy: Tenancy;
  readonly incidents: Pick<IncidentDesk, "openAbout" | "all">;
  readonly clock: Clock;
}

const WINDOW_MS = 86_400_000;

export function agentsRoute(options: AgentsOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/agents",
    summary: "Agents: who they are, what they did in the last day, and what risk they are",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({ agents: z.array(agentRow) }),
    problems: [],
    handle: async ({ tenant }) => {
      await options.findings.look();
      const { registry, processes, findings } = options;
      const names = new Set([
        ...registry.agents.map(({ name }) => name),
        ...processes.agents(),
        ...findings.acts.map(({ agent }) => agent),
      ]);
      const seen = [...names].filter((name) => options.tenancy.seesAgent(tenant, name));
      return { agents: seen.sort().map((name) => rowOf(name, options)) };
    },
  });
}

function rowOf(name: string, options: AgentsOptions): AgentRow {
  const { registry, processes, credentials, findings, clock } = options;
  const document = registry.agents.find((agent) => agent.name === name);
  const evidence = evidenceOf(name, options);
  const [drift, excess] = [findings.drift, findings.excess].map((all) => all.filter(({ agent }) => agent === name));
  const policies = registry.policies(name).length;
  const keys = credentials.list("agent").filter((key) => key.name === name).length;
  const beyond = { drift: drift ?? [], excess: excess ?? [] };
  const { likelihood, impact, risk, gaps, proposal } = riskOf({
    document,
    evidence,
    ...beyond,
    hasPolicy: policies > 0,
    hasKey: keys > 0,
    nowMs: clock.now(),
  });
  const acts = findings.acts.filter(({ agent }) => agent === name);
  return {
    name,
    owner: document?.owner ?? null,
    team: document?.team ?? null,
    role: document?.role ?? null,
    parent: registry.ancestors(name)[0] ?? null,
    autonomy: document?.autonomy ?? null,
    autonomy_now: registry.labels(name, {})["autonomy"] ?? null,
    incidents: options.incidents.openAbout(name),
    registered: document !== undefined,
    processes: [...processes.entries()].filter(([, { agent }]) => agent === name).length,
    keys,
    policies,
    runs: evidence.runs,
    acts: evidence.acts,
    denied: evidence.denied,
    observed: evidence.observed,
    errors: evidence.errors,
    approvals_asked: evidence.approvalsAsked,
    approvals_denied: evidence.approvalsDenied,
    approvals_edited: evidence.approvalsEdited,
    bypassed: evidence.bypassed,
    stops: evidence.stops,
    overrides: overridesOf(evidence),
    incidents_lately: evidence.incidentsLately,
    cost_usd: usd(acts.reduce((sum, { cost_nano_usd: cost }) => sum + BigInt(cost), 0n)),
    unpriced_calls: acts.reduce((sum, { unpriced_calls: calls }) => sum + Number(calls), 0),
    evidence: evidenceText(evidence),
    likelihood,
    impact,
    risk,
    gaps: [...gaps],
    beyond: [...beyond.drift, ...beyond.excess].map(beyondText),
    proposal: proposal ?? null,
    reviewed: document?.reviewed ?? null,
    rollback: document?.rollback ?? null,
  };
}

function evidenceOf(name: string, { findings, approvals, changes, incidents, clock }: AgentsOptions): AgentEvidence {
  const rows = findings.acts.filter(({ agent }) => agent === name);
  const sum = (key: "acts" | "denied" | "observed" | "errors"): number =>
    rows.reduce((total, row) => total + Number(row[key]), 0);
  const sinceMs = clock.now() - WINDOW_MS;
  const asked = approvals
    .all()
    .filter(({ agent, kind, askedAtMs }) => kind === "tool" && agent === name && askedAtMs >= sinceMs);
  const stops = changes.recent.filter(
    ({ action, subject, atMs }) =>
      (action === "kill" || action === "pause") && atMs >= sinceMs && subject === `agent=${name}`,
  );
  const lately = incidents
    .all()
    .filter(({ agents, state, openedAtMs }) => agents.includes(name) && (state === "open" || openedAtMs >= sinceMs));
  return {
    runs: findings.runs.get(name) ?? 0,
    acts: sum("acts"),
    denied: sum("denied"),
    observed: sum("observed"),
    errors: sum("errors"),
    approvalsAsked: asked.length,
    approvalsDenied: asked.filter(({ state }) => state === "denied").length,
    approvalsEdited: asked.filter(({ edited }) => edited !== undefined).length,
    bypassed: asked.filter(({ bypass }) => bypass !== undefined).length,
    stops: stops.length,
    incidents: incidents.openAbout(name).length,
    incidentsLately: lately.length,
  };
}

function usd(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
