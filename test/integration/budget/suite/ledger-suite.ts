/**
 * What every ledger does, whatever its store: the rules as they are seen through the `Ledger` interface. Where there are
 * several replicas, each request goes to another one.
 */
import { describe, expect, it } from "vitest";
import type { Labels } from "../../../../src/budget/ledger.ts";
import { makeAcquire, makeBudget, usd } from "../../../unit/budget/make-budget.ts";
import { Fleet, GRACE_MS, type OpenStage, TTL_MS } from "./stage.ts";

const WAIT_MS = 5_000;
const HOUR_MS = 3_600_000;
const SECOND_MS = 1_000;

export function describeLedger(open: OpenStage): void {
  const fleetOf = (...budgets: Parameters<typeof makeBudget>[0][]): Promise<Fleet> =>
    Fleet.open(open, (budgets.length === 0 ? [{}] : budgets).map(makeBudget));
  describeGrants(fleetOf);
  describeWaiting(fleetOf);
  describeEnds(fleetOf);
  describeSpend(fleetOf);
  describeThresholds(fleetOf);
  describeHonesty(fleetOf);
}

type FleetOf = (...budgets: Parameters<typeof makeBudget>[0][]) => Promise<Fleet>;

function describeGrants(fleetOf: FleetOf): void {
  describe("a grant", () => {
    it("fits into every budget of the call at once, and is there after a crash", async () => {
      const fleet = await fleetOf({ limit: 100n }, { name: "each", each: "team", limit: 60n });
      expect(await fleet.acquire({ target: usd(50) })).toMatchObject({ outcome: "granted", granted: usd(50) });
      expect(await fleet.acquire({ leaseId: "l2", target: usd(20) })).toMatchObject({
        outcome: "exhausted",
        refusedBy: { name: "each" },
      });
      expect(await fleet.acquire({ leaseId: "l3", labels: { team: "b" }, target: usd(50) })).toMatchObject({
        outcome: "granted",
      });
      await fleet.crash();
      expect(await fleet.books()).toEqual([0n, 100n]);
      expect(await fleet.acquire({ leaseId: "l4", labels: { team: "c" }, target: usd(1) })).toMatchObject({
        outcome: "exhausted",
        refusedBy: { name: "b" },
      });
    });

    it("is exact for amounts that no double holds, up to Int64", async () => {
      const limit = 2n ** 62n + 3n;
      const big = 2n ** 61n + 1n;
      const fleet = await fleetOf({ limit });
      const amounts = (nanoUsd: bigint) => ({ nanoUsd, tokens: 0n, calls: 0n });
      await fleet.acquire({ settled: amounts(0n), target: amounts(big) });
      await fleet.acquire({ seq: 2, settled: amounts(big), target: amounts(big) });
      const left = limit - big;
      expect(await fleet.acquire({ leaseId: "l2", target: amounts(left + 1n) })).toMatchObject({
        outcome: "exhausted",
      });
      expect(await fleet.acquire({ leaseId: "l3", target: amounts(left) })).toMatchObject({
        outcome: "granted",
        granted: { nanoUsd: left },
      });
      expect(await fleet.books()).toEqual([big, left]);
      await fleet.observe([{ amounts: amounts(2n ** 63n - 1n) }]);
      expect((await fleet.budget()).settled).toBe(big + 2n ** 63n - 1n);
    });

    it("for the last of the money goes to one of many that ask at once", async () => {
      const fleet = await fleetOf({ limit: 100n });
      const asked = Array.from({ length: 30 }, (_, index) => fleet.acquire({ leaseId: `l${index}`, target: usd(10) }));
      const granted = (await Promise.all(asked)).filter(({ outcome }) => outcome === "granted");
      expect([granted.length, await fleet.books()]).toEqual([10, [0n, 100n]]);
    });

    it("twice is once: a doubled message changes nothing and gets the same answer, from whomever", async () => {
      const fleet = await fleetOf();
      const first = await fleet.acquire({ target: usd(30) });
      expect(await fleet.acquire({ target: usd(30) })).toEqual(first);
      expect(await fleet.books()).toEqual([0n, 30n]);
    });

    it("takes from a message out of order only what was spent", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ seq: 5, settled: usd(10), target: usd(40) });
      const stale = await fleet.acquire({ seq: 4, settled: usd(25), target: usd(90), need: usd(30) });
      expect(stale).toMatchObject({ outcome: "granted", seq: 4, granted: usd(40) });
      await fleet.acquire({ seq: 3, settled: usd(5), target: usd(5) });
      expect(await fleet.books()).toEqual([25n, 15n]);
    });

    it("is lost for another process, and for a lease that is closed", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(30) });
      expect(await fleet.acquire({ seq: 2, processId: "p2", settled: usd(29) })).toMatchObject({ outcome: "lost" });
      await fleet.close("l1", 10);
      expect(await fleet.acquire({ seq: 2 })).toMatchObject({ outcome: "lost" });
      expect(await fleet.books()).toEqual([10n, 0n]);
    });

    it("follows the documents that are put in force while it runs, at every ledger", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(60) });
      await fleet.ledger.configure([makeBudget({ limit: 50n }), makeBudget({ name: "new", limit: 70n })]);
      expect(await fleet.acquire({ seq: 2, target: usd(61) })).toMatchObject({
        outcome: "exhausted",
        granted: usd(60),
      });
      expect(await fleet.books("new")).toEqual([0n, 60n]);
    });

    it("finds a limit that a person raised, once for each id, until the raise is over", async () => {
      const fleet = await fleetOf();
      const raise = { id: "r1", budget: "b", amount: 50n, forMs: HOUR_MS, author: "ann", reason: "launch" };
      const outcomes = await Promise.all([1, 2, 3].map(() => fleet.ledger.raise(raise)));
      expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["raised", "repeated", "repeated"]);
      expect(await fleet.acquire({ target: usd(150) })).toMatchObject({ outcome: "granted" });
      await fleet.close("l1", 0);
      await fleet.crash();
      expect(await fleet.acquire({ leaseId: "l2", target: usd(150) })).toMatchObject({ outcome: "granted" });
      await fleet.close("l2", 0);
      await fleet.advance(HOUR_MS + SECOND_MS);
      expect(await fleet.acquire({ leaseId: "l3", target: usd(101) })).toMatchObject({ outcome: "exhausted" });
    });

    it("is unlimited where no budget looks", async () => {
      const fleet = await fleetOf({ scope: { team: "z" } });
      expect(await fleet.acquire({ target: usd(60) })).toMatchObject({ outcome: "unlimited", granted: usd(60) });
    });
  });
}

