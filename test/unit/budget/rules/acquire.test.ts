import { describe, expect, it } from "vitest";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const amounts = (nanoUsd: number, tokens: number, calls: number) => ({
  nanoUsd: BigInt(nanoUsd),
  tokens: BigInt(tokens),
  calls: BigInt(calls),
});

describe("acquiring", () => {
  it("sets money aside and counts what is reported", () => {
    const rig = new Rig([makeBudget()]);
    expect(rig.acquire({ target: usd(30) })).toMatchObject({ outcome: "granted", seq: 1, granted: usd(30) });
    expect(rig.books()).toEqual([0n, 30n]);
    expect(rig.acquire({ seq: 2, settled: usd(12), target: usd(50) })).toMatchObject({ granted: usd(50) });
    expect(rig.books()).toEqual([12n, 38n]);
  });

  it("is one event in the journal, whatever a message does at once", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(30) });
    expect(rig.last?.events).toMatchObject([{ event: "lease", granted: usd(30), opened: { processId: "p1" } }]);
    rig.acquire({ seq: 2, settled: usd(12), target: usd(50), ahead: usd(1) });
    expect(rig.last?.events).toMatchObject([{ event: "lease", settled: usd(12), granted: usd(51) }]);
  });

  it("gives what there is when that is enough to go on, and else nothing", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ leaseId: "other", target: usd(70) });
    expect(rig.acquire({ need: usd(10), target: usd(40) })).toMatchObject({ outcome: "granted", granted: usd(30) });
    const refused = rig.acquire({ leaseId: "l2", need: usd(1), target: usd(40) });
    expect(refused).toMatchObject({ outcome: "exhausted", granted: usd(0), refusedBy: { name: "b", remaining: 0n } });
    expect(rig.books()).toEqual([0n, 100n]);
  });

  it("holds all budgets of a call at once and names the tightest", () => {
    const rig = new Rig([
      makeBudget({ name: "fleet", limit: 100n }),
      makeBudget({ name: "team", scope: { team: "a" }, limit: 20n }),
      makeBudget({ name: "agent", each: "agent", limit: 25n }),
    ]);
    const labels = { team: "a", agent: "x" };
    expect(rig.acquire({ labels, target: usd(21) })).toMatchObject({
      outcome: "exhausted",
      refusedBy: { name: "team" },
    });
    expect(rig.acquire({ seq: 2, labels, target: usd(20) })).toMatchObject({ outcome: "granted" });
    const elsewhere = { team: "b", agent: "x" };
    expect(rig.acquire({ leaseId: "l2", labels: elsewhere, target: usd(6) })).toMatchObject({
      outcome: "exhausted",
      refusedBy: { name: "agent", scope: { agent: "x" } },
    });
    expect(["fleet", "team", "agent"].map((name) => rig.books(name))).toEqual([
      [0n, 20n],
      [0n, 20n],
      [0n, 20n],
    ]);
  });

  it("holds dollars, tokens and calls at once, each by its own budgets", () => {
    const rig = new Rig([
      makeBudget({ name: "usd", limit: 100n }),
      makeBudget({ name: "calls", measure: "calls", limit: 3n }),
    ]);
    const asked = { target: amounts(50, 999_999, 5), need: amounts(10, 1, 4) };
    expect(rig.acquire(asked)).toMatchObject({ outcome: "exhausted", refusedBy: { name: "calls" } });
    const enough = rig.acquire({ seq: 2, ...asked, need: amounts(10, 1, 1) });
    expect(enough).toMatchObject({ outcome: "granted", granted: amounts(50, 999_999, 3) });
  });

  it("is unlimited where no budget looks, and leaves no trace", () => {
    const rig = new Rig([makeBudget({ scope: { team: "b" } })]);
    expect(rig.acquire({})).toMatchObject({ outcome: "unlimited", granted: usd(10), budgets: [] });
    expect(rig.last?.events).toEqual([]);
  });

  it.each(["soft", "observe"] as const)("is never refused by a %s budget, which counts all the same", (mode) => {
    const rig = new Rig([makeBudget({ mode, limit: 5n })]);
    expect(rig.acquire({ target: usd(50) })).toMatchObject({ outcome: "granted", granted: usd(50) });
    rig.close("l1", 40);
    expect(rig.budget()).toMatchObject({ settled: 40n, reserved: 0n, remaining: 0n, state: "overrun" });
  });

  it("gives back what is above the target, but never what is spent", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(80) });
    expect(rig.acquire({ seq: 2, settled: usd(30), target: usd(40) })).toMatchObject({ granted: usd(40) });
    expect(rig.acquire({ seq: 3, settled: usd(35), need: usd(0), target: usd(0) })).toMatchObject({ granted: usd(35) });
    expect(rig.books()).toEqual([35n, 0n]);
  });

  it("adds a share of what remains on top, never more", () => {
    const rig = new Rig([makeBudget({ limit: 1000n })]);
    expect(rig.acquire({ target: usd(200), ahead: usd(500) })).toMatchObject({ granted: usd(300) });
    expect(rig.acquire({ leaseId: "l2", target: usd(100), ahead: usd(5) })).toMatchObject({ granted: usd(105) });
  });

  it("twice is once: a doubled message changes nothing and gets the same answer", () => {
    const rig = new Rig([makeBudget()]);
    const first = rig.acquire({ target: usd(30) });
    expect(rig.acquire({ target: usd(30) })).toEqual(first);
    expect(rig.books()).toEqual([0n, 30n]);
  });

  it("takes from a message out of order only what was spent", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ seq: 5, settled: usd(10), target: usd(40) });
    const stale = rig.acquire({ seq: 4, settled: usd(25), target: usd(90), need: usd(30) });
    expect(stale).toMatchObject({ outcome: "granted", seq: 4, granted: usd(40) });
    expect(rig.books()).toEqual([25n, 15n]);
    rig.acquire({ seq: 3, settled: usd(5), target: usd(5) });
    expect(rig.books()).toEqual([25n, 15n]);
  });

  it("counts a report past the grant in full, and says whose it was", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(30) });
    rig.acquire({ seq: 2, settled: usd(130), target: usd(130) });
    expect(rig.last?.overran).toEqual([{ leaseId: "l1", processId: "p1" }]);
    expect(rig.budget()).toMatchObject({ settled: 130n, reserved: 0n, remaining: 0n, state: "overrun" });
    expect(rig.acquire({ leaseId: "l2", target: usd(1) })).toMatchObject({ outcome: "exhausted" });
  });

  it("is lost for another process, and for a lease that is closed", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(30) });
    expect(rig.acquire({ seq: 2, processId: "p2", settled: usd(29) })).toMatchObject({ outcome: "lost" });
    expect(rig.books()).toEqual([0n, 30n]);
    rig.close("l1", 10);
    expect(rig.acquire({ seq: 2 })).toMatchObject({ outcome: "lost" });
  });

  it("keeps what is set aside when a limit is lowered, and grants no more", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(60) });
    rig.configure([makeBudget({ limit: 50n })]);
    expect(rig.acquire({ seq: 2, target: usd(60) })).toMatchObject({ outcome: "granted", granted: usd(60) });
    expect(rig.acquire({ seq: 3, target: usd(61) })).toMatchObject({ outcome: "exhausted", granted: usd(60) });
    rig.configure([makeBudget({ limit: 70n })]);
    expect(rig.acquire({ seq: 4, target: usd(61) })).toMatchObject({ outcome: "granted", granted: usd(61) });
  });

  it("puts leases that are out under a new budget at once", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(60) });
    rig.configure([makeBudget(), makeBudget({ name: "new", limit: 10n })]);
    expect(rig.books("new")).toEqual([0n, 60n]);
    rig.close("l1", 5);
    expect(rig.books("new")).toEqual([5n, 0n]);
  });
});

describe("a budget's state", () => {
  it("lists the thresholds that are crossed, by what is settled", () => {
    const thresholds = [
      { atPercent: 33.33, do: "notify" as const },
      { atPercent: 80, do: "downgrade" as const, fallback: { a: "b" } },
      { atPercent: 100, do: "stop" as const },
    ];
    const rig = new Rig([makeBudget({ limit: 10_000n, thresholds })]);
    const crossed = (settled: bigint): number[] => {
      rig.observe([{ amounts: usd(settled - rig.budget().settled) }]);
      return rig.budget().crossed.map(({ atPercent }) => atPercent);
    };
    expect(crossed(3332n)).toEqual([]);
    expect(rig.budget().state).toBe("ok");
    expect(crossed(3333n)).toEqual([33.33]);
    expect(rig.budget().state).toBe("warning");
    expect(crossed(8000n)).toEqual([33.33, 80]);
    expect(crossed(10_000n)).toEqual([33.33, 80, 100]);
    expect(rig.budget().state).toBe("exhausted");
    expect(crossed(10_001n)).toEqual([33.33, 80, 100]);
    expect(rig.budget().state).toBe("overrun");
  });
});
