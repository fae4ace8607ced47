import { describe, expect, it } from "vitest";
import { canonicalArguments, DEFAULT_LABEL_ORDER } from "../../../../instrumentation/src/policy/index.ts";
import type { PolicyRequest } from "../../../../instrumentation/src/policy/index.ts";
import { compileCondition, conditionScope } from "../../../../instrumentation/src/policy/condition.ts";

/** true, false, or the reason why it could not be evaluated. */
function evaluate(source: string, args: unknown, request: Partial<PolicyRequest> = {}): boolean | string {
  const compiled = compileCondition(source);
  if (!compiled.ok) return `does not compile: ${compiled.message}`;
  const canonical = canonicalArguments(args);
  if (!canonical.ok) return canonical.reason;
  const { value } = canonical.arguments;
  const call = { tool: "send_mail", args: value, labels: DEFAULT_LABEL_ORDER };
  const scope = conditionScope({ tool: { name: "send_mail" }, ...request }, call);
  const outcome = compiled.condition.evaluate(scope);
  return outcome.ok ? outcome.met : outcome.reason;
}

const ARGS = { bad: "[", to: "ann@evil.example", n: 5, f: 1.5, list: [1, 2, 3], rows: [{ id: 1 }, { id: 2 }] };

describe("a condition", () => {
  it.each([
    ["args.n == 5", true],
    ["args.n > 4 && args.f < 2.0", true],
    ['args.to.endsWith("@evil.example")', true],
    ['glob(args.to, "*@{evil,bad}.example")', true],
    ["args.list.all(x, x > 0)", true],
    ["args.rows.exists(row, row.id == 2)", true],
    ["size(args.list) == 3", true],
    ["has(args.cc)", false],
    ["has(args.constructor) || has(args.__proto__)", false],
    ['"read" in tool.actions', true],
    ['tool.name == "send_mail"', true],
    ['agent.role == "maintainer" && agent.team == ""', true],
    ['session.label >= label("confidential")', true],
    ['session.label == label("restricted")', false],
    ["session.denied >= 3 && session.calls > 3 && session.spent_usd > 0.5", true],
    ['model == "gpt-4o" && destination == "evil.example" && environment == ""', true],
    ['now > timestamp("2026-01-01T00:00:00Z") && now.getHours() == 3', true],
  ])("%s is %s", (source, met) => {
    const request: Partial<PolicyRequest> = {
      tool: { name: "send_mail", actions: ["read"] },
      agent: { role: "maintainer" },
      session: { label: "confidential", denied: 3, calls: 4, spentUsd: 0.75 },
      model: "gpt-4o",
      destination: "evil.example",
      now: new Date("2026-11-21T03:12:00Z"),
    };
    expect(evaluate(source, ARGS, request)).toBe(met);
  });

  it.each([
    ["args.nope == 1", /No such key: nope/],
    ["args.constructor", /No such key: constructor/],
    ["args.n", /no bool/],
    ["args.to > 3", /no such overload/],
    ["glob(args.to, args.bad)", /brackets/],
  ])("%s fails when it is evaluated, and says why", (source, reason) => {
    expect(evaluate(source, ARGS)).toMatch(reason);
  });

  it.each([
    ["1 +", 1, 4],
    ["true &&\n  nope", 2, 3],
    ["args.x.matches('(a+)+$')", 1, 8],
    ["args.list.map(x, x).join()", 1, 21],
    ["cel.bind(a, args, true)", 1, 5],
    ['session.label == "confidential"', 1, 1],
    ['session.label >= label("secret")', 1, 18],
    ["session.labelz == 1", 1, 9],
    ["1 + 1", 1, 1],
    ["'x'.repeat(9)", 1, 5],
    ['glob(args.to, "[")', 1, 15],
  ])("%j does not compile, with its place", (source, line, column) => {
    const compiled = compileCondition(source);
    expect(compiled).toMatchObject({ ok: false, line, column });
  });

  it.each(["x".repeat(3000), "!".repeat(1000) + "true", "[1, 2]" + " + [1]".repeat(300) + " == []"])(
    "that is too large does not compile: %#",
    (source) => {
      expect(compileCondition(source).ok).toBe(false);
    },
  );

  const TOO_MANY = "the call names more than 1024 destinations";
  it.each<[string, number, unknown, unknown]>([
    ['destination == "d1"', 2, true, false],
    ['destination != "d1"', 2, true, false],
    ['destination in ["d0", "d1"]', 2, true, true],
    ['destination == "x"', 2, false, false],
    ['destination == "d0" || int(destination) > 0', 2, true, expect.stringContaining("int")],
    ['destination == ""', 0, true, true],
    ['destinations == ["d0", "d1"]', 2, true, true],
    ['destinations.exists(each, each == "d1")', 2, true, true],
    ["args.n == 5", 2_000, true, true],
    ['destination == "d0"', 2_000, TOO_MANY, TOO_MANY],
    ["size(destinations) > 5", 2_000, TOO_MANY, TOO_MANY],
  ])("%s over each of %i destinations is for one of them %s, for all %s", (source, count, any, all) => {
    const compiled = compileCondition(source);
    if (!compiled.ok) throw new Error(compiled.message);
    const destinations = Array.from({ length: count }, (_, index) => `d${index}`);
    const call = { tool: "send_mail", args: { n: 5 }, labels: DEFAULT_LABEL_ORDER };
    const scope = conditionScope({ tool: { name: "send_mail" }, destinations }, call);
    for (const [holds, wanted] of [
      ["any", any],
      ["all", all],
    ] as const) {
      const outcome = compiled.condition.evaluate(scope, holds);
      expect(outcome.ok ? outcome.met : outcome.reason).toEqual(wanted);
    }
  });

  it("over arguments that would keep it busy fails instead of running", () => {
    const many = { a: Array.from({ length: 20_000 }, (_, index) => index) };
    expect(evaluate("args.a.exists(x, args.a.exists(y, x == y + 0.5))", many)).toMatch(/too large/);
    expect(evaluate("args.a.exists(x, x == 1)", { a: Array.from({ length: 2000 }, () => 0) })).toBe(false);
    const texts = { text: "ab".repeat(200_000), parts: Array.from({ length: 5000 }, () => "ba") };
    expect(evaluate("args.parts.all(x, args.text.contains(x))", texts)).toMatch(/too large/);
  });
});
