import { expect, it } from "vitest";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { unmatchedBudgets } from "../../../src/service/unmatched-budgets.ts";
import { makeBudget } from "../budget/make-budget.ts";

const known = [
  { agent: "shop", team: "checkout" },
  { agent: "db-1", team: "data", environment: "prod" },
];
const said = (scope: Record<string, string>, states: readonly BudgetState[] = []) =>
  unmatchedBudgets({ budgets: [makeBudget({ scope })], states, known });

it.each([
  [{}],
  [{ agent: "DB-*" }],
  [{ team: "checkout", model: "gpt-*", session: "s-*" }],
  [{ environment: "prod" }],
  // The label may come with a call of the shop's, as it comes with the other agent's.
  [{ agent: "shop", environment: "staging" }],
])("says nothing of a scope that may match: %j", (scope) => expect(said(scope)).toEqual([]));

it("names a scope that no agent matches, and a label that none has sent", () => {
  expect(said({ team: "chekout" })).toEqual(["budget `b`: no agent that is known matches its scope"]);
  expect(said({ team: "data", agent: "shop" })).toHaveLength(1);
  expect(said({ tenant: "x" })).toEqual(["budget `b`: no agent has sent the label `tenant` yet"]);
});

it("says nothing where something was spent, nor while nobody is known", () => {
  const state = { name: "b", settled: 1n, reserved: 0n } as BudgetState;
  expect(said({ tenant: "x" }, [state])).toEqual([]);
  expect(unmatchedBudgets({ budgets: [makeBudget({ scope: { tenant: "x" } })], states: [], known: [] })).toEqual([]);
});
