import { expect, it } from "vitest";
import { Backoff } from "../../../src/support/backoff.ts";

it("doubles up to its bound, between half and all of each step, and starts again after a success", () => {
  const least = new Backoff({ initialMs: 100, maxMs: 400, random: () => 0 });
  expect([least.next(), least.next(), least.next(), least.next()]).toEqual([50, 100, 200, 200]);
  least.reset();
  expect(least.next()).toBe(50);
  const most = new Backoff({ initialMs: 100, maxMs: 400, random: () => 0.999 });
  expect(most.next()).toBeLessThan(100);
});
