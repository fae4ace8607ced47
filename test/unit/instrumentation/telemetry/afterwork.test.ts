import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Afterwork } from "../../../../instrumentation/src/telemetry/afterwork.ts";

function setUp(): { afterwork: Afterwork; done: string[]; add: (name: string, then?: () => void) => void } {
  const afterwork = new Afterwork();
  const done: string[] = [];
  const add = (name: string, then?: () => void): void =>
    afterwork.add({
      catchUp: () => {
        done.push(name);
        then?.();
      },
    });
  return { afterwork, done, add };
}

/** As many as are worked off together. */
const EIGHT = ["a", "b", "c", "d", "e", "f", "g", "h"];

test("what waits is done together, when the event loop has come round twice, in order", async () => {
  const { done, add } = setUp();
  for (const name of EIGHT) add(name);
  await Promise.resolve();
  await setImmediate();
  expect(done).toEqual([]);
  add("i");
  await setImmediate();
  expect(done).toEqual([...EIGHT, "i"]);
});

test("what is put off afterwards has turns of its own", async () => {
  const { done, add } = setUp();
  for (const name of EIGHT) add(name);
  await setImmediate();
  await setImmediate();
  for (const name of EIGHT) add(name);
  await setImmediate();
  expect(done).toEqual(EIGHT);
  await setImmediate();
  expect(done).toEqual([...EIGHT, ...EIGHT]);
});

test("a few that nobody joins are done after a while, again and again", async () => {
  const { done, add } = setUp();
  add("a");
  await Promise.resolve();
  expect(done).toEqual([]);
  await expect.poll(() => done).toEqual(["a"]);
  add("b");
  add("c");
  await expect.poll(() => done).toEqual(["a", "b", "c"]);
});

test("what waits keeps no process alive", async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const { done, add } = setUp();
  add("a");
  expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout")).toHaveLength(before);
  await expect.poll(() => done).toEqual(["a"]);
});

test("whoever asks has it done at once, and once", async () => {
  const { afterwork, done, add } = setUp();
  add("a");
  afterwork.catchUp();
  expect(done).toEqual(["a"]);
  await setImmediate();
  await setImmediate();
  expect(done).toEqual(["a"]);
});

test("an event loop that never comes round does not collect without end", () => {
  const { done, add } = setUp();
  for (let index = 0; index < 1_000; index += 1) add(String(index));
  expect(1_000 - done.length).toBeLessThan(256);
  expect(done).toEqual(done.map((_, index) => String(index)));
});

test("what asks from within, or puts off more, loses nothing and repeats nothing", () => {
  const { afterwork, done, add } = setUp();
  add("a", () => {
    afterwork.catchUp();
    add("c");
  });
  add("b");
  afterwork.catchUp();
  expect(done).toEqual(["a", "b"]);
  afterwork.catchUp();
  expect(done).toEqual(["a", "b", "c"]);
});
