import { describe, expect, it } from "vitest";
import { applyEvent, TOKENS_MAX } from "../../../../src/budget/rules/apply.ts";
import { decideSweep } from "../../../../src/budget/rules/decide.ts";
import { ENDED_MAX } from "../../../../src/budget/rules/state.ts";
import { makeBudget, usd } from "../make-budget.ts";
import { GRACE_MS, Rig, TTL_MS } from "./rig.ts";

/** A lease of 40 that has reported 10 and was never heard of again. */
function expired(): Rig {
  const rig = new Rig([makeBudget()]);
  rig.acquire({ target: usd(40) });
  rig.acquire({ seq: 2, settled: usd(10), target: usd(40) });
  rig.advance(TTL_MS);
  return rig;
}

describe("a lease that is not renewed", () => {
  it("expires, and counts as spent in full until shown otherwise", () => {
    const rig = expired();
    expect(rig.engine.state.active.size).toBe(0);
    expect(rig.books()).toEqual([10n, 30n]);
    expect(rig.acquire({ seq: 3, target: usd(50) })).toMatchObject({ outcome: "lost" });
  });

  it("lives on with any message, also one out of order", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ seq: 2, target: usd(40) });
    for (let round = 0; round < 5; round += 1) {
      rig.advance(TTL_MS - 1);
      rig.acquire({ seq: 1, need: usd(0), target: usd(40) });
    }
    expect(rig.engine.state.active.size).toBe(1);
  });

  it("settles by its spans, those before its end included, each once", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.observe([{ leaseId: "l1", amounts: usd(15) }], "early");
    expect(rig.books()).toEqual([0n, 40n]);
    rig.advance(TTL_MS);
    expect(rig.books()).toEqual([15n, 25n]);
    rig.observe(
      [
        { leaseId: "l1", amounts: usd(5) },
        { leaseId: "l1", amounts: usd(1) },
      ],
      "late",
    );
    rig.observe([{ leaseId: "l1", amounts: usd(6) }], "late");
    expect(rig.books()).toEqual([21n, 19n]);
  });

  it("takes its own late report, and answers that it is lost", () => {
    const rig = expired();
    expect(rig.acquire({ seq: 3, settled: usd(33) })).toMatchObject({ outcome: "lost" });
    expect(rig.books()).toEqual([33n, 7n]);
  });

  it("comes free with its last report", () => {
    const rig = expired();
    rig.close("l1", 25);
    expect(rig.books()).toEqual([25n, 0n]);
  });

  it("comes free when its grace is over, not before", () => {
    const rig = expired();
    rig.advance(GRACE_MS - 1);
    expect(rig.books()).toEqual([10n, 30n]);
    rig.advance(1);
    expect(rig.books()).toEqual([10n, 0n]);
    expect(rig.acquire({ leaseId: "l2", target: usd(90) })).toMatchObject({ outcome: "granted" });
  });

  it("counts what it reports after that once, and what is doubled not at all", () => {
    const rig = expired();
    rig.advance(GRACE_MS);
    rig.close("l1", 25);
    rig.close("l1", 25);
    rig.acquire({ seq: 3, settled: usd(20) });
    rig.acquire({ seq: 4, settled: usd(26) });
    expect(rig.books()).toEqual([26n, 0n]);
  });

  it("lives on for as long as the ledger was away, and so does its grace", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ leaseId: "dead", target: usd(40) });
    rig.advance(TTL_MS);
    rig.acquire({ target: usd(20) });
    rig.advance(TTL_MS - 5000);
    const shiftMs = 2 * GRACE_MS;
    rig.nowMs += shiftMs;
    applyEvent(rig.engine.state, { event: "resumed", at: rig.nowMs, shiftMs });
    rig.advance(TTL_MS - 1);
    expect(rig.engine.state.active.has("l1")).toBe(true);
    rig.advance(1);
    expect(rig.engine.state.active.has("l1")).toBe(false);
    expect(rig.books()).toEqual([0n, 60n]);
  });
});

describe("news of a lease that is over", () => {
  it("counts when it is a span that shows more than was reported, whenever it comes", () => {
    const rig = expired();
    rig.observe([{ leaseId: "l1", amounts: usd(10) }]);
    rig.advance(GRACE_MS);
    rig.observe([{ leaseId: "l1", amounts: usd(7) }]);
    expect(rig.books()).toEqual([17n, 0n]);
    rig.close("l1", 25);
    rig.observe([{ leaseId: "l1", amounts: usd(8) }]);
    expect(rig.books()).toEqual([25n, 0n]);
  });

  it("counts when its process reported less than its spans show", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.observe([{ leaseId: "l1", amounts: usd(30) }]);
    rig.close("l1", 12);
    expect(rig.books()).toEqual([30n, 0n]);
    rig.observe([{ leaseId: "l1", amounts: usd(5) }]);
    expect(rig.books()).toEqual([35n, 0n]);
  });

  it("counts once when its process was cut off for hours", () => {
    const rig = expired();
    rig.advance(8 * GRACE_MS);
    expect(rig.acquire({ seq: 3, settled: usd(38), target: usd(60) })).toMatchObject({ outcome: "lost" });
    rig.close("l1", 38);
    rig.observe([{ leaseId: "l1", amounts: usd(38) }]);
    expect(rig.books()).toEqual([38n, 0n]);
  });

  it("counts once when the ledger's clock ran ahead meanwhile", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 20);
    rig.nowMs += 4 * GRACE_MS;
    applyEvent(rig.engine.state, { event: "resumed", at: rig.nowMs, shiftMs: 4 * GRACE_MS });
    rig.advance(1000);
    expect(rig.acquire({ seq: 2, settled: usd(20) })).toMatchObject({ outcome: "lost" });
    rig.observe([{ leaseId: "l1", amounts: usd(20) }]);
    expect(rig.books()).toEqual([20n, 0n]);
  });

  it("counts by its spans alone when nothing is known of it but a close", () => {
    const rig = new Rig([makeBudget()]);
    rig.close("l1", 20);
    rig.observe([{ leaseId: "l1", amounts: usd(20) }]);
    expect(rig.books()).toEqual([20n, 0n]);
  });

  it("counts from its own process only", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 20);
    rig.close("l1", 39, "p2");
    rig.acquire({ processId: "p2", seq: 9, settled: usd(39) });
    expect(rig.books()).toEqual([20n, 0n]);
  });
});

