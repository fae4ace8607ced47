/** Why the ledger refuses: what the figures of the budget do not show, and who holds what is reserved. */
import { describe, expect, it } from "vitest";
import type { AcquireOutcome, Obstacle } from "../../../../src/budget/ledger.ts";
import { applyEvent } from "../../../../src/budget/rules/apply.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { GRACE_MS, Rig, TTL_MS } from "./rig.ts";

function obstacle(outcome: AcquireOutcome): Obstacle {
  if (outcome.outcome !== "exhausted") throw new Error(`expected a refusal, got ${outcome.outcome}`);
  return outcome.obstacle;
}

function awaiting(): Rig {
  const rig = new Rig([makeBudget({ limit: 100n })]);
  const at = rig.nowMs;
  applyEvent(rig.engine.state, { event: "awaiting", at, budgets: ["b"], untilMs: at + GRACE_MS, isFresh: true });
  return rig;
}

describe("a budget that grants nothing for now", () => {
  it("says that its past is awaited and until when at most, before anything was asked of it too", () => {
    const rig = awaiting();
    const untilMs = rig.nowMs + GRACE_MS;
    expect(rig.budget()).toMatchObject({ past: "awaited", closedUntilMs: untilMs, remaining: 100n });
    expect(obstacle(rig.acquire({ target: usd(1) }))).toMatchObject({ kind: "past_awaited", untilMs, heldBy: 0 });
    expect(rig.budget()).toMatchObject({ closedUntilMs: untilMs });
  });

  it("is open once the wait is over, known or not", () => {
    const rig = awaiting();
    rig.advance(GRACE_MS);
    expect(rig.budget()).toMatchObject({ past: "awaited" });
    expect(rig.budget().closedUntilMs).toBeUndefined();
    expect(obstacle(rig.acquire({ target: usd(101) })).kind).toBeUndefined();
  });

  it("says that the journal was lost, for as long as a lease of before may live", () => {
    const rig = awaiting();
    rig.seed({ groups: [{ budgets: ["b"], spends: [] }], leases: [], withheld: [], isLoss: true });
    const untilMs = rig.nowMs + TTL_MS;
    expect(obstacle(rig.acquire({ target: usd(1) }))).toMatchObject({ kind: "past_lost", untilMs });
  });
});

describe("what is reserved", () => {
  it("is told with the processes that hold it, the silent ones among them, never the one that asks", () => {
    const rig = new Rig([makeBudget({ limit: 100n })]);
    rig.acquire({ leaseId: "l1", processId: "p1", target: usd(20) });
    rig.acquire({ leaseId: "l2", processId: "p2", target: usd(20) });
    rig.advance(TTL_MS);
    rig.acquire({ leaseId: "l3", processId: "p2", target: usd(20) });
    rig.acquire({ leaseId: "l4", processId: "p3", target: usd(30) });
    rig.acquire({ leaseId: "l5", processId: "p4", target: usd(0) });
    const asked = rig.acquire({ leaseId: "l6", processId: "p3", target: usd(50) });
    expect(obstacle(asked)).toEqual({ kind: undefined, untilMs: undefined, heldBy: 2, heldBySilent: 1 });
  });

  it("is looked through to a bound, however many hold some", () => {
    const rig = new Rig([makeBudget({ limit: 1_000n })]);
    for (let index = 0; index < 300; index += 1) {
      rig.acquire({ leaseId: `l${index}`, processId: `p${index}`, target: usd(3) });
    }
    expect(obstacle(rig.acquire({ leaseId: "late", processId: "late", target: usd(200) })).heldBy).toBe(100);
  });

  it("is looked through to a bound, however few of the leases are of others", () => {
    const rig = new Rig([makeBudget({ limit: 2_000n })]);
    for (let index = 0; index < 999; index += 1) rig.acquire({ leaseId: `l${index}`, target: usd(1) });
    rig.acquire({ leaseId: "in", processId: "p2", target: usd(1) });
    rig.acquire({ leaseId: "out", processId: "p3", target: usd(1) });
    expect(obstacle(rig.acquire({ leaseId: "more", target: usd(1_500) })).heldBy).toBe(1);
  });
});

it("the end of the window is told where the figures show the rest", () => {
  const rig = new Rig([makeBudget({ limit: 10n, window: { kind: "calendar", unit: "hour" } })]);
  const untilMs = Date.UTC(2026, 4, 4, 13);
  expect(obstacle(rig.acquire({ target: usd(11) }))).toMatchObject({ kind: undefined, untilMs });
});

it("a value beyond `each_max` is told as such", () => {
  const rig = new Rig([makeBudget({ each: "user", limit: 10n, eachMax: 1 })]);
  rig.acquire({ leaseId: "l1", labels: { user: "ada" }, target: usd(1) });
  expect(rig.budget().isBeyondMax).toBeUndefined();
  expect(obstacle(rig.acquire({ leaseId: "l2", labels: { user: "bob" }, target: usd(1) })).kind).toBe("values");
  const beyond = [...eachBudgetState(rig.engine.state, rig.nowMs)].filter(({ isBeyondMax }) => isBeyondMax);
  expect(beyond).toHaveLength(1);
});

it("what is kept for sessions that have begun is told, where it is that which stands in the way", () => {
  const thresholds = [80, 95].map((atPercent) => ({ atPercent, do: "stop_gracefully" as const }));
  const rig = new Rig([makeBudget({ limit: 100n, thresholds })]);
  const of = (session: string) => ({ team: "a", session });
  rig.acquire({ leaseId: "l1", labels: of("s1"), target: usd(75) });
  const late = (amount: number, leaseId: string) =>
    obstacle(rig.acquire({ leaseId, processId: "p2", labels: of("s2"), target: usd(amount) }));
  expect(late(10, "l2")).toMatchObject({ kind: "finishing", atPercent: 80 });
  // More than is free at all, kept or not.
  expect(late(30, "l3").kind).toBeUndefined();
  // Whatever others hold: as much as may be begun, and more.
  expect([80, 81, 100, 101].map((amount) => late(amount, `l${amount}`).kind)).toEqual([
    undefined,
    "finishing",
    "finishing",
    undefined,
  ]);
});
