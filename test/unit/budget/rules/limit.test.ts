/** What L is at a moment: exceptions, what windows leave over, raises; and how far a lease may grow under thresholds. */
import { describe, expect, it } from "vitest";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { eachBudgetState } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

/** As a restart would find it. */
function reread(rig: Rig) {
  return [...eachBudgetState(readSnapshot(snapshotLines(rig.engine.state)), rig.nowMs)];
}

describe("each", () => {
  const perUser = makeBudget({ each: "user", limit: 10n, exceptions: { vip: 100n }, eachMax: 2 });

  it("a named exception has its own limit, whatever its case", () => {
    const rig = new Rig([perUser]);
    expect(rig.acquire({ leaseId: "l1", labels: { user: "VIP" }, target: usd(100) }).outcome).toBe("granted");
    expect(rig.acquire({ leaseId: "l2", labels: { user: "bob" }, target: usd(11) })).toMatchObject({
      outcome: "exhausted",
      refusedBy: { scope: { user: "bob" }, limit: 10n },
    });
  });

  it("values beyond each_max are refused by name, what they spent is counted, and named ones always have a place", () => {
    const rig = new Rig([perUser]);
    for (const user of ["a", "b"]) rig.acquire({ leaseId: user, labels: { user }, target: usd(5) });
    expect(rig.acquire({ leaseId: "c", labels: { user: "c" }, target: usd(1) })).toMatchObject({
      outcome: "exhausted",
      refusedBy: { name: "b", scope: { user: "(beyond 2 values)" } },
    });
    rig.observe([{ labels: { user: "d" }, amounts: usd(3) }]);
    const beyond = [...eachBudgetState(rig.engine.state, rig.nowMs)].find(({ scope }) =>
      scope["user"]?.startsWith("("),
    );
    expect(beyond?.settled).toBe(3n);
    expect(rig.acquire({ leaseId: "v", labels: { user: "vip" }, target: usd(50) }).outcome).toBe("granted");
    expect(rig.acquire({ leaseId: "a", seq: 2, labels: { user: "a" }, target: usd(9) }).outcome).toBe("granted");
  });

  it("a place comes free when a value is forgotten", () => {
    const rig = new Rig([perUser]);
    for (const user of ["a", "b"]) rig.acquire({ leaseId: user, labels: { user }, target: usd(5) });
    rig.close("a", 0);
    rig.advance(2 * 60_000);
    expect(rig.acquire({ leaseId: "c", labels: { user: "c" }, target: usd(1) }).outcome).toBe("granted");
  });
});

describe("carry-over", () => {
  const daily = (carryOverPercent: number) =>
    makeBudget({ limit: 100n, window: { kind: "calendar", unit: "day" }, carryOverPercent });

  it("gives the next window its share of what was left, and that window's own rest after it", () => {
    const rig = new Rig([daily(20)]);
    rig.observe([{ amounts: usd(60) }]);
    rig.advance(DAY_MS);
    expect(rig.budget()).toMatchObject({ limit: 108n, carried: 8n, settled: 0n });
    rig.observe([{ amounts: usd(108) }]);
    rig.advance(DAY_MS);
    expect(rig.budget().limit).toBe(100n);
    expect(rig.budget().carried).toBeUndefined();
  });

  it("never grows past twice the limit, however long it lies idle", () => {
    const rig = new Rig([daily(100)]);
    rig.observe([{ amounts: usd(30) }]);
    rig.advance(DAY_MS);
    expect(rig.budget().limit).toBe(170n);
    rig.jump(3 * DAY_MS);
    expect(rig.budget().limit).toBe(200n);
    expect(rig.acquire({ target: usd(200) }).outcome).toBe("granted");
  });

  it("is the same whether windows turn one by one or at once, and after a restart", () => {
    const steps = [new Rig([daily(50)]), new Rig([daily(50)])] as const;
    for (const rig of steps) rig.observe([{ amounts: usd(37) }]);
    for (let day = 0; day < 5; day++) steps[0].jump(DAY_MS);
    steps[1].jump(5 * DAY_MS);
    expect(steps[0].budget().limit).toBe(steps[1].budget().limit);
    expect(reread(steps[0])[0]?.limit).toBe(steps[0].budget().limit);
  });

  it("an overrun window leaves nothing", () => {
    const rig = new Rig([daily(100)]);
    rig.observe([{ amounts: usd(150) }]);
    rig.advance(DAY_MS);
    expect(rig.budget().limit).toBe(100n);
  });

  it("follows the zone over a change to daylight saving", () => {
    const berlin = { ...daily(100), timeZone: "Europe/Berlin" };
    const rig = new Rig([berlin], Date.UTC(2026, 2, 28, 23, 30));
    rig.observe([{ amounts: usd(40) }]);
    // 29 March has 23 hours: it ends at 22:00 UTC.
    rig.advance(22 * HOUR_MS + 29 * 60_000);
    expect(rig.budget().limit).toBe(100n);
    rig.advance(60_000);
    expect(rig.budget()).toMatchObject({ limit: 160n, settled: 0n });
  });
});

