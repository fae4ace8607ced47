/** `GET /v1/agents`: the registry, what agents did in the last day, and the register of risks. */
import { z } from "zod";
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { Changes } from "../changes/change-log.ts";
import type { CredentialKeeper } from "../identity/credential-store.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import { type AgentEvidence, riskOf } from "../policy/agent-risk.ts";
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
  /** Of `denied`: by a rule that no approval lifts, kills aside. */
  readonly forbidden: string;
  readonly errors: string;
  readonly cost_nano_usd: string;
  readonly unpriced_calls: string;
}

/** What the service knows of what agents did. */
export interface AgentFindings {
  readonly acts: readonly AgentActs[];
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
  autonomy_now: z.string().nullable().describe("Less than its document's while an incident about it is open."),
  incidents: z.array(z.string()).describe("Ids of the open ones about it."),
  registered: z.boolean(),
  processes: z.int().describe("That said hello and were heard of lately."),
  keys: z.int().describe("Issued to it and good now."),
  policies: z.int(),
  acts: z.int().describe("Tool and model calls of the last day that were not refused."),
  denied: z.int(),
  errors: z.int(),
  approvals_asked: z.int(),
  approvals_denied: z.int(),
  cost_usd: z.string(),
  unpriced_calls: z.int().describe(UNPRICED),
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
  readonly incidents: Pick<IncidentDesk, "openAbout">;
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
    autonomy_now: registry.registered(name)?.autonomy ?? null,
    incidents: options.incidents.openAbout(name),
    registered: document !== undefined,
    processes: [...processes.entries()].filter(([, { agent }]) => agent === name).length,
    keys,
    policies,
    acts: evidence.acts,
    denied: evidence.denied,
    errors: evidence.errors,
    approvals_asked: evidence.approvalsAsked,
    approvals_denied: evidence.approvalsDenied,
    cost_usd: usd(acts.reduce((sum, { cost_nano_usd: cost }) => sum + BigInt(cost), 0n)),
    unpriced_calls: acts.reduce((sum, { unpriced_calls: calls }) => sum + Number(calls), 0),
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
  const sum = (key: "acts" | "denied" | "errors"): number => rows.reduce((total, row) => total + Number(row[key]), 0);
  const sinceMs = clock.now() - WINDOW_MS;
  const asked = approvals
    .all()
    .filter(({ agent, kind, askedAtMs }) => kind === "tool" && agent === name && askedAtMs >= sinceMs);
  const kills = changes.recent.filter(
    ({ action, subject, atMs }) => action === "kill" && atMs >= sinceMs && subject === `agent=${name}`,
  );
  return {
    acts: sum("acts"),
    denied: sum("denied"),
    errors: sum("errors"),
    approvalsAsked: asked.length,
    approvalsDenied: asked.filter(({ state }) => state === "denied").length,
    kills: kills.length,
    incidents: incidents.openAbout(name).length,
  };
}

function usd(nanoUsd: bigint): string {
  const digits = nanoUsd.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