/** Lease `holder` of process `p2` holds 80 of 100. */
async function contended(fleetOf: FleetOf): Promise<Fleet> {
  const fleet = await fleetOf();
  await fleet.acquire({ processId: "p2", leaseId: "holder", target: usd(80) });
  return fleet;
}

const giveBack = (fleet: Fleet, to: number, seq = 2) =>
  fleet.acquire({ processId: "p2", leaseId: "holder", seq, need: usd(0), target: usd(to) });

function describeWaiting(fleetOf: FleetOf): void {
  describe("an acquire that finds the money in other hands", () => {
    it("asks them for it, whichever ledger they talk to, and is granted as soon as its target fits", async () => {
      const fleet = await contended(fleetOf);
      const waiting = await fleet.ask({ target: usd(50), need: usd(10), waitMs: WAIT_MS });
      await expect.poll(() => fleet.recalls.length).toBeGreaterThanOrEqual(fleet.stage.ledgers.length);
      expect(new Set(fleet.recalls)).toEqual(new Set(["p2 holder"]));
      await giveBack(fleet, 60);
      expect(waiting.isAnswered).toBe(false);
      await giveBack(fleet, 50, 3);
      expect(await waiting.answer).toMatchObject({ outcome: "granted", granted: usd(50) });
    });

    it("gets what there is at its deadline, if that is enough to go on, and is refused if not", async () => {
      const fleet = await contended(fleetOf);
      const enough = await fleet.ask({ target: usd(50), need: usd(10), waitMs: WAIT_MS });
      await fleet.advance(WAIT_MS);
      expect(await enough.answer).toMatchObject({ outcome: "granted", granted: usd(20) });
      const short = await fleet.ask({ leaseId: "l2", target: usd(50), need: usd(45), waitMs: WAIT_MS });
      expect(short.isAnswered).toBe(false);
      await fleet.advance(WAIT_MS);
      expect(await short.answer).toMatchObject({ outcome: "exhausted", refusedBy: { name: "b" } });
    });

    it("is granted when the holder is closed", async () => {
      const fleet = await contended(fleetOf);
      const waiting = await fleet.ask({ target: usd(50), waitMs: WAIT_MS });
      await fleet.close("holder", 10, "p2");
      expect(await waiting.answer).toMatchObject({ outcome: "granted", granted: usd(50) });
      expect(await fleet.books()).toEqual([10n, 50n]);
    });

    it("is refused at once when nothing that comes free would do", async () => {
      const fleet = await contended(fleetOf);
      await fleet.observe([{ amounts: usd(20) }]);
      expect(await fleet.acquire({ target: usd(81), waitMs: WAIT_MS })).toMatchObject({ outcome: "exhausted" });
    });

    it("holds back only what it says it holds while it waits", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(50) });
      await fleet.acquire({ leaseId: "l2", target: usd(50) });
      const first = await fleet.ask({ seq: 2, target: usd(70), held: usd(20), waitMs: WAIT_MS });
      expect(await fleet.books()).toEqual([0n, 70n]);
      const second = await fleet.ask({
        leaseId: "l2",
        seq: 2,
        target: usd(60),
        need: usd(40),
        held: usd(10),
        waitMs: WAIT_MS,
      });
      expect(await first.answer).toMatchObject({ outcome: "granted", granted: usd(70) });
      await fleet.advance(WAIT_MS);
      expect(await second.answer).toMatchObject({ outcome: "exhausted", granted: usd(10) });
    });
  });
}

