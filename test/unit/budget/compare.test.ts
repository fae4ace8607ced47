import { expect, it } from "vitest";
import { compareSpend, instanceKey, sumByInstance, type SpendRow } from "../../../src/budget/compare.ts";
import { makeBudget, usd } from "./make-budget.ts";

const at = (settled: bigint, observed = 0n) => ({ settled, observed, windowStartMs: 0 });
const row = (of: Partial<SpendRow>): SpendRow => ({
  labels: { team: "a" },
  leased: true,
  least: usd(0),
  most: usd(0),
  repricedNanoUsd: 0n,
  ...of,
});
const sum = (...rows: readonly SpendRow[]) =>
  sumByInstance([makeBudget()], rows).get(instanceKey({ name: "b", scope: {} }));

it("takes what is in flight for no difference", () => {
  // 3 were reported after the minute, 2 of them are of calls before it.
  const compared = compareSpend(sum(row({ least: usd(12), most: usd(13) })), { at: at(10n), later: at(13n) });
  expect(compared).toMatchObject({ difference: 0n, reason: "none" });
});

it("calls spend that no span shows lost spans", () => {
  const compared = compareSpend(sum(row({ least: usd(7), most: usd(8) })), { at: at(10n), later: at(10n) });
  expect(compared).toMatchObject({ ledger: 10n, clickhouse: 8n, difference: 2n, reason: "lost_spans" });
  expect(compareSpend(undefined, { at: at(10n), later: at(10n) }).difference).toBe(10n);
});

it("tells unreported spend of leases from spans without a lease that were not counted", () => {
  const leased = row({ least: usd(12), most: usd(12) });
  const foreign = row({ leased: false, least: usd(12), most: usd(12) });
  const samples = { at: at(10n), later: at(10n) };
  expect(compareSpend(sum(leased), samples)).toMatchObject({ difference: -2n, reason: "unreported_spend" });
  expect(compareSpend(sum(foreign), samples)).toMatchObject({ difference: -2n, reason: "foreign_spans" });
});

it("adds up by the values that a budget splits by, and keeps what was priced otherwise apart", () => {
  const budgets = [
    makeBudget({ each: "agent" }),
    makeBudget({ name: "calls", measure: "calls", scope: { team: "a*" } }),
  ];
  const rows = [
    row({ labels: { team: "a", agent: "One" }, most: { nanoUsd: 5n, tokens: 9n, calls: 1n }, repricedNanoUsd: -2n }),
    row({ labels: { team: "ab", agent: "one" }, most: { nanoUsd: 6n, tokens: 9n, calls: 1n } }),
    row({ labels: { team: "b" }, most: { nanoUsd: 7n, tokens: 9n, calls: 1n } }),
  ];
  const sums = sumByInstance(budgets, rows);
  expect(sums.get(instanceKey({ name: "b", scope: { agent: "one" } }))).toMatchObject({ most: 11n, repriced: -2n });
  expect(sums.get(instanceKey({ name: "b", scope: { agent: "" } }))).toMatchObject({ most: 7n });
  expect(sums.get(instanceKey({ name: "calls", scope: { team: "a*" } }))).toMatchObject({ most: 2n });
});
