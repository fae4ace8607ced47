/** Goal: a ledger whose disk failed is tried soon, then less and less often, soon again once it has lived for a while, and never after a stop. Method: a clock by hand. */
import { expect, test } from "vitest";
import { Revival } from "../../../../src/budget/local/revival.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

/** Lets a try that needs nothing end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig() {
  const clock = new ManualClock();
  const seen: string[] = [];
  const at = { isMended: false };
  const attempt = async (): Promise<void> => {
    seen.push("tried");
    if (!at.isMended) throw new Error("EIO");
  };
  const revival = new Revival({ clock, attempt, onFailure: ({ message }) => seen.push(message) });
  return { clock, seen, at, revival };
}

test("it is tried within a second, and after each failure later, half a minute at most", async () => {
  const { clock, seen, at, revival } = rig();
  revival.begin(0);
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    const before = seen.length;
    // Half of the pause is certain, the rest is chance.
    clock.advance(pauseMs / 2 - 1);
    await settle();
    expect(seen).toHaveLength(before);
    clock.advance(pauseMs / 2 + 1);
    await settle();
    expect(seen.slice(before)).toEqual(["tried", "EIO"]);
  }
  at.isMended = true;
  clock.advance(30_000);
  await settle();
  expect(seen.at(-1)).toBe("tried");
  expect(clock.pending).toBe(0);
});

test.each([
  { livedMs: 60_000, triedWithin: 1_000 },
  { livedMs: 59_999, triedWithin: 16_000 },
])("one that has lived for $livedMs ms is tried within $triedWithin", async ({ livedMs, triedWithin }) => {
  const { clock, seen, at, revival } = rig();
  revival.begin(0);
  for (const pauseMs of [1_000, 2_000, 4_000]) {
    clock.advance(pauseMs);
    await settle();
  }
  at.isMended = true;
  clock.advance(8_000);
  await settle();
  const revivedMs = clock.monotonic();
  clock.advance(livedMs);
  revival.begin(revivedMs);
  const before = seen.length;
  clock.advance(triedWithin / 2 - 1);
  expect(seen).toHaveLength(before);
  clock.advance(triedWithin / 2 + 1);
  expect(seen).toHaveLength(before + 1);
});

test("a stop waits for the try that is under way, and there is no other, whatever becomes of it", async () => {
  const clock = new ManualClock();
  const trying = Promise.withResolvers<void>();
  const failures: string[] = [];
  const revival = new Revival({
    clock,
    attempt: () => trying.promise,
    onFailure: ({ message }) => failures.push(message),
  });
  revival.begin(0);
  clock.advance(1_000);
  let isStopped = false;
  const stopped = revival.stop().then(() => (isStopped = true));
  await settle();
  expect(isStopped).toBe(false);
  trying.reject(new Error("EIO"));
  await stopped;
  expect([failures, clock.pending]).toEqual([["EIO"], 0]);
});
