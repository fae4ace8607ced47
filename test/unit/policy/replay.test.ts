import { DEFAULT_LABEL_ORDER, parsePolicy, type PolicyDocument } from "@tollgate/instrumentation/policy";
import { describe, expect, it } from "vitest";
import { type RecordedDecisions, replay, type ReplayReport } from "../../../src/policy/replay.ts";

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
  tool,
  decision: was,
  rule: "allow: *",
  decisions: 10,
  traces: ["t1"],
  ...more,
});

function replayed(
  document: Readonly<Record<string, unknown>>,
  groups: readonly RecordedDecisions[],
  isWhole = false,
): ReplayReport {
  return replay(groups, { policies: [policyOf(document)], labels: DEFAULT_LABEL_ORDER, isWhole });
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

  it("leaves agents alone that it is not for, unless it is all that would be in force", () => {
    const groups = [group("db_drop", "deny", { agent: "other" })];
    expect(replayed({ agents: ["db-*"], deny: ["*"] }, groups)).toMatchObject({ not_governed: 10, changes: [] });
    expect(replayed({ agents: ["db-*"], deny: ["*"] }, groups, true).changes).toMatchObject([
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

  it("counts a candidate that is not enforced as if it were: that is what is asked", () => {
    const report = replayed({ deny: ["*"], enforce: false, share: "1%" }, [group("db_read", "allow")]);
    expect(report.changes).toMatchObject([{ change: "newly_denied", decisions: 10 }]);
  });
});
