/** An answer that nobody can read any more ends its call. */
import { afterEach, expect, it, vi } from "vitest";
import { endWhenAbandoned } from "../../../../instrumentation/src/gate/abandonment.ts";
import { collect } from "../../../support/heap-kept.ts";

/** Who is told of garbage is told some turns of the event loop after it was taken. */
const ROUNDS = 50;

class Call {
  isEnded = false;
  unread: object | undefined;
  readonly ends: unknown[] = [];

  end(error: unknown): void {
    this.isEnded = true;
    this.ends.push(error);
  }
}

afterEach(() => void vi.useRealTimers());

it("ends the call of an answer that is dropped, and no other", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const calls = Array.from({ length: 4 }, () => new Call());
  const [dropped, kept, ended, later] = calls;
  if (dropped === undefined || kept === undefined || ended === undefined || later === undefined) throw new Error();
  const open = new Set(calls);
  const held = [{}, {}];
  endWhenAbandoned(dropped, {}, open);
  endWhenAbandoned(kept, held[0] ?? {}, open);
  ended.isEnded = true;
  endWhenAbandoned(ended, {}, open);
  vi.advanceTimersByTime(1_000);
  // Of the next second, on a timer of its own.
  endWhenAbandoned(later, {}, open);
  vi.advanceTimersByTime(1_000);
  for (let round = 0; round < ROUNDS && later.ends.length + dropped.ends.length < 2; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([dropped, kept, ended, later].map(({ ends }) => ends.length)).toEqual([1, 0, 0, 1]);
  expect(dropped.ends).toEqual([new Error("the answer was never read")]);
  expect(held).toHaveLength(2);
});
