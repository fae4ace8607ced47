import { describe, expect, it } from "vitest";
import type { Budget } from "../../../../src/budget/budget.ts";
import type { LedgerPast, PastSpend } from "../../../../src/budget/past.ts";
import { applyEvent } from "../../../../src/budget/rules/apply.ts";
import { decodeEvent, encodeEvent } from "../../../../src/budget/rules/events.ts";
import { pastWanted, unknownPasts } from "../../../../src/budget/rules/past.ts";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { GRACE_MS, Rig, TTL_MS } from "./rig.ts";

const HOUR_MS = 3_600_000;

/** A ledger that lost its journal, or is new: every budget waits for its past. */
function fresh(budgets: readonly Budget[]): Rig {
  const rig = new Rig(budgets);
  const names = budgets.map(({ name }) => name);
  const { state } = rig.engine;
  applyEvent(state, { event: "awaiting", at: rig.nowMs, budgets: names, untilMs: rig.nowMs + GRACE_MS, isFresh: true });
  return rig;
}

interface Told extends Omit<Partial<LedgerPast>, "groups"> {
  readonly budgets?: readonly string[];
  readonly spends?: readonly PastSpend[];
}

function past({ budgets = ["b"], spends = [], ...of }: Told): LedgerPast {
  return { groups: [{ budgets, spends }], leases: [], withheld: [], isLoss: true, ...of };
}

function spent(rig: Rig, of: Partial<PastSpend>): PastSpend {
  return { labels: { team: "a" }, atMs: rig.nowMs - 60_000, gated: usd(0), observed: usd(0), ...of };
}

describe("a budget whose past is not known", () => {
  it("knows all that there is to know where it counts what runs now", () => {
    const { engine, nowMs } = new Rig([
      makeBudget({ name: "runs", measure: "concurrent_runs" }),
      makeBudget({ name: "b" }),
    ]);
    expect([...eachBudgetState(engine.state, nowMs)].map(({ past: known }) => known)).toEqual(["counted", "unknown"]);
  });

  it("grants nothing before it is, and then only what is left", () => {
    const rig = fresh([makeBudget({ limit: 100n })]);
    expect(rig.acquire({ target: usd(1) }).outcome).toBe("exhausted");
    const asked = rig.ask({ leaseId: "l2", target: usd(30), waitMs: 5_000 });
    rig.seed(past({ spends: [spent(rig, { gated: usd(60), observed: usd(20) })], isLoss: false }));
    expect(rig.answers.get(asked)).toMatchObject({ outcome: "exhausted" });
    expect(rig.budget()).toMatchObject({ settled: 80n, observed: 20n, past: "counted" });
    expect(rig.acquire({ leaseId: "l3", target: usd(20) }).outcome).toBe("granted");
  });

  it("counts from now on when nobody tells it within the grace", () => {
    const rig = fresh([makeBudget()]);
    rig.advance(GRACE_MS - 1);
    expect(rig.acquire({ target: usd(1) }).outcome).toBe("exhausted");
    rig.advance(1);
    expect(rig.acquire({ leaseId: "l2", target: usd(1) }).outcome).toBe("granted");
    expect(rig.budget().past).toBe("awaited");
  });

  it("takes its past once", () => {
    const rig = fresh([makeBudget()]);
    const told = past({ spends: [spent(rig, { gated: usd(6) })] });
    rig.seed(told);
    rig.seed(told);
    expect(rig.budget().settled).toBe(6n);
    expect(pastWanted(rig.engine.state, rig.nowMs)).toBeUndefined();
  });

  it("counts once what was counted before the wait began, and on top what came while it lasted", () => {
    const rig = new Rig([makeBudget()]);
    rig.observe([{ amounts: usd(5) }]);
    const { state } = rig.engine;
    const at = rig.nowMs;
    applyEvent(state, { event: "awaiting", at, budgets: ["b"], untilMs: at + GRACE_MS, isFresh: false });
    rig.observe([{ amounts: usd(2) }]);
    rig.seed(past({ spends: [spent(rig, { observed: usd(8) })] }));
    expect(rig.budget()).toMatchObject({ settled: 10n });
  });

  it("holds back by the documents that are in force by then", () => {
    const rig = fresh([makeBudget()]);
    rig.seed(past({ withheld: [{ budget: "b", scope: {}, amount: 3n }] }));
    rig.reload([makeBudget(), makeBudget({ name: "late" })]);
    const { state } = rig.engine;
    const at = rig.nowMs;
    applyEvent(state, { event: "awaiting", at, budgets: ["late"], untilMs: at + GRACE_MS, isFresh: false });
    rig.seed(past({ budgets: ["late"], withheld: [{ budget: "late", scope: {}, amount: 5n }] }));
    expect([rig.budget("b").reserved, rig.budget("late").reserved]).toEqual([3n, 5n]);
  });

  it("leaves out what lies before its window, and puts the rest of a rolling one where it belongs", () => {
    const rolling = makeBudget({ name: "r", window: { kind: "rolling", durationMs: HOUR_MS } });
    const rig = fresh([makeBudget({ window: { kind: "calendar", unit: "day" } }), rolling]);
    rig.observe([{ amounts: usd(1) }]);
    const at = (ms: number): PastSpend => spent(rig, { atMs: rig.nowMs - ms, observed: usd(10) });
    rig.seed(past({ budgets: ["b", "r"], spends: [at(13 * HOUR_MS), at(2 * HOUR_MS), at(HOUR_MS / 2), at(60_000)] }));
    expect(rig.budget("b").settled).toBe(31n);
    expect(rig.budget("r").settled).toBe(21n);
    rig.advance(HOUR_MS / 2 + HOUR_MS / 30);
    expect(rig.budget("r")).toMatchObject({ settled: 11n, observed: 11n });
  });
});

