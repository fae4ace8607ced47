import { describe, expect, it } from "vitest";
import type { Budget } from "../../../../src/budget/budget.ts";
import {
  addHolder,
  countObserved,
  countPast,
  countSpend,
  countsSinceMs,
  isForgettable,
  newSpend,
  observedAt,
  rebaseSpend,
  RUN_IDLE_MS,
} from "../../../../src/budget/rules/spend.ts";
import { settledAt, shownBounds, type Spend } from "../../../../src/budget/rules/spend.ts";
import { makeBudget } from "../make-budget.ts";
import { Random } from "../../../support/random.ts";

const START = Date.UTC(2026, 4, 4, 12);
const DAY_MS = 86_400_000;

function spendOf(budget: Budget, run?: string): Spend {
  return newSpend({ key: budget.name, name: budget.name, budget, each: undefined, run }, START);
}

const daily = makeBudget({ window: { kind: "calendar", unit: "day" } });

describe("what a budget has spent", () => {
  it("starts at 0 with the next window, and carries what is reserved over", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    spend.reserved = 7n;
    expect(settledAt(spend, START + DAY_MS / 2 - 1)).toBe(5n);
    expect(settledAt(spend, START + DAY_MS / 2)).toBe(0n);
    countSpend(spend, 2n, START + DAY_MS);
    expect(settledAt(spend, START + DAY_MS)).toBe(2n);
    expect(spend.reserved).toBe(7n);
    expect(shownBounds(spend, START + DAY_MS).startMs).toBe(Date.UTC(2026, 4, 5));
  });

  it("shows the bounds of the window that holds the instant, before anything was counted in it", () => {
    const spend = spendOf(daily);
    expect(shownBounds(spend, START + 3 * DAY_MS)).toEqual({
      startMs: Date.UTC(2026, 4, 7),
      endMs: Date.UTC(2026, 4, 8),
    });
  });

  it("never ends for a lifetime or a session", () => {
    const lifetime = spendOf(makeBudget());
    countSpend(lifetime, 5n, START);
    expect(settledAt(lifetime, START + 1000 * DAY_MS)).toBe(5n);
    expect(shownBounds(lifetime, START)).toEqual({ startMs: 0, endMs: undefined });
  });

  it("can't be lowered", () => {
    expect(() => countSpend(spendOf(daily), -1n, START)).toThrow("never negative");
  });

  it.each([1, 2, 3, 4, 5])("in a rolling window is never too small, and exact to a bucket (seed %i)", (seed) => {
    const random = new Random(seed);
    const durationMs = random.pick([60_000, 3_600_000, 86_400_000]);
    const spend = spendOf(makeBudget({ window: { kind: "rolling", durationMs } }));
    const counted: { at: number; amount: bigint }[] = [];
    const exact = (now: number, length: number): bigint =>
      counted.filter(({ at }) => at > now - length).reduce((sum, { amount }) => sum + amount, 0n);
    let now = START;
    for (let step = 0; step < 2000; step += 1) {
      now += random.below(random.chance(0.02) ? durationMs : durationMs / 100);
      const amount = BigInt(random.below(100));
      if (random.chance(0.6)) {
        countSpend(spend, amount, now);
        counted.push({ at: now, amount });
      }
      expect(settledAt(spend, now) >= exact(now, durationMs)).toBe(true);
      expect(settledAt(spend, now) <= exact(now, durationMs + Math.ceil(durationMs / 60))).toBe(true);
      expect(spend.buckets?.size ?? 0).toBeLessThanOrEqual(62);
    }
    expect(settledAt(spend, now + 2 * durationMs)).toBe(0n);
  });
});

