import { describe, expect, it } from "vitest";
import { parsePolicy } from "../../../../instrumentation/src/policy/index.ts";

/** The paths of all problems. */
function problemsOf(document: unknown): readonly string[] {
  const parsed = parsePolicy(document);
  return parsed.ok ? [] : parsed.problems.map((problem) => problem.path);
}

const RULE = { name: "r", effect: "deny", tools: ["a"], when: "args.n > 1" };

describe("a policy document", () => {
  it("needs a name only, and denies by default", () => {
    expect(parsePolicy({ name: "p" })).toEqual({
      ok: true,
      policy: {
        name: "p",
        version: "",
        agents: [],
        teams: [],
        environments: [],
        enforce: true,
        share: "100%",
        default: "deny",
        allow: [],
        deny: [],
        require_approval: [],
        forbid: [],
        rules: [],
      },
    });
  });

  it("reads snake_case and camelCase as the same", () => {
    const snake = parsePolicy({ kind: "policy", name: "p", require_approval: ["a"] });
    expect(snake).toMatchObject({ ok: true, policy: { require_approval: ["a"] } });
    expect(parsePolicy({ kind: "policy", name: "p", requireApproval: ["a"] })).toEqual(snake);
  });

  it.each([
    [undefined, [""]],
    [null, [""]],
    ["deny", [""]],
    [[], [""]],
    [{}, ["name"]],
    [{ name: "p", kind: "budget" }, ["kind"]],
    [{ name: "p", alow: ["*"] }, ["alow"]],
    [{ name: "p", allow: "*" }, ["allow"]],
    [{ name: "p", allow: ["ok", 5, "!x", ""] }, ["allow[1]", "allow[2]", "allow[3]"]],
    [{ name: "p", default: "maybe" }, ["default"]],
    [{ name: "p", default: "forbid" }, ["default"]],
    [{ name: "p", version: {} }, ["version"]],
    [{ name: "p", agents: ["["] }, ["agents[0]"]],
    [{ name: "p", rules: {} }, ["rules"]],
    [{ name: "p", rules: [1] }, ["rules[0]"]],
    [{ name: "p", rules: [{ ...RULE, effect: "block" }] }, ["rules[0].effect"]],
    [{ name: "p", rules: [{ ...RULE, name: "" }] }, ["rules[0].name"]],
    [{ name: "p", rules: [RULE, RULE] }, ["rules[1].name"]],
    [{ name: "p", rules: [{ ...RULE, unless: "x" }] }, ["rules[0].unless"]],
    [{ name: "p", rules: [{ ...RULE, when: "args.n >" }] }, ["rules[0].when"]],
    [{ name: "p", rules: [{ ...RULE, when: true }] }, ["rules[0].when"]],
    [{ name: "p", rules: [{ ...RULE, tools: ["{a"] }] }, ["rules[0].tools[0]"]],
    [{ name: "p", require_approval: [], requireApproval: [] }, ["requireApproval"]],
    [
      { name: "", rules: [{ effect: "x", when: "(" }], Allow: [] },
      ["Allow", "name", "rules[0].name", "rules[0].effect", "rules[0].when"],
    ],
    [JSON.parse('{"name":"p","__proto__":{"allow":["*"]}}'), ["__proto__"]],
    [{ name: "p", allow: Array.from({ length: 10_001 }, () => "a") }, ["allow"]],
  ])("%j has problems at %j", (document: unknown, paths) => {
    expect(problemsOf(document)).toEqual(paths);
  });

  it("names the place in a condition", () => {
    expect(parsePolicy({ name: "p", rules: [{ ...RULE, when: "args.n >\n  nope" }] })).toEqual({
      ok: false,
      problems: [{ path: "rules[0].when", message: "Unknown variable: nope (at 2:3)" }],
    });
  });
});
