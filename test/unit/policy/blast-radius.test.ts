/**
 * Goal: everything that the issue names (systems, actions, environments, records, money, destinations) is held against what
 * documents allow and against what was done. Method: the deciding code itself, over documents as files have them.
 */
import { describe, expect, it } from "vitest";
import { excessIn } from "../../../src/config/governance/excess.ts";
import { governanceOf } from "../../../src/config/governance/load-governance.ts";
import { driftOf, type ToolReach, type ToolUse } from "../../../src/policy/blast-drift.ts";
import { beyondText } from "../../../src/policy/blast-radius.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";

type Document = Readonly<Record<string, unknown>>;

const tool = (name: string, systems: string[], actions: string[], more: Document = {}): Document => ({
  kind: "tool",
  name,
  systems,
  actions,
  ...more,
});
const agent = (radius: Document, more: Document = {}): Document => ({
  kind: "agent",
  name: "db",
  team: "data",
  blast_radius: radius,
  ...more,
});
const policy = (document: Document): Document => ({ kind: "policy", name: "p", ...document });
const budget = (document: Document): Document => ({ kind: "budget", name: "b", window: "day", ...document });

function load(documents: readonly Document[]) {
  const governance = governanceOf(
    documents.map((value) => ({ file: "test", value, locate: () => ({ line: 0, column: 0 }) })),
  );
  return { governance, registry: new AgentRegistry({ ...governance, requirePolicy: false }) };
}

function excess(...documents: readonly Document[]): readonly string[] {
  const { governance, registry } = load(documents);
  const found = excessIn({ registry, budgets: governance.budgets });
  expect(found.every(({ isPossible }) => isPossible)).toBe(true);
  return found.map(({ tool: by, what, value }) => [by, what, value].filter((part) => part !== "").join(" "));
}