function describeEnds(fleetOf: FleetOf): void {
  describe("a lease that is not renewed", () => {
    it("expires by the ledger's time, counts as spent in full, and comes free when its grace is over", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(40) });
      await fleet.acquire({ seq: 2, settled: usd(10), target: usd(40) });
      await fleet.advance(TTL_MS - 5 * SECOND_MS);
      expect(await fleet.ledger.lease("l1")).toMatchObject({ state: "active" });
      await fleet.advance(5 * SECOND_MS);
      expect(await fleet.acquire({ seq: 3, target: usd(50) })).toMatchObject({ outcome: "lost" });
      expect(await fleet.books()).toEqual([10n, 30n]);
      expect(fleet.stage.notices.filter(({ notice }) => notice === "lease_expired")).toHaveLength(1);
      await fleet.advance(GRACE_MS);
      expect(await fleet.books()).toEqual([10n, 0n]);
      expect(await fleet.acquire({ leaseId: "l2", target: usd(90) })).toMatchObject({ outcome: "granted" });
    });

    it("settles by its spans and its late report, each once", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(40) });
      await fleet.observe([{ leaseId: "l1", amounts: usd(15) }], "early");
      expect(await fleet.books()).toEqual([0n, 40n]);
      await fleet.advance(TTL_MS);
      expect(await fleet.books()).toEqual([15n, 25n]);
      await fleet.observe([{ leaseId: "l1", amounts: usd(6) }], "late");
      await fleet.observe([{ leaseId: "l1", amounts: usd(6) }], "late");
      expect(await fleet.books()).toEqual([21n, 19n]);
      await fleet.close("l1", 25);
      await fleet.close("l1", 25);
      expect(await fleet.books()).toEqual([25n, 0n]);
    });

    it("lives on over a crash of the store", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(40) });
      await fleet.crash();
      expect(await fleet.acquire({ seq: 2, settled: usd(7), target: usd(41) })).toMatchObject({ granted: usd(41) });
      expect(await fleet.books()).toEqual([7n, 34n]);
    });
  });

  describe("a lease that is closed", () => {
    it("counts a late report once, its spans not at all, and nothing of another process", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(40) });
      await fleet.close("l1", 39, "p2");
      await fleet.close("l1", 30);
      for (const settled of [35, 35, 32]) await fleet.close("l1", settled);
      await fleet.observe([{ leaseId: "l1", amounts: usd(35) }]);
      expect(await fleet.books()).toEqual([35n, 0n]);
      expect(await fleet.ledger.lease("l1")).toMatchObject({ state: "closed", settled: usd(35) });
    });

    it("before it was opened stays closed: a request that was overtaken sets nothing aside", async () => {
      const fleet = await fleetOf();
      await fleet.close("l1", 0);
      expect(await fleet.acquire({ target: usd(40) })).toMatchObject({ outcome: "lost" });
      expect(await fleet.books()).toEqual([0n, 0n]);
    });
  });
}

