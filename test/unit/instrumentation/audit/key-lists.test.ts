import { expect, it } from "vitest";
import { KeyLists } from "../../../../instrumentation/src/audit/key-lists.ts";

it("takes no list for another one: each key counts, in its place", () => {
  const lists = new KeyLists((keys) => keys.join());
  const all = [
    ["a", "b", "c"],
    ["x", "b", "c"],
    ["a", "x", "c"],
    ["a", "b", "x"],
    ["a", "b"],
    ["b", "c"],
    ["c", "b", "a"],
    [],
  ];
  for (let round = 0; round < 3; round += 1) for (const keys of all) expect(lists.of(keys)).toBe(keys.join());
});

it("works out once what comes again, however the caller changes its list, and forgets what was not seen for long", () => {
  let made = 0;
  const lists = new KeyLists((keys) => `${(made += 1)} ${keys.join()}`);
  const keys = ["a", "b"];
  expect(lists.of(keys)).toBe("1 a,b");
  keys.push("c");
  expect([lists.of(["a", "b"]), lists.of(keys)]).toEqual(["1 a,b", "2 a,b,c"]);
  for (let other = 0; other < 200; other += 1) {
    lists.of([`other ${other}`]);
    lists.of(["a", "b"]);
  }
  expect(lists.of(["a", "b"])).toBe("1 a,b");
  const before = made;
  lists.of(["other 0"]);
  expect(made).toBe(before + 1);
});
