/**
 * Goal: who follows the changes knows what the ledger shows, without a look at all of it. Method: seeded random work of all kinds over
 * budgets of all kinds of windows; what was told so far, the newest of each instance, must be what a look at everything gives.
 */
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { BudgetState } from "../../../../src/budget/ledger.ts";
import { BudgetChanges } from "../../../../src/budget/rules/changes.ts";
import { applyEvent } from "../../../../src/budget/rules/apply.ts";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import type { LedgerState } from "../../../../src/budget/rules/state.ts";
import { Random } from "../../../support/random.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const SEEDS = 12;
const STEPS = 120;
const MINUTE_MS = 60_000;
const LEASES = ["l1", "l2", "l3"];
const USERS = ["ada", "bob", "eve", "joe"];

const documents = (limit: bigint): readonly Budget[] => [
  makeBudget({ name: "all", limit }),
  makeBudget({ name: "idle", scope: { team: "nobody" }, window: { kind: "calendar", unit: "hour" } }),
  makeBudget({ name: "day", each: "user", eachMax: 2, limit: limit * 2n, window: { kind: "calendar", unit: "day" } }),
  makeBudget({ name: "carried", limit, carryOverPercent: 50, window: { kind: "calendar", unit: "hour" } }),
  makeBudget({ name: "rolling", limit, window: { kind: "rolling", durationMs: 60 * MINUTE_MS } }),
  makeBudget({ name: "session", limit, window: { kind: "run", label: "session" } }),
  makeBudget({ name: "runs", limit: 2n, measure: "concurrent_runs" }),
];

/** What is written of it; where a rolling window begins now everybody can tell. */
function shown({ name, scope, limit, settled, reserved, remaining, state, mode, windowStartMs }: BudgetState): object {
  const isRolling = name === "rolling";
  return {
    name,
    scope,
    limit,
    settled,
    reserved,
    remaining,
    state,
    mode,
    windowStartMs: isRolling ? 0 : windowStartMs,
  };
}

const keyOf = ({ name, scope }: BudgetState): string => JSON.stringify([name, scope]);

it("tells of all that shows something else than before, whatever changed it", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = new Random(seed);
    const rig = new Rig(documents(100n));
    const changes = new BudgetChanges();
    const known = new Map<string, BudgetState>();
    for (let step = 0; step < STEPS; step += 1) {
      work(rig, random);
      expect(unlikeTold({ state: rig.engine.state, nowMs: rig.nowMs }, known, changes)).toEqual([]);
      // Past the time after which it looks for what time has changed.
      rig.advance(MINUTE_MS);
      expect(unlikeTold({ state: rig.engine.state, nowMs: rig.nowMs }, known, changes)).toEqual([]);
    }
    // As a restart finds them.
    known.clear();
    expect(
      unlikeTold({ state: readSnapshot(snapshotLines(rig.engine.state)), nowMs: rig.nowMs }, known, changes),
    ).toEqual([]);
  }
});

function unlikeTold(
  { state: ledger, nowMs }: { readonly state: LedgerState; readonly nowMs: number },
  known: Map<string, BudgetState>,
  changes: BudgetChanges,
): readonly object[] {
  const told = changes.take(ledger, { nowMs, max: 1_000 });
  for (const state of told) known.set(keyOf(state), state);
  return [...eachBudgetState(ledger, nowMs)].flatMap((state) => {
    const last = known.get(keyOf(state));
    const [one, other] = [last && shown(last), shown(state)];
    return isDeepStrictEqual(one, other) ? [] : [{ told: one, shown: other }];
  });
}

function work(rig: Rig, random: Random): void {
  const labels = { team: "a", user: random.pick(USERS), session: random.pick(USERS) };
  const leaseId = random.pick(LEASES);
  switch (random.below(9)) {
    case 0:
    case 1:
      return rig.observe([{ labels, amounts: usd(random.below(30)) }]);
    case 2:
    case 3:
      return void rig.ask({ leaseId, labels, seq: 1, target: usd(random.below(20)), need: usd(1) });
    case 4:
      return rig.close(leaseId, random.below(5));
    case 5:
      return rig.raise({ id: `r${random.below(1_000)}`, budget: "day", forMs: 5 * MINUTE_MS });
    case 6:
      return seed(rig, random);
    case 7:
      return rig.reload(documents(BigInt(random.between(50, 150))));
    default:
      return rig.advance(random.below(40) * 60 * MINUTE_MS);
  }
}

it("tells what was told once more only when it has changed, and of many some at a time", () => {
  const rig = new Rig([makeBudget({ each: "user" })]);
  const changes = new BudgetChanges();
  const take = (max = 100): number => changes.take(rig.engine.state, { nowMs: rig.nowMs, max }).length;
  rig.observe(USERS.map((user) => ({ labels: { user }, amounts: usd(1) })));
  expect([take(3), take(3), take(3)]).toEqual([3, 1, 0]);
  rig.observe([{ labels: { user: "ada" }, amounts: usd(1) }]);
  expect([take(), take()]).toEqual([1, 0]);
});

