import { expect, it } from "vitest";
import { counted } from "../../../src/support/counted.ts";

it("says one of one thing, and many of none and of more", () => {
  expect([0, 1, 2].map((number) => counted(number, "budget"))).toEqual(["0 budgets", "1 budget", "2 budgets"]);
  expect([1, 2].map((number) => counted(number, "policy", "policies"))).toEqual(["1 policy", "2 policies"]);
});
