import { expect, it } from "vitest";
import { BoundedQueue } from "../../../src/support/bounded-queue.ts";

it("gives back in order and refuses what does not fit", () => {
  const queue = new BoundedQueue<number>(3);
  expect([1, 2, 3, 4].map((item) => queue.push(item))).toEqual([true, true, true, false]);
  expect(queue.shift()).toBe(1);
  expect(queue.push(5)).toBe(true);
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 3, 5, undefined]);
  expect(queue.length).toBe(0);
});

it("refuses a capacity that is no whole number above 0", () => {
  for (const capacity of [0, -1, 1.5, Number.NaN]) expect(() => new BoundedQueue(capacity)).toThrow(RangeError);
});
