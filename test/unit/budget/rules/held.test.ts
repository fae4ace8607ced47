import { describe, expect, it } from "vitest";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const WAIT_MS = 2_000;

describe("an acquire that waits and says what it holds meanwhile", () => {
  it("gives the rest back at once, so that two who wait for each other's idle money get on", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ processId: "p1", leaseId: "l1", target: usd(50) });
    rig.acquire({ processId: "p2", leaseId: "l2", target: usd(50) });
    // Both have settled 10 and want 60 more, with nothing in flight: neither has it, and together they do.
    const wish = { settled: usd(10), held: usd(10), need: usd(20), target: usd(70), waitMs: WAIT_MS, seq: 2 };
    const first = rig.ask({ processId: "p1", leaseId: "l1", ...wish });
    expect(rig.answers.has(first)).toBe(false);
    const second = rig.ask({ processId: "p2", leaseId: "l2", ...wish });
    expect(rig.answers.get(first)).toMatchObject({ outcome: "granted", granted: usd(70) });
    expect(rig.answers.has(second)).toBe(false);
    expect(rig.engine.waiting).toBe(1);
  });

  it("keeps its place and its old request is answered when a newer message reports more", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ processId: "p2", leaseId: "l2", target: usd(80) });
    const wish = { need: usd(50), target: usd(50), held: usd(0), waitMs: WAIT_MS };
    const old = rig.ask({ leaseId: "l1", seq: 1, ...wish });
    const behind = rig.ask({ processId: "p3", leaseId: "l3", ...wish });
    const newer = rig.ask({ leaseId: "l1", seq: 2, ...wish });
    expect(rig.answers.get(old)).toMatchObject({ outcome: "exhausted" });
    rig.acquire({ processId: "p2", leaseId: "l2", seq: 2, target: usd(50), need: usd(0) });
    expect(rig.answers.get(newer)).toMatchObject({ outcome: "granted", granted: usd(50) });
    expect(rig.answers.has(behind)).toBe(false);
  });

  it("never gives back what it has settled", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ leaseId: "l1", target: usd(50) });
    const outcome = rig.acquire({
      leaseId: "l1",
      seq: 2,
      settled: usd(40),
      held: usd(5),
      need: usd(0),
      target: usd(0),
    });
    expect(outcome).toMatchObject({ granted: usd(40) });
  });
});
