import {
  DEFAULT_LABEL_ORDER,
  type NamedToolDeclaration,
  parsePolicy,
  type PolicyDocument,
  ToolCatalogue,
} from "@tollgate/instrumentation/policy";
import { describe, expect, it } from "vitest";
import type { AgentDocument } from "../../../src/policy/agent-document.ts";
import { AgentRegistry } from "../../../src/policy/registry.ts";
import { DecisionReplay, type RecordedDecisions, type ReplayReport } from "../../../src/policy/replay.ts";

function policyOf(document: Readonly<Record<string, unknown>>): PolicyDocument {
  const parsed = parsePolicy({ kind: "policy", name: "candidate", ...document });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

const group = (tool: string, was: string, more: Partial<RecordedDecisions> = {}): RecordedDecisions => ({
  agent: "db-bot",
  team: "data",
  role: "",
  environment: "staging",
  ancestors: "",
  autonomy: "",
  tool,
  decision: was,
  rule: "allow: *",
  decisions: 10,
  traces: ["t1"],
  ...more,
});

interface Around {
  readonly isWhole?: boolean;
  readonly tools?: readonly NamedToolDeclaration[];
  readonly agents?: readonly AgentDocument[];
  readonly requirePolicy?: boolean;
}

function replayed(
  document: Readonly<Record<string, unknown>>,
  groups: readonly RecordedDecisions[],
  { isWhole = false, tools = [], agents = [], requirePolicy = false }: Around = {},
): ReplayReport {
  const replay = new DecisionReplay({
    policies: [policyOf(document)],
    labels: DEFAULT_LABEL_ORDER,
    tools: new ToolCatalogue(tools, DEFAULT_LABEL_ORDER),
    registry: new AgentRegistry({ agents, policies: [], prices: [], requirePolicy, fingerprint: "" }),
    isWhole,
  });
  for (const each of groups) replay.take(each);
  return replay.report();
}

describe("a candidate over what was decided", () => {
  it("says what it would newly deny, ask and allow, with how often and where", () => {
    const report = replayed({ allow: ["db_read"], require_approval: ["db_write"], deny: ["db_drop"] }, [
      group("db_read", "deny"),
      group("db_write", "allow"),
      group("db_drop", "allow", { decisions: 3 }),
      group("db_read", "allow", { decisions: 500 }),
    ]);
    expect(report).toMatchObject({ decisions: 523, unchanged: 500, not_governed: 0 });
    expect(report.changes.map(({ change, tool, rule }) => [change, tool, rule])).toEqual([
      ["newly_allowed", "db_read", "allow: db_read"],
      ["newly_asked", "db_write", "require_approval: db_write"],
      ["newly_denied", "db_drop", "deny: db_drop"],
    ]);
    expect(report.changes[2]).toMatchObject({ was: "allow", becomes: "deny", decisions: 3, traces: ["t1"] });
  });

  it("shows in one row what is alike to who reads it, however many kinds it was recorded in, the most frequent first", () => {
    const kinds = ["staging", "production", "sandbox"].map((environment, index) =>
      group("db_drop", "allow", { environment, traces: [`t${index}`, "t0"], decisions: 3 }),
    );
    const report = replayed({ deny: ["*"] }, [group("db_read", "allow", { decisions: 8 }), ...kinds]);
    expect(report.changes).toMatchObject([
      { tool: "db_drop", decisions: 9, traces: ["t0", "t1", "t2"] },
      { tool: "db_read", decisions: 8, traces: ["t1"] },
    ]);
    expect(report).toMatchObject({ totals: { newly_denied: 17, depends: 0 }, left_out: 0 });
  });

  it("keeps no more rows than it can, and says how many decisions have none", () => {
    const groups = Array.from({ length: 100_010 }, (_, index) => group(`tool_${index}`, "allow", { decisions: 1 }));
    const report = replayed({ deny: ["*"] }, groups);
    expect(report).toMatchObject({ decisions: 100_010, totals: { newly_denied: 100_010 }, left_out: 10 });
    expect(report.changes).toHaveLength(100_000);
  });

  it("leaves agents alone that it is not for, unless it is all that would be in force", () => {
    const groups = [group("db_drop", "deny", { agent: "other" })];
    expect(replayed({ agents: ["db-*"], deny: ["*"] }, groups)).toMatchObject({ not_governed: 10, changes: [] });
    expect(replayed({ agents: ["db-*"], deny: ["*"] }, groups, { isWhole: true }).changes).toMatchObject([
      { change: "newly_allowed" },
    ]);
  });

  it("decides by conditions on what is recorded, and says that it depends where one asks for more", () => {
    const byEnvironment = { name: "prod", effect: "deny", tools: ["db_*"], when: 'environment == "production"' };
    const byArguments = { name: "large", effect: "deny", tools: ["db_write"], when: "args.rows > 100" };
    const report = replayed({ allow: ["db_*"], rules: [byEnvironment, byArguments] }, [
      group("db_read", "allow"),
      group("db_read", "allow", { environment: "production" }),
      group("db_write", "allow"),
      group("db_write", "allow", { environment: "production" }),
    ]);
    expect(report.unchanged).toBe(10);
    expect(report.changes.map(({ change, tool, becomes }) => [change, tool, becomes])).toEqual([
      ["newly_denied", "db_read", "deny"],
      ["depends", "db_write", "allow or deny"],
      ["newly_denied", "db_write", "deny"],
    ]);
  });

  it.each([
    ["allow", "args.rows > 100", "allow or deny"],
    ["require_approval", "args.rows > 100", "allow or deny or require_approval"],
    ["require_approval", "has(args.rows) && args.rows > 100", "allow or require_approval"],
    ["require_approval", "session.denied > 3", "allow or require_approval"],
  ])("takes a rule to %s when %s as what a call without that argument would get, too", (effect, when, becomes) => {
    const document = { allow: ["db_*"], rules: [{ name: "r", effect, tools: ["db_write"], when }] };
    const { changes, unchanged } = replayed(document, [group("db_write", "allow"), group("db_read", "allow")]);
    expect(changes).toMatchObject([{ change: "depends", tool: "db_write", becomes }]);
    expect(unchanged).toBe(10);
  });

  it("counts a candidate that is not enforced as if it were: that is what is asked", () => {
    const report = replayed({ deny: ["*"], enforce: false, share: "1%" }, [group("db_read", "allow")]);
    expect(report.changes).toMatchObject([{ change: "newly_denied", decisions: 10 }]);
  });

  it("decides by what would be declared of tools", () => {
    const document = { allow: ["*"], rules: [{ name: "no-delete", effect: "deny", when: '"delete" in tool.actions' }] };
    const groups = [group("db_read", "allow"), group("db_drop", "allow"), group("db_new", "allow")];
    expect(replayed(document, groups).changes).toEqual([]);
    const tools: NamedToolDeclaration[] = [
      { name: "db_read", actions: ["read"] },
      { name: "db_drop", actions: ["delete"] },
    ];
    // One that nobody declares has the strictest facts, once any is declared.
    expect(replayed(document, groups, { tools }).changes.map(({ tool, change }) => [tool, change])).toEqual([
      ["db_drop", "newly_denied"],
      ["db_new", "newly_denied"],
    ]);
  });

  it("holds what is said of an agent's ancestors for the agent, by its record and by documents", () => {
    const document = { agents: ["planner"], deny: ["*"] };
    const recorded = [group("db_read", "allow", { ancestors: "chief,planner" })];
    expect(replayed(document, [group("db_read", "allow")])).toMatchObject({ not_governed: 10, changes: [] });
    expect(replayed(document, recorded).changes).toMatchObject([{ change: "newly_denied" }]);
    const agents: AgentDocument[] = [{ kind: "agent", name: "db-bot", parent: "planner" }];
    expect(replayed(document, [group("db_read", "allow")], { agents }).changes).toMatchObject([
      { change: "newly_denied" },
    ]);
  });

  it("takes an agent's role and autonomy from documents, and from its record where they say nothing", () => {
    const document = { allow: ["*"] };
    const groups = [group("db_read", "allow"), group("db_read", "allow", { agent: "other", autonomy: "suggest" })];
    const agents: AgentDocument[] = [{ kind: "agent", name: "db-bot", autonomy: "observe", role: "reader" }];
    expect(
      replayed(document, groups, { agents }).changes.map(({ agent, change, rule }) => [agent, change, rule]),
    ).toEqual([
      ["db-bot", "newly_denied", "autonomy: observe"],
      ["other", "newly_asked", "autonomy: suggest"],
    ]);
    const byRole = { allow: ["*"], rules: [{ name: "readers", effect: "deny", when: 'agent.role == "reader"' }] };
    expect(
      replayed(byRole, [group("db_read", "allow")], { agents: [{ kind: "agent", name: "db-bot", role: "reader" }] }),
    ).toMatchObject({
      changes: [{ change: "newly_denied", rule: "readers" }],
    });
  });

  it("denies agents without a policy where the processor requires one, when the candidate is all there is", () => {
    const document = { agents: ["db-*"], allow: ["*"] };
    const groups = [group("db_read", "allow", { agent: "other" })];
    const around = { isWhole: true, requirePolicy: true };
    expect(replayed(document, groups, around).changes).toMatchObject([{ change: "newly_denied" }]);
    expect(replayed(document, groups, { requirePolicy: true })).toMatchObject({ not_governed: 10 });
  });
});
