/** What limits would have stopped: recorded calls through the ledger's own rules. */
import { expect, it } from "vitest";
import { parseBudget } from "../../../src/budget/budget-document.ts";
import type { Budget } from "../../../src/budget/budget.ts";
import {
  BudgetReplay,
  type BudgetReplayReport,
  countedFrom,
  type RecordedCall,
} from "../../../src/budget/budget-replay.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 10, 16);
const USD = 1_000_000_000n;

function budgetOf(document: Readonly<Record<string, unknown>>): Budget {
  const reading = parseBudget({ kind: "budget", name: "fleet", window: "day", ...document });
  if (reading.outcome === "refused") throw new Error(JSON.stringify(reading.problems));
  return reading.budget;
}

function call(atMs: number, usd: bigint, more: Partial<RecordedCall> = {}): RecordedCall {
  return {
    atMs,
    labels: { agent: "bot", model: "gpt-4o" },
    amounts: { nanoUsd: usd * USD, tokens: 100n, calls: 1n },
    isUnpriced: false,
    traceId: `t${atMs}`,
    ...more,
  };
}

function replayed(
  documents: readonly Readonly<Record<string, unknown>>[],
  calls: readonly RecordedCall[],
  fromMs = START_MS,
): BudgetReplayReport {
  const replay = new BudgetReplay({ budgets: documents.map(budgetOf), fromMs });
  for (const each of calls) replay.take(each);
  return replay.report();
}

it("stops what a hard limit does not hold, lets smaller calls by, and begins anew with each window", () => {
  const calls = [6n, 3n, 2n, 1n, 1n].map((usd, at) => call(START_MS + at * 1_000, usd));
  const report = replayed([{ limit: "$10.00" }], [...calls, call(START_MS + DAY_MS, 9n)]);
  expect(report).toMatchObject({ calls: 6, stopped: 2 });
  expect(report.rows).toEqual([
    {
      effect: "stopped",
      budget: "fleet",
      instance: "",
      agent: "bot",
      calls: 2,
      amount: 3n * USD,
      first_ms: START_MS + 2_000,
      last_ms: START_MS + 4_000,
      traces: [`t${START_MS + 2_000}`, `t${START_MS + 4_000}`],
    },
  ]);
  expect(report.budgets).toMatchObject([{ calls: 6, most: 10n * USD, limit: 10n * USD, most_ms: START_MS + 3_000 }]);
});

it("says how near a limit that stops nothing came to it", () => {
  const report = replayed([{ limit: "$100.00" }], [call(START_MS, 40n), call(START_MS + 1, 5n)]);
  expect(report).toMatchObject({ stopped: 0, rows: [], budgets: [{ most: 45n * USD }] });
});

it("has a limit for each value, matches scopes, and counts in tokens, calls and calls of tools", () => {
  const other = { labels: { agent: "other", team: "shop" } };
  const tool = { nanoUsd: 0n, tokens: 0n, calls: 0n };
  const kinds = { inputTokens: 0n, outputTokens: 0n, cachedTokens: 0n, reasoningTokens: 0n };
  const toolCall = { ...tool, kinds: { ...kinds, toolCalls: 1n, unpricedCalls: 0n, unpricedTokens: 0n } };
  const report = replayed(
    [
      { limit: "2 calls", each: "agent", scope: { agent: "bot" } },
      { name: "shop", limit: "150 tokens", scope: { team: "shop" } },
      { name: "tools", limit: "1 tool calls" },
    ],
    [
      ...[0, 1, 2].map((at) => call(START_MS + at, 1n)),
      ...[3, 4].map((at) => call(START_MS + at, 1n, other)),
      ...[5, 6].map((at) => call(START_MS + at, 0n, { amounts: toolCall })),
    ],
  );
  expect(report.rows.map(({ budget, instance, calls, amount }) => [budget, instance, calls, amount])).toEqual([
    ["fleet", "bot", 1, 1n],
    ["shop", "", 1, 100n],
    ["tools", "", 1, 1n],
  ]);
});

it("counts what was spent in the window before the time that is reported on, and reports nothing of it", () => {
  const noon = START_MS + DAY_MS / 2;
  const calls = [call(START_MS, 9n), call(START_MS + 1, 9n), call(noon, 2n), call(noon + 1, 1n)];
  const report = replayed([{ limit: "$10.00" }], calls, noon);
  expect(report).toMatchObject({ calls: 2, stopped: 1, rows: [{ calls: 1, amount: 2n * USD }] });
  const zone = budgetOf({ limit: "$1", window: "month", time_zone: "UTC" });
  expect(countedFrom([budgetOf({ limit: "$1" }), zone], noon)).toBe(Date.UTC(2026, 10, 1));
  const rolling = budgetOf({ limit: "$1", window: undefined, rolling: "24h" });
  expect(countedFrom([rolling], noon)).toBe(noon - DAY_MS);
  expect(countedFrom([budgetOf({ limit: "$1", window: "lifetime" })], noon)).toBe(noon);
});

it("tells thresholds that would have asked or downgraded, and limits that only tell", () => {
  const report = replayed(
    [
      { limit: "$10.00", thresholds: [{ at: "50%", do: "downgrade", fallback: { "gpt-4o": "gpt-4o-mini" } }] },
      { name: "ask", limit: "$10.00", thresholds: [{ at: "80%", do: "require_approval" }] },
      { name: "soft", limit: "$7.00", mode: "soft" },
    ],
    [0, 1, 2, 3].map((at) => call(START_MS + at, at === 0 ? 5n : at === 1 ? 3n : 1n)),
  );
  expect(report.stopped).toBe(0);
  expect(report.rows.map(({ effect, budget, calls, amount }) => [effect, budget, calls, amount / USD])).toEqual([
    ["downgraded", "fleet", 3, 5n],
    ["beyond", "soft", 3, 5n],
    ["asked", "ask", 2, 2n],
  ]);
});

it("stops calls that nobody knows the price of under a hard limit on money, as documents say", () => {
  const blind = call(START_MS, 0n, { isUnpriced: true });
  expect(replayed([{ limit: "$10.00" }], [blind])).toMatchObject({ stopped: 1, rows: [{ amount: 0n, calls: 1 }] });
  expect(replayed([{ limit: "$10.00", unknown_price: "allow" }], [blind])).toMatchObject({ stopped: 0 });
  expect(replayed([{ limit: "5 calls" }], [blind])).toMatchObject({ stopped: 0 });
});

it("names budgets that finished calls say nothing of", () => {
  const document = { name: "parallel", limit: "3 concurrent runs", window: "lifetime" };
  expect(replayed([document, { limit: "$1.00" }], [])).toMatchObject({ not_replayed: ["parallel"] });
});

it("forgets windows that are over: values that are gone take nobody's place", () => {
  const user = (at: number): RecordedCall =>
    call(START_MS + at * 60_000, 1n, { labels: { agent: "bot", user: `u${at}` } });
  const document = { limit: "$5.00", each: "user", each_max: 200, window: "minute" };
  const calls = Array.from({ length: 1_000 }, (_, at) => user(at));
  expect(replayed([document], calls)).toMatchObject({ calls: 1_000, stopped: 0 });
  // At one time there are only so many.
  const atOnce = Array.from({ length: 250 }, (_, at) => ({ ...user(at), atMs: START_MS }));
  expect(replayed([document], atOnce)).toMatchObject({ stopped: 50 });
});