it.each([0, 1, 59_999, 60_000, 1_800_000])(
  "asks for all of the past that a rolling window counts (%i ms into it)",
  (ms) => {
    const budget = makeBudget({ window: { kind: "rolling", durationMs: 3_600_000 } });
    const nowMs = START + ms;
    const isCounted = (atMs: number): boolean => {
      const spend = spendOf(budget);
      countPast(spend, { items: [{ atMs, settled: 1n, observed: 0n }], carried: 0n, nowMs });
      return settledAt(spend, nowMs) === 1n;
    };
    const first = Array.from({ length: 180 }, (_, second) => nowMs - 3_600_000 - second * 1000).findLast(isCounted);
    expect(countsSinceMs(budget, nowMs)).toBeLessThanOrEqual(first ?? nowMs);
  },
);

describe("a changed document", () => {
  it("keeps what was spent when the limit changes", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    rebaseSpend(spend, { ...daily, limit: 3n }, START + 1);
    expect([spend.settled, spend.budget.limit]).toEqual([5n, 3n]);
  });

  it("keeps apart what no lease covered, and counts it once, when the window changes", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    countObserved(spend, 3n, START);
    rebaseSpend(spend, { ...daily, window: { kind: "rolling", durationMs: 60_000 } }, START);
    expect([settledAt(spend, START), observedAt(spend, START)]).toEqual([8n, 3n]);
    rebaseSpend(spend, { ...daily, timeZone: "Asia/Kathmandu" }, START + 1000);
    expect([settledAt(spend, START + 1000), observedAt(spend, START + 1000)]).toEqual([8n, 3n]);
  });

  it.each<Budget["window"]>([
    { kind: "rolling", durationMs: 60_000 },
    { kind: "calendar", unit: "minute" },
    { kind: "lifetime" },
  ])("counts what was spent as spent now when the window becomes %j", (window) => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    rebaseSpend(spend, { ...daily, window }, START + 120_000);
    expect(settledAt(spend, START + 120_000)).toBe(5n);
  });

  it("starts at 0 when the measure changes", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    rebaseSpend(spend, { ...daily, measure: "tokens" }, START);
    expect(spend.settled).toBe(0n);
  });

  it("that is gone and comes back finds what was spent", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    rebaseSpend(spend, undefined, START);
    expect(spend.isInForce).toBe(false);
    rebaseSpend(spend, daily, START);
    expect([spend.isInForce, spend.settled]).toEqual([true, 5n]);
  });
});

describe("forgetting", () => {
  it("spares a session that spends, however long ago it began: it would have its whole budget again", () => {
    const spend = spendOf(makeBudget({ window: { kind: "run", label: "session" } }), "s1");
    countSpend(spend, 5n, START + RUN_IDLE_MS - 1);
    expect(isForgettable(spend, START + 2 * RUN_IDLE_MS - 2, RUN_IDLE_MS)).toBe(false);
    expect(isForgettable(spend, START + 2 * RUN_IDLE_MS - 1, RUN_IDLE_MS)).toBe(true);
  });

  it("takes what no longer counts, and nothing that does", () => {
    const spend = spendOf(daily);
    countSpend(spend, 5n, START);
    expect(isForgettable(spend, START, RUN_IDLE_MS)).toBe(false);
    expect(isForgettable(spend, START + DAY_MS, RUN_IDLE_MS)).toBe(true);
    addHolder(spend, "lease");
    expect(isForgettable(spend, START + DAY_MS, RUN_IDLE_MS)).toBe(false);
  });

  it("takes a session that is long silent, but no lifetime", () => {
    const session = spendOf(makeBudget({ window: { kind: "run", label: "session" } }), "s");
    const lifetime = spendOf(makeBudget());
    for (const spend of [session, lifetime]) countSpend(spend, 5n, START);
    const late = START + RUN_IDLE_MS;
    expect([session, lifetime].map((spend) => isForgettable(spend, late - 1, RUN_IDLE_MS))).toEqual([false, false]);
    expect([session, lifetime].map((spend) => isForgettable(spend, late, RUN_IDLE_MS))).toEqual([true, false]);
  });
});
