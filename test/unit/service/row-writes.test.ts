import { expect, it } from "vitest";
import { keptOf, RowWrites } from "../../../src/service/row-writes.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function rig() {
  const clock = new ManualClock();
  const seen = { writes: 0, failures: [] as string[] };
  const store = { isReady: true, write: async (): Promise<void> => {} };
  const writes = new RowWrites({
    clock,
    intervalMs: 100,
    isStorageReady: () => store.isReady,
    write: () => {
      seen.writes += 1;
      return store.write();
    },
    failed: (reason) => void seen.failures.push(reason),
  });
  const tick = async (): Promise<void> => {
    clock.advance(100);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { writes, store, seen, tick };
}

it("says once that writes fail, until one succeeds", async () => {
  const { writes, store, seen, tick } = rig();
  writes.start();
  const fail = (): Promise<void> => Promise.reject(new Error("full"));
  for (const write of [fail, fail, () => Promise.resolve(), fail]) {
    store.write = write;
    await tick();
  }
  expect(seen).toEqual({ writes: 4, failures: ["full", "full"] });
  await writes.stop();
});

it("never writes side by side, nor while ClickHouse is away, and once more at its end", async () => {
  const { writes, store, seen, tick } = rig();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.write = () => promise;
  writes.start();
  await tick();
  await tick();
  expect(seen.writes).toBe(1);
  resolve();
  store.isReady = false;
  await tick();
  await tick();
  expect(seen.writes).toBe(1);
  store.isReady = true;
  await writes.stop();
  await tick();
  expect(seen.writes).toBe(2);
});

it("keeps what a map has of the keys that are asked for", () => {
  const map = new Map([
    ["a", 0],
    ["gone", 1],
  ]);
  expect([...keptOf(map, ["a", "new"])]).toEqual([["a", 0]]);
});