describe("what documents would let an agent do beyond its blast radius", () => {
  const TOOLS = [
    tool("read_orders", ["orders"], ["read"]),
    tool("drop_orders", ["orders"], ["delete"]),
    tool("read_payroll", ["payroll"], ["read"]),
    tool("never", ["payroll"], ["delete"]),
  ];

  it("systems and actions: whether the policy allows it or asks for it", () => {
    const radius = { systems: ["orders"], actions: ["read", "write"] };
    const names = policy({ allow: ["read_*"], require_approval: ["drop_*"], deny: ["never"] });
    expect(excess(agent(radius), names, ...TOOLS)).toEqual([
      "drop_orders action delete",
      "read_payroll system payroll",
    ]);
    expect(excess(agent({}), names, ...TOOLS)).toEqual([]);
    expect(excess(agent({ actions: ["read"] }), names, tool("read_it", [], []))).toEqual([
      "read_it action (undeclared)",
    ]);
  });

  it("systems and actions of what a rule allows that wants arguments, which nobody has here", () => {
    const rules = [
      { name: "few", effect: "allow", tools: ["read_payroll"], when: "args.rows < 10" },
      { name: "large", effect: "deny", tools: ["drop_orders"], when: "args.rows > 10" },
    ];
    const document = policy({ default: "deny", allow: ["drop_orders"], rules });
    expect(excess(agent({ systems: ["orders"], actions: ["read"] }), document, ...TOOLS)).toEqual([
      "read_payroll system payroll",
    ]);
  });

  it("tools that no document declares, by name or by a policy that lets any by", () => {
    const radius = { systems: ["orders"], actions: ["read"] };
    const [read = {}] = TOOLS;
    expect(excess(agent(radius), policy({ allow: ["read_orders", "shell"], deny: ["old"] }), read)).toEqual([
      "shell tool",
    ]);
    expect(excess(agent(radius), policy({ default: "allow" }), read)).toEqual(["tool"]);
    expect(excess(agent(radius), read)).toEqual(["tool"]);
  });

  it("environments: those that policies name, and all others where nothing keeps it out of them", () => {
    const radius = { systems: ["orders"], environments: ["staging"] };
    const rules = [
      { name: "ours", effect: "allow", environments: ["stag*"], tools: ["read_payroll"] },
      { name: "theirs", effect: "allow", environments: ["prod*"], tools: ["read_orders"] },
      { name: "none", effect: "deny", environments: ["dev"], tools: ["*"] },
    ];
    expect(excess(agent(radius), policy({ rules }), ...TOOLS)).toEqual([
      "read_orders environment prod*",
      "read_payroll system payroll",
    ]);
    expect(excess(agent(radius), policy({ allow: ["*_orders"] }), ...TOOLS)).toEqual([
      "read_orders, drop_orders environment any",
    ]);
  });

  it("records: what a tool may be about, unless a policy bounds what is asked for", () => {
    const radius = { max_records: 100 };
    const tools = [
      tool("few", [], ["read"], { max_records: 100 }),
      tool("many", [], ["delete"], { max_records: 101 }),
      tool("open", [], ["read"]),
      tool("mail", [], ["send"]),
    ];
    expect(excess(agent(radius), policy({ default: "allow" }), ...tools)).toEqual([
      "many records 101",
      "open records any number of",
    ]);
    const when = "has(args.limit) && args.limit > 100";
    const rules = [{ name: "few", effect: "deny", tools: ["*"], when }];
    expect(excess(agent(radius), policy({ default: "allow", rules }), ...tools)).toEqual([]);
    expect(excess(agent({ max_records: 101 }), policy({ default: "allow", rules: [] }), ...tools.slice(0, 2))).toEqual(
      [],
    );
  });

  it("money: what hard budgets leave it in a day", () => {
    const radius = agent({ max_usd_per_day: 10 });
    const of = (...budgets: readonly Document[]): readonly string[] =>
      excess(radius, ...budgets.map((each, at) => budget({ name: `b${at}`, ...each })));
    const none = ["money without a hard budget"];
    expect(of()).toEqual(none);
    expect(of({ scope: { team: "data" }, limit: "$10.00" })).toEqual([]);
    expect(of({ scope: { agent: "d*" }, limit: "$12.00" }, { limit: "$11.00" })).toEqual(["money $11.00 in a day"]);
    expect(of({ limit: "$0.50", window: "hour" })).toEqual(["money $12.00 in a day"]);
    expect(of({ limit: "$0.40", window: "hour" })).toEqual([]);
    expect(of({ limit: "$10.00", window: "month", each: "agent" })).toEqual([]);
    for (const each of [
      { scope: { team: "other" } },
      { scope: { environment: "staging" } },
      { mode: "soft" },
      { each: "user" },
      { window: "session" },
      { limit: "500 calls" },
    ])
      expect([each, of({ limit: "$1.00", ...each })]).toEqual([each, none]);
  });

  it("destinations: of tools that send, by what policies say of where to", () => {
    const radius = agent({ destinations: ["*.corp.example", "corp.example"] }, { egress: { unknown: "deny" } });
    const send = tool("send", [], ["send"]);
    expect(excess(radius, policy({ default: "allow" }), send, tool("look", [], ["read"]))).toEqual([
      "send destination any",
    ]);
    const rule = (when: string): Document => policy({ rules: [{ name: "r", effect: "allow", tools: ["send"], when }] });
    expect(excess(radius, rule('destination.endsWith(".corp.example")'), send)).toEqual([]);
    expect(
      excess(radius, rule('glob(destination, "*.corp.example") || destination == "partner.example"'), send),
    ).toEqual(["send destination partner.example"]);
    const bound = tool("send", [], ["send"], { destinations: ["mail.corp.example", "*.partner.example"] });
    expect(excess(radius, policy({ default: "allow" }), bound)).toEqual(["send destination *.partner.example"]);
    expect(excess(radius, policy({ default: "deny" }), bound)).toEqual([]);
  });

  it("destinations: of requests that pass no tool, by the agent's list and what becomes of others", () => {
    const radius = { destinations: ["*.corp.example"] };
    const allow = ["GET https://api.corp.example:8443/v1/*", "evil.example/x", "*"];
    const found = ["destination evil.example", "destination *"];
    expect(excess(agent(radius, { egress: { allow, unknown: "deny" } }))).toEqual(found);
    expect(excess(agent(radius))).toEqual(["destination any"]);
    expect(excess(agent({ systems: [] }, { egress: { allow, unknown: "deny" } }), policy({}))).toEqual([]);
  });
});