function describeSpend(fleetOf: FleetOf): void {
  describe("spend that no lease covers", () => {
    it("counts at once, past the limit if need be, and once for each token, also after a crash", async () => {
      const fleet = await fleetOf();
      for (let round = 0; round < 3; round += 1) await fleet.observe([{ amounts: usd(60) }], "block-1");
      expect(await fleet.books()).toEqual([60n, 0n]);
      await fleet.crash();
      await fleet.observe([{ amounts: usd(60) }], "block-1");
      await fleet.observe([{ leaseId: "unknown", amounts: usd(70) }]);
      expect(await fleet.budget()).toMatchObject({ settled: 130n, state: "overrun" });
    });

    it("past the grant of a lease counts in full, and is said once", async () => {
      const fleet = await fleetOf();
      await fleet.acquire({ target: usd(30) });
      await fleet.acquire({ seq: 2, settled: usd(130), target: usd(130) });
      expect(await fleet.books()).toEqual([130n, 0n]);
      expect(fleet.stage.notices.filter(({ notice }) => notice === "lease_overran")).toHaveLength(1);
    });

    it("starts at 0 with the next window, while what is held carries over", async () => {
      const fleet = await fleetOf({ window: { kind: "calendar", unit: "day" } });
      await fleet.observe([{ amounts: usd(60) }]);
      await fleet.acquire({ target: usd(30) });
      const { windowEndMs = 0 } = await fleet.budget();
      for (let round = 0; round < 24; round += 1) {
        await fleet.advance(HOUR_MS);
        await fleet.acquire({ seq: round + 2, target: usd(30) });
      }
      const next = await fleet.budget();
      expect(next).toMatchObject({ settled: 0n, windowStartMs: windowEndMs });
    });

    it("counts in a rolling window until it has left it", async () => {
      const fleet = await fleetOf({ window: { kind: "rolling", durationMs: HOUR_MS } });
      await fleet.observe([{ amounts: usd(60) }]);
      await fleet.advance(HOUR_MS / 2);
      await fleet.observe([{ amounts: usd(5) }]);
      expect((await fleet.budget()).settled).toBe(65n);
      await fleet.advance(HOUR_MS / 2 + 120 * SECOND_MS);
      expect((await fleet.budget()).settled).toBe(5n);
    });
  });
}

