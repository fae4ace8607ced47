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

test("what is put off is done when the event loop has come round twice, in order", async () => {
  const { done, add } = setUp();
  add("a");
  add("b");
  await Promise.resolve();
  await setImmediate();
  expect(done).toEqual([]);
  add("c");
  await setImmediate();
  expect(done).toEqual(["a", "b", "c"]);
});

test("what is put off afterwards has turns of its own", async () => {
  const { done, add } = setUp();
  add("a");
  await setImmediate();
  await setImmediate();
  add("b");
  await setImmediate();
  expect(done).toEqual(["a"]);
  await setImmediate();
  expect(done).toEqual(["a", "b"]);
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