describe("what an agent did beyond its blast radius", () => {
  const documents = [
    agent({
      systems: ["orders"],
      actions: ["read"],
      environments: ["staging"],
      max_records: 100,
      max_usd_per_day: 1.5,
      destinations: ["*.corp.example"],
    }),
    tool("read_orders", ["orders"], ["read"]),
    tool("read_payroll", ["payroll"], ["read", "delete"]),
  ];
  const { governance } = load(documents);
  const did = (deeds: {
    readonly uses?: readonly Omit<ToolUse, "agent">[];
    readonly reaches?: readonly Omit<ToolReach, "agent">[];
    readonly spent?: bigint;
  }): readonly string[] =>
    driftOf({
      agents: governance.agents,
      tools: governance.tools,
      uses: (deeds.uses ?? []).map((use) => ({ agent: "db", ...use })),
      reaches: (deeds.reaches ?? []).map((reach) => ({ agent: "db", ...reach })),
      spent: new Map([["db", deeds.spent ?? 0n]]),
    }).map(beyondText);
  const use = (name: string, environment = "") => ({ tool: name, environment });

  it("systems, actions and tools that nobody declared, each said once", () => {
    expect(did({ uses: [use("read_orders"), use("READ_PAYROLL"), use("READ_PAYROLL"), use("new")] })).toEqual([
      "agent `db`: `READ_PAYROLL` reaches the system `payroll`, beyond its blast radius",
      "agent `db`: `READ_PAYROLL` reaches the action `delete`, beyond its blast radius",
      "agent `db` uses `new`, which no `kind: tool` document declares",
    ]);
  });

  it("environments, of model calls too", () => {
    expect(did({ uses: [use("read_orders", "Staging"), use("read_orders", "production"), use("", "dev")] })).toEqual([
      "agent `db`: `read_orders` reaches the environment `production`, beyond its blast radius",
      "agent `db`: it reaches the environment `dev`, beyond its blast radius",
    ]);
  });

  it("money", () => {
    expect(did({ spent: 1_500_000_000n })).toEqual([]);
    expect(did({ spent: 1_500_000_001n })).toEqual(["agent `db` spent $1.500000001 in a day, beyond its blast radius"]);
  });

  it("records and destinations", () => {
    const reach = (name: string, destinations: string[], records: string) => ({ tool: name, destinations, records });
    expect(did({ reaches: [reach("read_orders", ["api.corp.example", "API.Corp.example"], "100")] })).toEqual([]);
    expect(did({ reaches: [reach("send", ["evil.example", "(other)"], "101"), reach("", ["10.0.0.1"], "0")] })).toEqual(
      [
        "agent `db`: `send` reaches the destination `evil.example`, beyond its blast radius",
        "agent `db`: `send` reaches the destination `(other)`, beyond its blast radius",
        "agent `db`: `send` was about 101 records at once, beyond its blast radius",
        "agent `db`: it reaches the destination `10.0.0.1`, beyond its blast radius",
      ],
    );
  });

  it("nothing where nothing is declared", () => {
    const open = load([agent({})]).governance;
    const reaches = [{ agent: "db", tool: "x", destinations: ["evil.example"], records: "999999" }];
    const uses = [{ agent: "db", tool: "x", environment: "prod" }];
    expect(driftOf({ ...open, uses, reaches, spent: new Map([["db", 9n ** 20n]]) })).toEqual([]);
  });
});