function describeThresholds(fleetOf: FleetOf): void {
  describe("a threshold", () => {
    const thresholds = [
      { atPercent: 50, do: "notify" },
      { atPercent: 90, do: "kill" },
    ] as const;
    const acts = (fleet: Fleet): string[] => fleet.crossings.map(({ threshold }) => threshold.do);

    it("fires once, at one ledger, by whatever way the money came, and not again after a crash", async () => {
      const fleet = await fleetOf({ thresholds });
      await fleet.observe([{ amounts: usd(49) }]);
      await fleet.acquire({ target: usd(10) });
      expect(acts(fleet)).toEqual([]);
      await fleet.acquire({ seq: 2, settled: usd(1), target: usd(10) });
      await Promise.all(Array.from({ length: 6 }, () => fleet.observe([{ amounts: usd(1) }])));
      expect(acts(fleet)).toEqual(["notify"]);
      await fleet.crash();
      await fleet.observe([{ amounts: usd(1) }]);
      expect(acts(fleet)).toEqual(["notify"]);
      await fleet.budget();
      expect(fleet.ledger.firedThresholds()).toHaveLength(1);
    });

    it("fires anew in the next window, for each value of `each` by itself", async () => {
      const fleet = await fleetOf({ window: { kind: "calendar", unit: "hour" }, each: "team", thresholds });
      const spend = (team: string): Promise<void> => fleet.observe([{ labels: { team } as Labels, amounts: usd(60) }]);
      await spend("a");
      await spend("b");
      expect(acts(fleet)).toEqual(["notify", "notify"]);
      await fleet.advance(HOUR_MS);
      await spend("a");
      expect(acts(fleet)).toEqual(["notify", "notify", "notify"]);
    });
  });
}

function describeHonesty(fleetOf: FleetOf): void {
  describe("a ledger that doesn't run", () => {
    it("says so to all who ask and to all who wait, and can be stopped twice", async () => {
      const fleet = await contended(fleetOf);
      const { ledger } = fleet;
      const waiting = ledger
        .acquire(makeAcquire({ target: usd(50), waitMs: WAIT_MS }))
        .catch((error: unknown) => error);
      await ledger.close("nobody", []);
      await ledger.stop();
      await ledger.stop();
      expect(await waiting).toMatchObject({ code: "ledger_unavailable" });
      await expect(ledger.acquire(makeAcquire())).rejects.toMatchObject({ code: "ledger_unavailable" });
      await expect(ledger.lease("l1")).rejects.toMatchObject({ code: "ledger_unavailable" });
    });

    it("refuses two budgets of one name", async () => {
      const fleet = await fleetOf();
      await expect(fleet.ledger.configure([makeBudget(), makeBudget()])).rejects.toThrow("`b`");
      expect(await fleet.books()).toEqual([0n, 0n]);
    });
  });

  describe("a command that no honest client sends", () => {
    it.each([
      ["a negative amount", { settled: usd(-1) }],
      ["an amount past Int64", { target: usd(2n ** 63n) }],
      ["no lease id", { leaseId: "" }],
      ["a long process id", { processId: "x".repeat(129) }],
      ["a sequence that is no integer", { seq: 1.5 }],
      ["a wait that is no number", { waitMs: Number.NaN }],
      ["ten thousand labels", { labels: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, ""])) }],
      ["a long label", { labels: { team: "x".repeat(1025) } }],
    ])("(%s) is refused and changes nothing", async (_what, of) => {
      const fleet = await fleetOf();
      await expect(fleet.acquire(of)).rejects.toMatchObject({ code: "invalid_command" });
      expect(await fleet.books()).toEqual([0n, 0n]);
    });

    it("is left out of an observation, and said", async () => {
      const fleet = await fleetOf();
      await fleet.observe([{ amounts: usd(-5) }, { amounts: usd(7) }], "t");
      expect(await fleet.books()).toEqual([7n, 0n]);
      expect(fleet.stage.notices).toContainEqual({ notice: "observation_refused", token: "t", entries: 1 });
    });
  });
}