describe("after the loss of the journal", () => {
  it("grants nothing for as long as a forgotten lease can live, and keeps aside what they may hold", () => {
    const rig = fresh([makeBudget({ limit: 100n })]);
    rig.seed(past({ spends: [spent(rig, { gated: usd(50) })], withheld: [{ budget: "b", scope: {}, amount: 30n }] }));
    expect(rig.budget()).toMatchObject({ settled: 50n, reserved: 30n, remaining: 20n });
    rig.advance(TTL_MS - 1);
    expect(rig.acquire({ target: usd(1) }).outcome).toBe("exhausted");
    rig.advance(1);
    expect(rig.acquire({ leaseId: "l2", target: usd(21) }).outcome).toBe("exhausted");
    expect(rig.acquire({ leaseId: "l3", target: usd(20) }).outcome).toBe("granted");
    rig.advance(GRACE_MS);
    expect(rig.acquire({ leaseId: "l4", target: usd(20) }).outcome).toBe("granted");
  });

  it("counts of a lease that it has forgotten only what its spans had not shown", () => {
    const rig = fresh([makeBudget({ limit: 100n })]);
    const leases = [{ id: "old", labels: { team: "a" }, settled: usd(50) }];
    rig.seed(past({ spends: [spent(rig, { gated: usd(50) })], leases }));
    expect(rig.acquire({ leaseId: "old", processId: "p7", settled: usd(53), target: usd(60) }).outcome).toBe("lost");
    rig.observe([{ leaseId: "old", amounts: usd(3) }]);
    expect(rig.budget().settled).toBe(53n);
    rig.observe([{ leaseId: "old", amounts: usd(4) }]);
    expect(rig.budget().settled).toBe(57n);
    rig.close("old", 57, "p7");
    expect(rig.budget().settled).toBe(57n);
  });
});

it("asks for the past of a budget that is new, or now counts something else, and of no other", () => {
  const rig = new Rig([makeBudget({ name: "old" }), makeBudget({ name: "other" })]);
  const budgets = [
    makeBudget({ name: "old", limit: 7n }),
    makeBudget({ name: "renamed", renamedFrom: "other" }),
    makeBudget({ name: "new" }),
  ];
  expect(unknownPasts(rig.engine.state, budgets)).toEqual(["new"]);
  expect(unknownPasts(rig.engine.state, [makeBudget({ name: "old", measure: "calls" })])).toEqual(["old"]);
  // Of kinds nobody knows a past, so a new one does not begin with all tokens of the window; runs have none.
  const kinds = [makeBudget({ name: "kind", measure: "cached_tokens" }), makeBudget({ measure: "concurrent_runs" })];
  expect(unknownPasts(rig.engine.state, kinds)).toEqual([]);
});

it("is the same after a snapshot and after a replay", () => {
  const rig = fresh([makeBudget({ each: "team", window: { kind: "rolling", durationMs: HOUR_MS } })]);
  const waiting = readSnapshot(snapshotLines(rig.engine.state));
  expect(pastWanted(waiting, rig.nowMs)).toEqual(pastWanted(rig.engine.state, rig.nowMs));
  rig.seed(
    past({
      spends: [spent(rig, { gated: usd(5), observed: usd(2) })],
      leases: [{ id: "old", labels: { team: "a" }, settled: usd(5) }],
      withheld: [{ budget: "b", scope: { team: "a" }, amount: 4n }],
    }),
  );
  const event = rig.last?.events.find(({ event: kind }) => kind === "seeded");
  if (event === undefined) throw new Error("nothing was written");
  applyEvent(waiting, decodeEvent(encodeEvent(event)));
  const restored = readSnapshot(snapshotLines(rig.engine.state));
  const shown = [...eachBudgetState(rig.engine.state, rig.nowMs)];
  expect(shown).toMatchObject([{ settled: 7n, observed: 2n, reserved: 4n }]);
  expect([...eachBudgetState(waiting, rig.nowMs)]).toEqual(shown);
  expect([...eachBudgetState(restored, rig.nowMs)]).toEqual(shown);
});
