import { expect, it } from "vitest";
import { agentPattern } from "../../../src/api/span-filter.ts";

it.each([
  ["shop", "shop"],
  ["db-*", "db-%"],
  ["s?p", "s_p"],
  ["100%", String.raw`100\%`],
  ["a_b", String.raw`a\_b`],
  [String.raw`a\*`, String.raw`a\\%`],
])("the glob %s is the pattern %s: what LIKE takes for a wildcard and a glob does not, is none", (glob, pattern) => {
  expect(agentPattern(glob)).toBe(pattern);
});