describe("a lease that is closed", () => {
  it("settles to its last report and gives back the rest", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 30);
    expect(rig.books()).toEqual([30n, 0n]);
  });

  it("counts a late report once, and its spans not at all", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 30);
    for (const settled of [35, 35, 32]) rig.close("l1", settled);
    rig.observe([{ leaseId: "l1", amounts: usd(35) }]);
    expect(rig.books()).toEqual([35n, 0n]);
  });

  it("can't be closed by another process", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 40, "p2");
    expect(rig.books()).toEqual([0n, 40n]);
  });

  it("before it was opened stays closed: a request that was overtaken sets nothing aside", () => {
    const rig = new Rig([makeBudget()]);
    rig.close("l1", 0);
    expect(rig.acquire({ target: usd(40) })).toMatchObject({ outcome: "lost" });
    expect(rig.books()).toEqual([0n, 0n]);
  });

  it("is forgotten after a time", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(40) });
    rig.close("l1", 0);
    rig.advance(GRACE_MS - 1);
    expect(rig.engine.state.closed.size).toBe(1);
    rig.advance(61_000);
    expect([rig.engine.state.closed.size, rig.engine.state.spends.size]).toEqual([0, 0]);
    expect(rig.last?.events).toEqual([]);
  });

  it("is forgotten early where too many have ended within the grace, the oldest first", () => {
    const rig = new Rig([makeBudget()]);
    const { state } = rig.engine;
    const ended = { labels: {}, processId: "p1", settled: usd(0), observed: usd(0), forgetAtMs: rig.nowMs + GRACE_MS };
    for (let index = 0; index < ENDED_MAX; index += 1) state.closed.set(`l${index}`, { ...ended });
    expect(decideSweep(state, rig.nowMs)).toEqual([]);
    for (const id of ["last", "very last"]) state.closed.set(id, { ...ended });
    for (const event of decideSweep(state, rig.nowMs)) applyEvent(state, event);
    expect(state.closed.size).toBe(ENDED_MAX);
    expect(["l0", "l1", "l2", "very last"].map((id) => state.closed.has(id))).toEqual([false, false, true, true]);
  });
});

describe("spend that no lease covers", () => {
  it("counts at once, past the limit if need be", () => {
    const rig = new Rig([makeBudget()]);
    rig.observe([{ amounts: usd(60) }, { leaseId: "unknown", amounts: usd(70) }]);
    expect(rig.budget()).toMatchObject({ settled: 130n, state: "overrun" });
  });

  it("counts once, however often its block is sent", () => {
    const rig = new Rig([makeBudget()]);
    for (let round = 0; round < 3; round += 1) rig.observe([{ amounts: usd(60) }], "block-1");
    expect(rig.books()).toEqual([60n, 0n]);
  });

  it("is remembered by the last tokens only, so that they don't fill memory", () => {
    const rig = new Rig([makeBudget()]);
    for (let index = 0; index < TOKENS_MAX + 5; index += 1) {
      const event = { event: "observed" as const, at: rig.nowMs, token: `t${index}`, foreign: [], leased: [] };
      applyEvent(rig.engine.state, event);
    }
    const { tokens } = rig.engine.state;
    expect([tokens.size, tokens.has("t4"), tokens.has("t5")]).toEqual([TOKENS_MAX, false, true]);
  });

  it("counts under each budget that its labels fall under, and is written once for each set of labels", () => {
    const rig = new Rig([makeBudget({ name: "each", each: "team" })]);
    const entries = ["a", "a", "b", "A", "a"].map((team, index) => ({
      labels: { team, other: `${index}` },
      amounts: usd(1),
    }));
    rig.observe(entries);
    expect(rig.engine.state.spends.size).toBe(2);
    const foreign = [
      { labels: { team: "a" }, amounts: usd(3) },
      { labels: { team: "b" }, amounts: usd(1) },
      { labels: { team: "A" }, amounts: usd(1) },
    ];
    expect(rig.last?.events).toMatchObject([{ event: "observed", foreign }]);
  });
});
