import { expect, test } from "vitest";
import { dollars, judge, type DemoResult } from "../../../src/demo/demo.ts";
import { fleetOf } from "../../../src/demo/fleet.ts";
import { demoJson, demoTable } from "../../../src/demo/report.ts";

const RESULT: DemoResult = {
  limitNanoUsd: 500_000_000n,
  providerNanoUsd: 499_123_457n,
  ledgerNanoUsd: 499_123_457n,
  clickhouseNanoUsd: 499_123_457n,
  overshootNanoUsd: 0n,
  reservedNanoUsd: 0n,
  budgetUsedRatio: 0.998246914,
  calls: 1_780,
  refused: 64,
  failed: [],
  toolDenied: true,
  approvalAsked: true,
  killed: true,
  killAfterMs: 4.2,
  ok: true,
};

test("a run in which all is as promised is judged ok", () => {
  expect(judge({ ...RESULT, callers: 64 })).toEqual(RESULT);
});

test.each<[string, Partial<DemoResult>]>([
  ["the ledger has a nano-dollar less", { ledgerNanoUsd: RESULT.ledgerNanoUsd - 1n }],
  ["ClickHouse has a nano-dollar more", { clickhouseNanoUsd: RESULT.clickhouseNanoUsd + 1n }],
  ["the limit was a nano-dollar lower", { limitNanoUsd: RESULT.providerNanoUsd - 1n }],
  ["a caller ended by something else", { refused: 63 }],
  ["the tool ran", { toolDenied: false }],
  ["nobody was asked", { approvalAsked: false }],
  ["the runaway went on", { killed: false }],
])("a run is not ok when %s", (_what, change) => {
  expect(judge({ ...RESULT, ...change, callers: 64 }).ok).toBe(false);
});

test("what the provider billed above the limit is the overshoot", () => {
  expect(judge({ ...RESULT, limitNanoUsd: 499_123_450n, callers: 64 }).overshootNanoUsd).toBe(7n);
});

test("the table has each count in dollars to the nano-dollar and says that they agree", () => {
  const table = demoTable(RESULT);
  expect(table).toMatch(/provider's own count +\$0\.499123457/);
  expect(table).toMatch(/share of the budget used +99\.82 %/);
  expect(table).toContain("agree to the nano-dollar");
});

test("a run that failed names what stopped its callers, and does not claim to agree", () => {
  const table = demoTable({
    ...RESULT,
    ok: false,
    failed: ["chat-esm: gate_unavailable", "chat-esm: gate_unavailable"],
  });
  expect(table).toContain("unexpected: chat-esm: gate_unavailable\n");
  expect(table).not.toContain("agree");
});

test("the JSON document carries the counts as integers", () => {
  expect(JSON.parse(JSON.stringify(demoJson(RESULT)))).toEqual({
    limit_nano_usd: 500_000_000,
    provider_nano_usd: 499_123_457,
    ledger_nano_usd: 499_123_457,
    clickhouse_nano_usd: 499_123_457,
    overshoot_nano_usd: 0,
    reserved_nano_usd: 0,
    budget_used_ratio: 0.998246914,
    calls: 1_780,
    refused: 64,
    failed: [],
    tool_denied: true,
    approval_asked: true,
    killed: true,
    kill_after_ms: 4.2,
    ok: true,
  });
});

test("amounts below a dollar keep their leading zeros", () => {
  expect(dollars(7n)).toBe("0.000000007");
  expect(dollars(12_000_000_001n)).toBe("12.000000001");
});

test("a fleet of any size has agents of both module systems and names of their own", () => {
  const fleet = fleetOf(20, 3);
  expect(new Set(fleet.map((agent) => agent.name)).size).toBe(20);
  const modules = fleetOf(8).map((agent) => agent.module);
  expect(modules.filter((module) => module === "mjs")).toHaveLength(4);
  expect(modules.filter((module) => module === "cjs")).toHaveLength(4);
});
