import { describe, expect, it } from "vitest";
import { riskOf, type RiskOptions } from "../../../src/policy/agent-risk.ts";
import { type Beyond, driftOf, excessOf } from "../../../src/policy/blast-radius.ts";
import { Decider } from "../../../src/policy/decider.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";

const AGENT = {
  kind: "agent" as const,
  name: "db",
  owner: "data",
  autonomy: "supervised" as const,
  reviewed: "2026-11-01",
  rollback: "runbook",
  blast_radius: { systems: ["orders"], actions: ["read", "write"], environments: ["staging"], max_records: 10 },
};
const tool = (name: string, systems: string[], actions: ("read" | "write" | "delete")[]) => ({
  kind: "tool" as const,
  name,
  labels: [],
  systems,
  actions,
});
const TOOLS = [
  tool("read_orders", ["orders"], ["read"]),
  tool("drop_orders", ["orders"], ["delete"]),
  tool("read_payroll", ["payroll"], ["read"]),
  tool("never", ["payroll"], ["delete"]),
];
const POLICY = {
  kind: "policy",
  name: "p",
  agents: ["db"],
  allow: ["*"],
  require_approval: ["drop_*"],
  deny: ["never"],
};

describe("a blast radius", () => {
  it("is held against what policies would let the agent do, whether it asks for it or not", () => {
    const registry = new AgentRegistry({
      agents: [AGENT],
      policies: [{ name: "p", appliesTo: (name) => name === "db", document: POLICY }],
      prices: [],
      tools: TOOLS,
      requirePolicy: false,
      fingerprint: "",
    });
    const labelsOf = (agent: string) => registry.labels(agent, {});
    const found = excessOf({ agents: [AGENT], tools: TOOLS, labelsOf, decider: new Decider(registry) });
    expect(found).toEqual([
      { agent: "db", tool: "drop_orders", what: "action", value: "delete" },
      { agent: "db", tool: "read_payroll", what: "system", value: "payroll" },
    ]);
  });

  it("is held against what policies let the agent do in environments that they name", () => {
    const document = {
      kind: "policy",
      name: "p",
      default: "deny",
      rules: [
        { name: "ours", effect: "allow", environments: ["stag*"], tools: ["read_payroll"] },
        { name: "theirs", effect: "allow", environments: ["prod*"], tools: ["read_orders"] },
        { name: "none", effect: "deny", environments: ["dev"], tools: ["*"] },
      ],
    };
    const registry = new AgentRegistry({
      agents: [AGENT],
      policies: [{ name: "p", appliesTo: () => true, document }],
      prices: [],
      tools: TOOLS,
      requirePolicy: false,
      fingerprint: "",
    });
    const labelsOf = (agent: string) => registry.labels(agent, {});
    expect(excessOf({ agents: [AGENT], tools: TOOLS, labelsOf, decider: new Decider(registry) })).toEqual([
      { agent: "db", tool: "read_orders", what: "environment", value: "prod*" },
      { agent: "db", tool: "read_payroll", what: "system", value: "payroll" },
    ]);
  });

  it("is held against what a rule lets it do that wants arguments, which nobody has here", () => {
    const rules = [
      { name: "few", effect: "allow", tools: ["read_payroll"], when: "args.rows < 10" },
      { name: "large", effect: "deny", tools: ["drop_orders"], when: "args.rows > 10" },
    ];
    const document = { kind: "policy", name: "p", default: "deny", allow: ["drop_orders"], rules };
    const registry = new AgentRegistry({
      agents: [AGENT],
      policies: [{ name: "p", appliesTo: () => true, document }],
      prices: [],
      tools: TOOLS,
      requirePolicy: false,
      fingerprint: "",
    });
    const labelsOf = (agent: string) => registry.labels(agent, {});
    expect(excessOf({ agents: [AGENT], tools: TOOLS, labelsOf, decider: new Decider(registry) })).toEqual([
      { agent: "db", tool: "read_payroll", what: "system", value: "payroll" },
    ]);
  });

  it("is held against what it did: systems, actions, environments, tools that nobody declared, and money", () => {
    const use = (name: string, environment = "staging") => ({ agent: "db", tool: name, environment });
    const found = driftOf({
      agents: [{ ...AGENT, blast_radius: { ...AGENT.blast_radius, max_usd_per_day: 1.5 } }],
      tools: TOOLS,
      uses: [use("read_orders"), use("READ_PAYROLL"), use("read_orders", "production"), use("new_one"), use("new_one")],
      spent: new Map([["db", 1_500_000_001n]]),
    });
    expect(found.map(({ what, value }) => `${what} ${value}`)).toEqual([
      "system payroll",
      "environment production",
      "tool ",
      "money $1.50 in a day",
    ]);
  });
});

const GOOD: RiskOptions = {
  document: AGENT,
  evidence: { acts: 1_000, denied: 1, errors: 2, approvalsAsked: 3, approvalsDenied: 0, kills: 0, incidents: 0 },
  drift: [],
  excess: [],
  hasPolicy: true,
  hasKey: true,
  nowMs: Date.parse("2026-11-21"),
};
const DRIFT: Beyond = { agent: "db", tool: "x", what: "tool", value: "" };

describe("the register of risks", () => {
  it("takes an agent of which nothing is declared for the worst, and says what is missing", () => {
    const { impact, gaps } = riskOf({ ...GOOD, document: undefined, hasPolicy: false, hasKey: false });
    expect(impact).toBe("high");
    expect(gaps).toContain("not registered");
    expect(gaps).toContain("no policy");
    expect(riskOf(GOOD).gaps).toEqual([]);
  });

  it("finds what went beyond, was killed or was refused often likely, and few acts no proof of anything", () => {
    const likelihood = (change: Partial<RiskOptions>): string => riskOf({ ...GOOD, ...change }).likelihood;
    expect(likelihood({ drift: [DRIFT] })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, kills: 1 } })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 51 } })).toBe("high");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 0, acts: 5, errors: 0 } })).toBe("medium");
    expect(likelihood({ evidence: { ...GOOD.evidence, denied: 0 } })).toBe("low");
  });

  it("proposes one level up on good evidence, one down on bad, and nothing where there is no level", () => {
    expect(riskOf(GOOD).proposal?.autonomy).toBe("autonomous");
    expect(riskOf({ ...GOOD, drift: [DRIFT] }).proposal).toEqual({
      autonomy: "suggest",
      because: "it did more than declared",
    });
    expect(riskOf({ ...GOOD, evidence: { ...GOOD.evidence, acts: 199 } }).proposal).toBeUndefined();
    const { autonomy: _, ...without } = AGENT;
    expect(riskOf({ ...GOOD, document: without, drift: [DRIFT] }).proposal).toBeUndefined();
  });
});
