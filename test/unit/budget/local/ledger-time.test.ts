import { expect, it } from "vitest";
import { LedgerTime } from "../../../../src/budget/local/ledger-time.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const START = Date.UTC(2026, 10, 21, 22);
const HOUR_MS = 3_600_000;

it("follows a clock that is set forward, once, and never one that is set back", () => {
  const clock = new ManualClock(START);
  const time = new LedgerTime(clock, 0);
  clock.jump(HOUR_MS);
  expect([time.takeStepMs(), time.takeStepMs(), time.now()]).toEqual([HOUR_MS, 0, START + HOUR_MS]);
  clock.jump(-HOUR_MS);
  expect([time.takeStepMs(), time.now()]).toEqual([0, START + HOUR_MS]);
});

it.each([
  ["was set back", (clock: ManualClock) => clock.jump(-HOUR_MS), START],
  ["is behind what the journal holds", () => {}, START + HOUR_MS],
])("waits for a clock that %s, at half its speed, until they are one again", (_why, happen, notBeforeMs) => {
  const clock = new ManualClock(START);
  const time = new LedgerTime(clock, notBeforeMs);
  const first = time.now();
  happen(clock);
  const steps = Array.from({ length: 240 }, () => {
    clock.advance(60_000);
    expect(time.takeStepMs()).toBe(0);
    return time.now() - clock.now();
  });
  expect(steps[59]).toBe(HOUR_MS / 2);
  expect(steps[119]).toBeLessThan(1000);
  expect(steps.at(-1)).toBeLessThan(1000);
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
  expect(time.now()).toBeGreaterThan(first);
});

it("is not held up for longer than it is ahead, however rarely it is asked", () => {
  const clock = new ManualClock(START);
  const time = new LedgerTime(clock, START + HOUR_MS);
  clock.advance(10 * HOUR_MS);
  expect([time.takeStepMs(), time.now()]).toEqual([0, clock.now()]);
});

it("waits for no clock that is further behind than a day: windows keep their length", () => {
  const clock = new ManualClock(START);
  const time = new LedgerTime(clock, START + 25 * HOUR_MS);
  clock.advance(HOUR_MS);
  expect(time.now()).toBe(START + 26 * HOUR_MS);
});
