import { expect, it } from "vitest";
import { budgetFindings } from "../../../src/config/governance/budget-findings.ts";
import { makeBudget } from "../budget/make-budget.ts";

const findings = (...of: Parameters<typeof makeBudget>[0][]) =>
  budgetFindings(of.map((each, index) => makeBudget({ name: `b${index}`, ...each })));

it("says of a budget that no call can fall under it", () => {
  expect(findings({ scope: { tool: "db_*" } })).toEqual([expect.stringContaining("matches nothing")]);
  expect(findings({ scope: { model: "gpt-4o" }, measure: "tool_calls" })).toEqual([
    expect.stringContaining("matches nothing"),
  ]);
  expect(findings({ scope: { tool: "db_*" }, measure: "tool_calls" })).toEqual([]);
});

it("says of a threshold that it can stop nobody where it stands", () => {
  const kill = [{ atPercent: 90, do: "kill" as const }];
  expect(findings({ scope: { team: "a", model: "gpt-4o" }, thresholds: kill })).toEqual([
    "budget `b0`: threshold `kill` at 90% stops nobody: an agent can't be told by `model`, only its calls can",
  ]);
  expect(findings({ each: "provider", thresholds: kill })).toHaveLength(1);
  expect(findings({ scope: { team: "a" }, each: "session", thresholds: kill })).toEqual([]);
  expect(findings({ mode: "soft", thresholds: [{ atPercent: 90, do: "stop" }] })).toEqual([
    expect.stringContaining("stops nothing in mode `soft`"),
  ]);
});

it("says of a budget that another one is always reached first", () => {
  expect(findings({ limit: 5n, scope: { a: "x", b: "y" } }, { limit: 9n, scope: { b: "y", a: "x" } })).toEqual([
    "budget `b1`: it is never reached, because `b0` has the same scope and window",
  ]);
  expect(findings({ limit: 5n }, { limit: 9n, mode: "soft" })).toEqual([]);
  expect(findings({ limit: 5n }, { limit: 9n, window: { kind: "calendar", unit: "day" } })).toEqual([]);
});

it("says of a fallback that leaves the budget's scope", () => {
  const thresholds = [{ atPercent: 80, do: "downgrade" as const, fallback: { "gpt-4o": "gpt-4o-mini" } }];
  expect(findings({ scope: { model: "gpt-4o" }, thresholds })).toEqual([expect.stringContaining("no longer")]);
});
