import { expect, it } from "vitest";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const USERS = 50;
const each = makeBudget({ name: "each", each: "user", limit: 77_777n, exceptions: { vip: 5n } });

/** Instances of a document in force, and of one that is not any more. */
function spent(): Rig {
  const rig = new Rig([each, makeBudget({ name: "gone", limit: 88_888n })]);
  rig.observe(Array.from({ length: USERS }, (_, user) => ({ labels: { user: `u${user}` }, amounts: usd(user + 1) })));
  rig.ask({ leaseId: "l1", labels: { user: "u1" }, target: usd(5) });
  rig.reload([each]);
  return rig;
}

it("holds a document once, however many instances it has, and all that is told of them", () => {
  const rig = spent();
  const lines = snapshotLines(rig.engine.state, { isCompact: true });
  expect(lines.filter((line) => line.includes("77777"))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("88888"))).toHaveLength(1);
  const restored = readSnapshot(lines);
  expect([...eachBudgetState(restored, rig.nowMs)]).toEqual([...eachBudgetState(rig.engine.state, rig.nowMs)]);
  expect(snapshotLines(restored)).toEqual(snapshotLines(rig.engine.state));
  // One document in memory, too, and one pair of bounds of its window.
  for (const state of [restored, rig.engine.state]) {
    const spends = [...state.spends.values()];
    expect(new Set(spends.map(({ budget }) => budget)).size).toBe(2);
    expect(new Set(spends.map(({ bounds }) => bounds)).size).toBe(1);
  }
});

it("holds them with every instance where those who know no other form may read it", () => {
  const rig = spent();
  const lines = snapshotLines(rig.engine.state);
  expect(lines.filter((line) => line.includes("77777"))).toHaveLength(USERS + 1);
  expect(snapshotLines(readSnapshot(lines))).toEqual(lines);
});

it("is not read where the document of an instance is missing, or its end", () => {
  const lines = snapshotLines(spent().engine.state, { isCompact: true });
  const head = JSON.parse(lines[0] ?? "") as object;
  expect(() => readSnapshot([JSON.stringify({ ...head, budgets: [] }), ...lines.slice(1)])).toThrow(RangeError);
  expect(() => readSnapshot(lines.slice(0, -1))).toThrow(RangeError);
  expect(() => readSnapshot([])).toThrow(RangeError);
});