it("tells of a rolling window that time alone has moved", () => {
  const rig = new Rig([makeBudget({ window: { kind: "rolling", durationMs: 60 * MINUTE_MS } })]);
  const changes = new BudgetChanges();
  const take = (): readonly bigint[] =>
    changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 }).map(({ settled }) => settled);
  rig.observe([{ amounts: usd(7) }]);
  expect(take()).toEqual([7n]);
  rig.nowMs += 61 * MINUTE_MS;
  expect(take()).toEqual([0n]);
});

it("tells once more of one that is forgotten, as its window is over", () => {
  const rig = new Rig([makeBudget({ each: "user", window: { kind: "calendar", unit: "hour" } })]);
  const changes = new BudgetChanges();
  const take = (): readonly bigint[] =>
    changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 }).map(({ settled }) => settled);
  rig.observe([{ labels: { user: "ada" }, amounts: usd(7) }]);
  expect(take()).toEqual([7n]);
  rig.advance(61 * MINUTE_MS);
  expect(rig.engine.state.spends.size).toBe(0);
  expect([take(), take()]).toEqual([[0n], []]);
});

it("tells of nothing that is not in force any more", () => {
  const rig = new Rig([makeBudget({ name: "stays" }), makeBudget({ name: "goes" })]);
  const changes = new BudgetChanges();
  const take = (): readonly string[] =>
    changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 }).map(({ name }) => name);
  rig.observe([{ amounts: usd(7) }]);
  expect(take()).toEqual(["stays", "goes"]);
  rig.reload([makeBudget({ name: "stays" })]);
  expect(take()).toEqual(["stays"]);
});

it("tells of a ledger that was read anew as of one that nobody knows, whose documents are those of before", () => {
  const documents = [makeBudget()];
  const changes = new BudgetChanges();
  for (const rig of [new Rig(documents), new Rig(documents)]) {
    const told = changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 });
    expect(told.map(({ name }) => name)).toEqual(["b"]);
  }
});

it("tells of a rolling window that a message without any amount has moved", () => {
  const rig = new Rig([makeBudget({ window: { kind: "rolling", durationMs: 60 * MINUTE_MS } })]);
  const changes = new BudgetChanges();
  const take = (): readonly bigint[] =>
    changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 }).map(({ settled }) => settled);
  rig.observe([{ amounts: usd(7) }]);
  rig.advance(61 * MINUTE_MS - 1);
  rig.acquire({ target: usd(10) });
  expect(take()).toEqual([7n]);
  // Before it looks for what time has changed; and that look would find nothing more.
  rig.advance(1);
  rig.acquire({ seq: 2, target: usd(10) });
  expect(take()).toEqual([0n]);
});

it("tells of what is held back of a budget whose past brings no spend", () => {
  const rig = new Rig([makeBudget()]);
  const changes = new BudgetChanges();
  const take = (): readonly bigint[] =>
    changes.take(rig.engine.state, { nowMs: rig.nowMs, max: 10 }).map(({ reserved }) => reserved);
  rig.observe([{ amounts: usd(7) }]);
  applyEvent(rig.engine.state, {
    event: "awaiting",
    at: rig.nowMs,
    budgets: ["b"],
    untilMs: rig.nowMs,
    isFresh: false,
  });
  expect(take()).toEqual([0n]);
  const withheld = [{ budget: "b", scope: {}, amount: 5n }];
  rig.seed({ groups: [{ budgets: ["b"], spends: [] }], leases: [], withheld, isLoss: true });
  expect(take()).toEqual([5n]);
});

it("keeps few of those that are forgotten while nobody asks", () => {
  const rig = new Rig([makeBudget({ each: "user", window: { kind: "calendar", unit: "hour" } })]);
  for (let hour = 0; hour < 3; hour += 1) {
    rig.observe(Array.from({ length: 40_000 }, (_, i) => ({ labels: { user: `${hour} ${i}` }, amounts: usd(1) })));
    rig.advance(61 * MINUTE_MS);
  }
  expect(rig.engine.state.spends.size).toBe(0);
  expect(rig.engine.state.changed.size).toBeLessThanOrEqual(100_001);
});

/** A past that comes late, for all that wait for one. */
function seed(rig: Rig, random: Random): void {
  const { state } = rig.engine;
  const budgets = state.budgets.map(({ name }) => name);
  applyEvent(state, { event: "awaiting", at: rig.nowMs, budgets, untilMs: rig.nowMs + MINUTE_MS, isFresh: false });
  const labels = { team: "a", user: random.pick(USERS), session: random.pick(USERS) };
  const spends = [{ labels, atMs: rig.nowMs, gated: usd(random.below(10)), observed: usd(0) }];
  const withheld = [{ budget: "all", scope: {}, amount: BigInt(random.below(9)) }];
  rig.seed({ groups: [{ budgets, spends }], leases: [], withheld, isLoss: true });
}
