import { describe, expect, it } from "vitest";
import { readSnapshot, snapshotLines } from "../../../../src/budget/rules/snapshot.ts";
import { decodeEvent, encodeEvent } from "../../../../src/budget/rules/events.ts";
import { firedThresholds } from "../../../../src/budget/rules/views.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const THRESHOLDS = [
  { atPercent: 50, do: "notify" },
  { atPercent: 90, do: "kill" },
] as const;
const HOUR_MS = 3_600_000;

const fired = (rig: Rig): string[] =>
  firedThresholds(rig.engine.state, rig.nowMs).map(({ key, threshold }) => `${threshold.do} ${key}`);
const crossings = (rig: Rig): string[] => (rig.last?.crossings ?? []).map(({ threshold }) => threshold.do);
const spend = (rig: Rig, amount: number, labels = { team: "a" }): void => {
  rig.observe([{ labels, amounts: usd(amount) }]);
};

it("of a budget that no document has any more fires nothing, also when its raise ends", () => {
  const rig = new Rig([makeBudget({ thresholds: THRESHOLDS }), makeBudget({ name: "other" })]);
  rig.raise({ amount: 100n, forMs: 60_000 });
  spend(rig, 80);
  rig.reload([makeBudget({ name: "other" })]);
  expect(rig.last?.crossings).toEqual([]);
  const before = rig.engine.state.raises.size;
  rig.jump(61_000);
  expect([before, rig.engine.state.raises.size, crossings(rig)]).toEqual([1, 0, []]);
});

describe("a threshold", () => {
  it("fires once when it is crossed, by whatever way the money came", () => {
    const rig = new Rig([makeBudget({ thresholds: THRESHOLDS })]);
    spend(rig, 49);
    expect(crossings(rig)).toEqual([]);
    rig.acquire({ target: usd(10) });
    expect(crossings(rig)).toEqual([]);
    rig.acquire({ seq: 2, settled: usd(1), target: usd(10) });
    expect(crossings(rig)).toEqual(["notify"]);
    spend(rig, 1);
    expect(crossings(rig)).toEqual([]);
    spend(rig, 60);
    expect(crossings(rig)).toEqual(["kill"]);
    rig.close("l1", 1);
    expect(crossings(rig)).toEqual([]);
  });

  it("fires all at once when one report passes several", () => {
    const rig = new Rig([makeBudget({ thresholds: THRESHOLDS })]);
    spend(rig, 1_000);
    expect(crossings(rig)).toEqual(["notify", "kill"]);
    expect(rig.last?.events.filter(({ event }) => event === "threshold")).toHaveLength(2);
  });

  it("fires for each value of `each` by itself, and says which keys are exact", () => {
    const rig = new Rig([makeBudget({ scope: { team: "*" }, each: "user", thresholds: THRESHOLDS })]);
    spend(rig, 60, { team: "a", user: "x,y" } as { team: string });
    expect(rig.last?.crossings).toMatchObject([
      { threshold: { do: "notify" }, budget: { scope: { team: "*", user: "x,y" } }, exactKeys: ["user"] },
    ]);
    spend(rig, 60, { team: "a", user: "z" } as { team: string });
    expect(crossings(rig)).toEqual(["notify"]);
  });

  it("fires anew in the next window", () => {
    const window = { kind: "calendar", unit: "hour" } as const;
    const rig = new Rig([makeBudget({ window, thresholds: THRESHOLDS })]);
    spend(rig, 60);
    expect(fired(rig)).toHaveLength(1);
    rig.advance(HOUR_MS);
    expect(fired(rig)).toEqual([]);
    spend(rig, 60);
    expect(crossings(rig)).toEqual(["notify"]);
  });

  it("of a rolling window fires again once the spend has been below it", () => {
    const window = { kind: "rolling", durationMs: HOUR_MS } as const;
    const rig = new Rig([makeBudget({ window, thresholds: THRESHOLDS })]);
    spend(rig, 60);
    rig.advance(2 * HOUR_MS);
    spend(rig, 10);
    expect(crossings(rig)).toEqual([]);
    spend(rig, 50);
    expect(crossings(rig)).toEqual(["notify"]);
  });

  it("follows the documents: a raised limit disarms it, a lowered one fires it with the next event", () => {
    const rig = new Rig([makeBudget({ thresholds: THRESHOLDS })]);
    spend(rig, 60);
    rig.configure([makeBudget({ limit: 1_000n, thresholds: THRESHOLDS })]);
    expect(fired(rig)).toEqual([]);
    rig.configure([makeBudget({ limit: 61n, thresholds: THRESHOLDS })]);
    rig.advance(60_000);
    expect(fired(rig)).toHaveLength(2);
  });

  it("is in the journal and in snapshots, so that a restart fires nothing twice", () => {
    const rig = new Rig([makeBudget({ thresholds: THRESHOLDS })]);
    spend(rig, 60);
    for (const event of rig.last?.events ?? []) expect(decodeEvent(encodeEvent(event))).toEqual(event);
    const again = readSnapshot(snapshotLines(rig.engine.state));
    expect(firedThresholds(again, rig.nowMs)).toHaveLength(1);
  });

  it("does nothing while its budget is in no document", () => {
    const rig = new Rig([makeBudget({ thresholds: THRESHOLDS })]);
    spend(rig, 40);
    rig.configure([]);
    spend(rig, 60);
    expect([crossings(rig), fired(rig)]).toEqual([[], []]);
  });
});
