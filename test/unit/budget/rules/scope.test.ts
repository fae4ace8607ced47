import { describe, expect, it } from "vitest";
import type { Labels } from "../../../../src/budget/ledger.ts";
import { BudgetIndex } from "../../../../src/budget/rules/scope.ts";
import { makeBudget } from "../make-budget.ts";

const index = new BudgetIndex([
  makeBudget({ name: "all" }),
  makeBudget({ name: "team", scope: { team: "check*", environment: "prod" } }),
  makeBudget({ name: "each agent", scope: { team: "*" }, each: "agent" }),
  makeBudget({ name: "session", scope: { model: "gpt-*" }, window: { kind: "run", label: "session" } }),
]);

const names = (labels: Labels): string[] => index.match(labels).map(({ name }) => name);
const keys = (labels: Labels): string[] => index.match(labels).map(({ key }) => key);

describe("the budgets that a call falls under", () => {
  it("are looked for once for each of a block's calls, however unlike these are", () => {
    const each = new BudgetIndex([makeBudget({ name: "each", each: "session" })]);
    const block = (): Labels[] => Array.from({ length: 4_096 }, (_, call) => ({ session: `s${call}` }));
    const found = block().map((labels) => each.match(labels));
    expect(block().every((labels, call) => each.match(labels) === found[call])).toBe(true);
  });

  it("are all those whose labels all match, nested and overlapping", () => {
    expect(names({ team: "checkout", environment: "prod", model: "gpt-4o" })).toEqual([
      "all",
      "team",
      "each agent",
      "session",
    ]);
    expect(names({ team: "checkout" })).toEqual(["all", "each agent"]);
    expect(names({ team: "search", environment: "prod" })).toEqual(["all", "each agent"]);
  });

  it("are found by an exact value as they are by a pattern, in the order of the documents", () => {
    const mixed = new BudgetIndex([
      makeBudget({ name: "exact", scope: { team: "Straße" } }),
      makeBudget({ name: "all" }),
      makeBudget({ name: "pattern", scope: { team: "stra*" } }),
      makeBudget({ name: "exact and more", scope: { model: "gpt-*", team: "strasse" } }),
      makeBudget({ name: "escaped", scope: { team: "stra\\*" } }),
      makeBudget({ name: "other", scope: { team: "stras" } }),
    ]);
    const found = (labels: Labels): string[] => mixed.match(labels).map(({ name }) => name);
    expect(found({ team: "STRASSE", model: "gpt-4o" })).toEqual(["exact", "all", "pattern", "exact and more"]);
    expect(found({ team: "strasse", model: "o1" })).toEqual(["exact", "all", "pattern"]);
    expect(found({ team: "stra*" })).toEqual(["all", "pattern", "escaped"]);
    expect(found({ model: "gpt-4o" })).toEqual(["all"]);
  });

  it("don't include those that ask for a label the call doesn't have", () => {
    expect(names({})).toEqual(["all"]);
    expect(names(JSON.parse('{"__proto__":"checkout"}') as Labels)).toEqual(["all"]);
  });

  it("are the same under every spelling of a label", () => {
    expect(keys({ team: "CHECKOUT", environment: "Ｐrod", agent: "A1" })).toEqual(
      keys({ team: "checkout", environment: "prod", agent: "a1" }),
    );
  });

  it("match across slashes and newlines", () => {
    expect(names({ team: "check/a\nb", environment: "prod" })).toContain("team");
  });

  it("are one for each value of `each`, and of the session", () => {
    expect(keys({ team: "x", agent: "a" })).not.toEqual(keys({ team: "x", agent: "b" }));
    expect(keys({ model: "gpt-4o", session: "1" })).not.toEqual(keys({ model: "gpt-4o", session: "2" }));
    expect(keys({ model: "gpt-4o", session: "1" })).toEqual(keys({ model: "gpt-4.1", session: "1" }));
  });

  it("are those of the empty value when the label that splits them is missing", () => {
    expect(keys({ team: "x" })).toContain(JSON.stringify(["each agent", "", null]));
    expect(keys({ model: "gpt-4o" })).toContain(JSON.stringify(["session", null, ""]));
  });

  it("can't be made to share a key by what is in a name", () => {
    const tricky = new BudgetIndex([makeBudget({ name: "n", each: "a", window: { kind: "run", label: "session" } })]);
    const key = (a: string, session: string): string | undefined => tricky.match({ a, session })[0]?.key;
    expect(key('x","y', "z")).not.toBe(key("x", 'y","z'));
  });
});

describe("a call on behalf of other agents", () => {
  const chain = new BudgetIndex([
    makeBudget({ name: "planner", scope: { agent: "planner" } }),
    makeBudget({ name: "researcher", scope: { agent: "researcher" } }),
    makeBudget({ name: "each", each: "agent" }),
    makeBudget({ name: "each r", scope: { agent: "r*" }, each: "agent" }),
  ]);
  const keysOf = (labels: Labels): string[] => chain.match(labels).map(({ key }) => key);

  it("falls under the budgets of its agent and of every ancestor", () => {
    expect(keysOf({ agent: "Researcher", ancestors: "root,Planner" })).toEqual([
      JSON.stringify(["planner", null, null]),
      JSON.stringify(["researcher", null, null]),
      JSON.stringify(["each", "researcher", null]),
      JSON.stringify(["each", "root", null]),
      JSON.stringify(["each", "planner", null]),
      JSON.stringify(["each r", "researcher", null]),
      JSON.stringify(["each r", "root", null]),
    ]);
  });

  it("counts once into the budget of an agent that is its own ancestor", () => {
    expect(keysOf({ agent: "planner", ancestors: "planner,PLANNER" })).toEqual([
      JSON.stringify(["planner", null, null]),
      JSON.stringify(["each", "planner", null]),
    ]);
  });

  it("keeps its ancestors when it leaves out its own name", () => {
    expect(keysOf({ ancestors: "planner" })).toContain(JSON.stringify(["planner", null, null]));
  });

  it("is told apart by its ancestors only where a budget looks at agents", () => {
    expect(chain.labelKeys).toEqual(["agent", "ancestors"]);
    expect(new BudgetIndex([makeBudget({ name: "t", scope: { team: "*" } })]).labelKeys).toEqual(["team"]);
  });
});

describe("the labels that budgets look at", () => {
  it("are those of scopes, of `each` and of runs, and of agents the ancestors", () => {
    expect(index.labelKeys).toEqual(["agent", "ancestors", "environment", "model", "session", "team"]);
  });
});