describe("raises", () => {
  it("lets a waiting call go on, and ends by itself", () => {
    const rig = new Rig([makeBudget({ limit: 100n })]);
    rig.acquire({ leaseId: "l1", target: usd(100) });
    const ticket = rig.ask({ leaseId: "l2", processId: "p2", target: usd(40), waitMs: 10_000 });
    rig.raise({ amount: 50n, forMs: 20_000 });
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted" });
    expect(rig.budget()).toMatchObject({ limit: 150n, raises: [{ author: "ada", reason: "month end", amount: 50n }] });
    expect(reread(rig)[0]?.limit).toBe(150n);
    rig.advance(20_000);
    expect(rig.last?.events).toEqual([]);
    expect(rig.budget()).toMatchObject({ limit: 100n });
    expect(rig.budget().raises).toBeUndefined();
    expect(rig.engine.state.raises.size).toBe(0);
    expect(rig.acquire({ leaseId: "l3", processId: "p3", target: usd(1) }).outcome).toBe("exhausted");
  });

  it("asked for twice is given once, and may be for one value of each only", () => {
    const rig = new Rig([makeBudget({ limit: 100n, each: "team" })]);
    rig.observe([
      { labels: { team: "a" }, amounts: usd(1) },
      { labels: { team: "B" }, amounts: usd(1) },
    ]);
    rig.raise({ each: "b" });
    rig.raise({ each: "b" });
    expect([...eachBudgetState(rig.engine.state, rig.nowMs)].map(({ limit }) => limit)).toEqual([100n, 150n]);
  });

  it("makes a threshold fire again when it is crossed anew", () => {
    const rig = new Rig([makeBudget({ limit: 100n, thresholds: [{ atPercent: 80, do: "pause" }] })]);
    rig.observe([{ amounts: usd(80) }]);
    expect(rig.last?.crossings).toHaveLength(1);
    rig.raise({ amount: 100n, forMs: 50_000 });
    expect(rig.budget().crossed).toEqual([]);
    rig.advance(50_000);
    expect(rig.budget().crossed).toHaveLength(1);
    rig.observe([{ amounts: usd(1) }]);
    expect(rig.engine.state.spends.get('["b",null,null]')?.fired.has(80)).toBe(true);
  });
});

describe("thresholds that keep money back", () => {
  it("stop grants nothing new once it is crossed, and takes nothing back", () => {
    const rig = new Rig([makeBudget({ limit: 100n, thresholds: [{ atPercent: 50, do: "stop" }] })]);
    rig.acquire({ leaseId: "l1", target: usd(60) });
    rig.acquire({ leaseId: "l1", seq: 2, settled: usd(50), target: usd(60) });
    expect(rig.books()).toEqual([50n, 10n]);
    expect(rig.acquire({ leaseId: "l2", processId: "p2", target: usd(1) })).toMatchObject({
      outcome: "exhausted",
      refusedBy: { name: "b" },
    });
  });

  it("stop_gracefully refuses new runs at the threshold and lets those that have begun finish with what is kept", () => {
    const thresholds = [{ atPercent: 80, do: "stop_gracefully" as const, finalisation: 15n }];
    const rig = new Rig([makeBudget({ limit: 100n, thresholds })]);
    const labels = { team: "a", session: "s1" };
    rig.acquire({ leaseId: "l1", labels, target: usd(80) });
    expect(rig.acquire({ leaseId: "l2", labels: { team: "a", session: "s2" }, target: usd(1) }).outcome).toBe(
      "exhausted",
    );
    expect(rig.acquire({ leaseId: "l3", labels: { ...labels, model: "m" }, target: usd(5) }).outcome).toBe("granted");
    expect(rig.acquire({ leaseId: "l1", seq: 2, labels, settled: usd(80), target: usd(90) }).outcome).toBe("granted");
    expect(rig.acquire({ leaseId: "l1", seq: 3, labels, settled: usd(80), target: usd(91) }).outcome).toBe("exhausted");
    expect(rig.books()).toEqual([80n, 15n]);
  });
});
