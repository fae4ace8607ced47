import { describe, expect, it } from "vitest";
import { makeBudget, usd } from "../make-budget.ts";
import { Rig, TTL_MS } from "./rig.ts";

const WAIT_MS = 2000;

/** Lease `holder` of process `p2` holds 80 of 100; `l1` wants 50 and waits. */
function contended(): { rig: Rig; ticket: number } {
  const rig = new Rig([makeBudget()]);
  rig.acquire({ processId: "p2", leaseId: "holder", target: usd(80) });
  return { rig, ticket: rig.ask({ target: usd(50), need: usd(10), waitMs: WAIT_MS }) };
}

function giveBack(rig: Rig, to: number, seq = 2): void {
  rig.acquire({ processId: "p2", leaseId: "holder", seq, settled: usd(0), need: usd(0), target: usd(to) });
}

describe("an acquire that finds the money in other hands", () => {
  it("asks them for it", () => {
    const { rig } = contended();
    expect(rig.last?.recalls).toEqual(new Map([["p2", ["holder"]]]));
    expect(rig.engine.waiting).toBe(1);
  });

  it("asks again while it waits, but not all the time", () => {
    const { rig } = contended();
    let recalls = 0;
    for (let ms = 0; ms < 1000; ms += 10) {
      rig.advance(10);
      recalls += rig.last?.recalls.size ?? 0;
    }
    expect(recalls).toBe(5);
  });

  it("is granted as soon as its target fits", () => {
    const { rig, ticket } = contended();
    giveBack(rig, 60);
    expect(rig.answers.has(ticket)).toBe(false);
    giveBack(rig, 50, 3);
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted", granted: usd(50) });
    expect(rig.engine.waiting).toBe(0);
  });

  it("gets what there is at its deadline, if that is enough to go on", () => {
    const { rig, ticket } = contended();
    rig.advance(WAIT_MS - 1);
    expect(rig.answers.has(ticket)).toBe(false);
    rig.advance(1);
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted", granted: usd(20) });
  });

  it("is refused at its deadline if not", () => {
    const { rig } = contended();
    const ticket = rig.ask({ leaseId: "l2", target: usd(50), need: usd(45), waitMs: 500 });
    rig.advance(500);
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "exhausted", refusedBy: { name: "b" } });
  });

  it("gets what there is as soon as nothing more can come free", () => {
    const { rig, ticket } = contended();
    rig.acquire({ processId: "p2", leaseId: "holder", seq: 2, settled: usd(80), target: usd(80), need: usd(0) });
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted", granted: usd(20) });
  });

  it("is refused at once when even all of that would not do", () => {
    const rig = new Rig([makeBudget()]);
    rig.observe([{ amounts: usd(30) }]);
    rig.acquire({ processId: "p2", leaseId: "holder", target: usd(60) });
    expect(rig.acquire({ target: usd(71), waitMs: WAIT_MS })).toMatchObject({ outcome: "exhausted" });
  });

  it("doesn't wait for its own money", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(80) });
    expect(rig.acquire({ seq: 2, target: usd(120), waitMs: WAIT_MS })).toMatchObject({ outcome: "exhausted" });
  });

  it("doesn't wait for what an expired lease holds", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ processId: "p2", leaseId: "holder", target: usd(80) });
    rig.advance(TTL_MS);
    expect(rig.acquire({ target: usd(50), waitMs: WAIT_MS })).toMatchObject({ outcome: "exhausted" });
  });

  it("is granted when the window turns", () => {
    const midnight = Date.UTC(2026, 4, 5);
    const rig = new Rig([makeBudget({ window: { kind: "calendar", unit: "day" } })], midnight - 1000);
    rig.observe([{ amounts: usd(60) }]);
    rig.acquire({ processId: "p2", leaseId: "holder", target: usd(30) });
    const ticket = rig.ask({ target: usd(40), waitMs: WAIT_MS });
    rig.advance(1300);
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "granted", granted: usd(40) });
  });

  it("takes no part of the money for itself before", () => {
    const { rig } = contended();
    expect(rig.books()).toEqual([0n, 80n]);
  });
});

describe("two that wait for each other's idle money", () => {
  it("give it up while they wait: the first gets what the second doesn't need meanwhile", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(50) });
    rig.acquire({ leaseId: "l2", target: usd(50) });
    const first = rig.ask({ seq: 2, target: usd(70), held: usd(20), waitMs: WAIT_MS });
    expect(rig.books()).toEqual([0n, 70n]);
    const second = rig.ask({ leaseId: "l2", seq: 2, target: usd(60), need: usd(40), held: usd(10), waitMs: WAIT_MS });
    expect(rig.answers.get(first)).toMatchObject({ outcome: "granted", granted: usd(70) });
    expect(rig.answers.has(second)).toBe(false);
    expect(rig.books()).toEqual([0n, 80n]);
    rig.advance(WAIT_MS);
    expect(rig.answers.get(second)).toMatchObject({ outcome: "exhausted", granted: usd(10) });
  });

  it("lose nothing by it when there is enough, and keep no idle money when they are refused", () => {
    const rig = new Rig([makeBudget()]);
    rig.acquire({ target: usd(50) });
    const full = rig.acquire({ seq: 2, target: usd(60), held: usd(10), waitMs: WAIT_MS });
    expect(full).toMatchObject({ outcome: "granted", granted: usd(60) });
    const refused = rig.acquire({ seq: 3, target: usd(160), held: usd(10), waitMs: WAIT_MS });
    expect(refused).toMatchObject({ outcome: "exhausted", granted: usd(10) });
  });
});

