import { describe, expect, it } from "vitest";
import { leastAutonomy } from "../../../../instrumentation/src/policy/autonomy.ts";
import { compilePolicy, decide } from "../../../../instrumentation/src/policy/decide.ts";
import { parsePolicy } from "../../../../instrumentation/src/policy/document.ts";
import type { ToolFacts } from "../../../../instrumentation/src/policy/request.ts";

const parsed = parsePolicy({
  kind: "policy",
  name: "p",
  allow: ["*"],
  require_approval: ["ask_*"],
  deny: ["never_*"],
});
if (!parsed.ok) throw new Error("the policy does not parse");
const POLICY = compilePolicy(parsed.policy);

function decisionOf(autonomy: string, tool: ToolFacts, policies = [POLICY]): string {
  return decide(policies, { tool, agent: { name: "a", autonomy }, args: {} }).decision;
}

const READ: ToolFacts = { name: "read_rows", actions: ["read"] };
const WRITE: ToolFacts = { name: "write_row", actions: ["read", "write"] };
const SEND: ToolFacts = { name: "send_mail", actions: ["send"] };
const DROP: ToolFacts = { name: "drop", actions: ["write"], reversibility: "irreversible" };
const UNDECLARED: ToolFacts = { name: "something" };

it("is the least of all levels, and of what is no level less than any", () => {
  expect(leastAutonomy(["autonomous", undefined, "suggest", "supervised", ""])).toBe("suggest");
  expect(leastAutonomy(["observe", "total"])).toBe("total");
  expect(leastAutonomy([undefined, ""])).toBeUndefined();
});

describe("autonomy", () => {
  it.each([
    ["observe", ["allow", "deny", "deny", "deny", "deny"]],
    ["suggest", ["allow", "require_approval", "require_approval", "require_approval", "require_approval"]],
    ["supervised", ["allow", "allow", "require_approval", "require_approval", "require_approval"]],
    ["autonomous", ["allow", "allow", "allow", "allow", "allow"]],
    ["", ["allow", "allow", "allow", "allow", "allow"]],
    ["made-up", ["deny", "deny", "deny", "deny", "deny"]],
  ])("%s leaves of a read, a write, a send, what can't be undone, and what nobody declared: %j", (level, expected) => {
    expect([READ, WRITE, SEND, DROP, UNDECLARED].map((tool) => decisionOf(level, tool))).toEqual(expected);
    // Also where nobody governs the agent.
    expect([READ, WRITE, SEND, DROP, UNDECLARED].map((tool) => decisionOf(level, tool, []))).toEqual(expected);
  });

  it("never gives what a policy takes", () => {
    for (const level of ["observe", "suggest", "supervised", "autonomous"]) {
      expect(decisionOf(level, { ...READ, name: "never_read" })).toBe("deny");
      expect(decisionOf(level, { ...SEND, name: "ask_send" })).not.toBe("allow");
    }
  });

  it("tells what was decided of an agent that only observes before what policies in shadow mode would have", () => {
    const shadow = parsePolicy({ kind: "policy", name: "next", enforce: false, default: "allow", forbid: ["*"] });
    const policies = shadow.ok ? [POLICY, compilePolicy(shadow.policy)] : [];
    const { shadow: would } = decide(policies, { tool: SEND, args: {}, agent: { autonomy: "observe" } });
    expect(would.map(({ decision, rule, policy }) => [decision, rule, policy])).toEqual([
      ["allow", "allow: *", "p"],
      ["forbid", "forbid: *", "next"],
    ]);
    expect(decide(POLICY, { tool: READ, args: {}, agent: { autonomy: "observe" } }).shadow).toEqual([]);
  });

  it.each(["suggest", "supervised", "observe"])(
    "denies under %s what nobody can be asked about, also where no policy governs",
    (autonomy) => {
      const of = (tool: ToolFacts, args: unknown) => decide([], { tool, args, agent: { autonomy } });
      const cycle: Record<string, unknown> = {};
      cycle["self"] = cycle;
      for (const args of [{ n: Number.NaN }, { n: 1n }, cycle])
        expect(of(SEND, args)).toMatchObject({ decision: "deny", rule: "request", arguments: undefined });
      expect(of({ ...SEND, name: "send\u200b_mail" }, {})).toMatchObject({ decision: "deny", rule: "request" });
      expect(of(READ, cycle).decision).toBe("allow");
    },
  );

  it("says what would have been decided, and names what an approval is for where no policy does", () => {
    const observed = decide(POLICY, { tool: SEND, agent: { autonomy: "observe" } });
    expect(observed).toMatchObject({ rule: "autonomy: observe", policy: "p" });
    expect(observed.reason).toContain("would be `allow`");
    expect(decide([], { tool: SEND, agent: { autonomy: "suggest" } })).toMatchObject({
      policy: "autonomy",
      policyVersion: "suggest",
    });
  });
});
