import { expect, it } from "vitest";
import { RecentMap } from "../../../src/support/recent-map.ts";

it("keeps at least the half that was used last, and never more than it may", () => {
  const map = new RecentMap<number, string>(100);
  for (let key = 0; key < 20; key += 1) map.set(key, `${key}`);
  for (let key = 20; key < 10_000; key += 1) {
    map.set(key, `${key}`);
    expect(map.size).toBeLessThanOrEqual(100);
    // Between the two uses of a key lie 20 newer and 20 older ones.
    expect(map.get(key - 20)).toBe(`${key - 20}`);
  }
  expect(map.get(0)).toBeUndefined();
});

it("keeps what is asked for again and again, however much comes in between", () => {
  const map = new RecentMap<string, number>(10);
  map.set("kept", 1);
  for (let key = 0; key < 1_000; key += 1) {
    map.set(`${key}`, key);
    expect(map.get("kept")).toBe(1);
  }
});

it("has one value a key, the last one, made once", () => {
  const map = new RecentMap<string, number>(4);
  map.set("a", 1);
  map.set("a", 2);
  expect([map.get("a"), map.size]).toEqual([2, 1]);
  map.set("b", 1);
  map.set("c", 1);
  map.set("a", 3);
  expect([map.get("a"), map.size]).toEqual([3, 3]);
  let made = 0;
  const make = (): number => (made += 1);
  expect([map.getOr("new", make), map.getOr("new", make), made]).toEqual([1, 1, 1]);
});