describe("hundreds that wait for one budget", () => {
  const LEASES = 400;

  /** Each holds 1 of `LEASES` and wants another one. */
  function crowd(): { rig: Rig; tickets: readonly number[] } {
    const rig = new Rig([makeBudget({ limit: BigInt(LEASES) })]);
    const ids = Array.from({ length: LEASES }, (_, index) => `l${index}`);
    for (const leaseId of ids) rig.acquire({ leaseId, processId: leaseId, target: usd(1) });
    const wish = { seq: 2, target: usd(2), need: usd(2), waitMs: WAIT_MS };
    return { rig, tickets: ids.map((leaseId) => rig.ask({ leaseId, processId: leaseId, ...wish })) };
  }

  /** How often a message of somebody else has the ledger look a lease up. */
  function lookUps(rig: Rig, message: () => void): number {
    const { active } = rig.engine.state;
    let count = 0;
    const get = active.get.bind(active);
    active.get = (id) => {
      count += 1;
      return get(id);
    };
    message();
    active.get = get;
    return count;
  }

  it("slow nobody's message down by more than once for each of them", () => {
    const { rig } = crowd();
    rig.advance(1);
    const other = { leaseId: "other", processId: "other", target: usd(0), need: usd(0) };
    expect(lookUps(rig, () => rig.acquire(other))).toBeLessThan(LEASES * 5);
  });

  it("are told to other replicas by the first two of each queue: an entry of the log does not grow with the crowd", () => {
    const { rig } = crowd();
    expect(rig.engine.waiting).toBe(LEASES);
    expect(rig.engine.waits().map(({ leaseId }) => leaseId)).toEqual(["l0", "l1"]);
  });

  it("are all looked at again within the time of a recall, also where messages come all the time", () => {
    const { rig, tickets } = crowd();
    // The first in the queue waits for what nobody else needs; of the others there is no hope once all is spent.
    for (let index = 0; index < LEASES; index += 1) {
      rig.observe([{ amounts: usd(0) }]);
      rig.close(`l${LEASES - 1 - index}`, 1, `l${LEASES - 1 - index}`);
    }
    rig.advance(200);
    expect(tickets.filter((ticket) => !rig.answers.has(ticket))).toEqual([]);
    expect(rig.books()).toEqual([BigInt(LEASES), 0n]);
  });
});

describe("the queue", () => {
  it("lets nobody overtake: a small wish doesn't starve a big one", () => {
    const { rig, ticket } = contended();
    const small = rig.ask({ leaseId: "small", target: usd(5), waitMs: WAIT_MS });
    expect(rig.answers.has(small)).toBe(false);
    giveBack(rig, 50);
    expect(rig.answers.get(ticket)).toMatchObject({ granted: usd(50) });
    rig.close("l1", 0);
    expect(rig.answers.get(small)).toMatchObject({ granted: usd(5) });
  });

  it("holds a small wish no longer than it said it would wait", () => {
    const { rig, ticket } = contended();
    const small = rig.ask({ leaseId: "small", target: usd(5), waitMs: 100 });
    rig.advance(100);
    expect(rig.answers.get(small)).toMatchObject({ outcome: "granted", granted: usd(5) });
    expect(rig.answers.has(ticket)).toBe(false);
  });

  it("stands in nobody's way who wants money of other budgets", () => {
    const rig = new Rig([makeBudget({ name: "fleet", limit: 1000n }), makeBudget({ name: "agent", each: "agent" })]);
    rig.acquire({ processId: "p2", leaseId: "holder", labels: { agent: "x" }, target: usd(80) });
    const waiting = rig.ask({ labels: { agent: "x" }, target: usd(50), waitMs: WAIT_MS });
    expect(rig.acquire({ leaseId: "l2", labels: { agent: "y" }, target: usd(50), waitMs: WAIT_MS })).toMatchObject({
      outcome: "granted",
    });
    expect(rig.answers.has(waiting)).toBe(false);
  });

  it("answers a waiting message at once when a newer one of its lease comes, which takes its place", () => {
    const { rig, ticket } = contended();
    const behind = rig.ask({ leaseId: "behind", target: usd(30), waitMs: WAIT_MS });
    const newer = rig.ask({ seq: 2, target: usd(60), need: usd(10), waitMs: WAIT_MS });
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "exhausted", seq: 1, granted: usd(0) });
    giveBack(rig, 30);
    expect(rig.answers.get(newer)).toMatchObject({ outcome: "granted", seq: 2, granted: usd(60) });
    expect(rig.answers.has(behind)).toBe(false);
  });

  it("answers every copy of a waiting message", () => {
    const { rig, ticket } = contended();
    const copy = rig.ask({ target: usd(50), need: usd(10), waitMs: WAIT_MS });
    expect(rig.engine.waiting).toBe(1);
    giveBack(rig, 0);
    expect(rig.answers.get(copy)).toEqual(rig.answers.get(ticket));
    expect(rig.answers.get(copy)).toMatchObject({ outcome: "granted", granted: usd(50) });
  });

  it("tells who waits that its lease was closed", () => {
    const { rig, ticket } = contended();
    rig.close("l1", 0);
    expect(rig.answers.get(ticket)).toMatchObject({ outcome: "lost" });
  });

  it("gives nothing ahead while others wait", () => {
    const { rig } = contended();
    const all = rig.acquire({
      processId: "p2",
      leaseId: "holder",
      seq: 2,
      target: usd(40),
      ahead: usd(40),
      need: usd(0),
    });
    expect(all).toMatchObject({ granted: usd(40) });
  });
});
