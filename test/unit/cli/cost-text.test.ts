import { expect, it } from "vitest";
import { costText, spanCost } from "../../../src/cli/cost-text.ts";

it.each([
  ["0.120000000", 0, "$0.120000000"],
  ["0.120000000", 1, "$0.120000000 + 1 unpriced"],
  ["0.000000000", 2, "2 unpriced"],
  ["0.000000000", 0, "-"],
  ["10.000000000", 0, "$10.000000000"],
])("says of $%s and %d calls without a price: %s", (usd, unpriced, text) => {
  expect(costText(usd, unpriced)).toBe(text);
});

it.each([
  ["0.000000001", "exact", "$0.000000001"],
  ["0.000000000", "unpriced", "unpriced"],
  ["0.000000000", "missing", "missing"],
  ["0.000000000", "exact", ""],
  ["0.000000000", "", ""],
])("says of one span of $%s that is %j: %j", (usd, status, text) => {
  expect(spanCost({ cost_usd: usd, cost_status: status })).toBe(text);
});
