import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Connections, type Lane } from "../../../../src/storage/embedded/connections.ts";
import type { EngineConnection } from "../../../../src/storage/embedded/library.ts";

function countingLibrary(): { readonly open: () => EngineConnection; readonly counts: { open: number; most: number } } {
  const counts = { open: 0, most: 0 };
  const open = (): EngineConnection => {
    counts.open += 1;
    counts.most = Math.max(counts.most, counts.open);
    return { run: () => Promise.reject(new Error("unused")), close: () => void (counts.open -= 1) };
  };
  return { open, counts };
}

test("no more than the bound run at once, waiters come in order, the rest is refused, and failures free their place", async () => {
  const library = countingLibrary();
  const connections = new Connections({ library, concurrencyMax: 3, queueMax: 3 });
  const order: number[] = [];
  const gate = Promise.withResolvers<void>();
  const all = Array.from({ length: 6 }, (_, index) =>
    connections.use({ args: [], lane: "write" }, async () => {
      order.push(index);
      await gate.promise;
      if (index % 2 === 0) throw new Error(`failed ${index}`);
    }),
  );
  gate.resolve();
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  expect(outcomes[5]).toHaveProperty("reason.code", 202);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(library.counts).toEqual({ open: 0, most: 2 });
});

test("reads leave places to writes, writes one to reads, and control waits for neither", async () => {
  const connections = new Connections({ library: countingLibrary(), concurrencyMax: 6, queueMax: 20 });
  const running = { read: 0, write: 0, control: 0 };
  const gate = Promise.withResolvers<void>();
  const start = (lane: Lane): Promise<void> =>
    connections.use({ args: [], lane }, async () => {
      running[lane] += 1;
      await gate.promise;
    });
  const all = [...Array.from({ length: 7 }, () => start("read")), ...Array.from({ length: 7 }, () => start("write"))];
  all.push(start("control"));
  await setImmediate();
  expect(running).toEqual({ read: 4, write: 2, control: 1 });
  gate.resolve();
  await Promise.all(all);
  expect(running).toEqual({ read: 7, write: 7, control: 1 });
});

test("a place that is free goes to the first waiter who may have it", async () => {
  const connections = new Connections({ library: countingLibrary(), concurrencyMax: 4, queueMax: 20 });
  const order: string[] = [];
  const gates = { held: Promise.withResolvers<void>(), write: Promise.withResolvers<void>() };
  const hold = (lane: Lane, gate: Promise<void>, name: string): Promise<void> =>
    connections.use({ args: [], lane }, async () => {
      order.push(name);
      await gate;
    });
  const all = [
    hold("read", gates.held.promise, "read 1"),
    hold("read", gates.held.promise, "read 2"),
    hold("write", gates.write.promise, "write 1"),
    hold("write", gates.held.promise, "write 2"),
    hold("read", gates.held.promise, "read 3"),
    hold("write", gates.held.promise, "write 3"),
  ];
  gates.write.resolve();
  await all[2];
  await setImmediate();
  expect(order).toEqual(["read 1", "read 2", "write 1", "write 2", "write 3"]);
  gates.held.resolve();
  await Promise.all(all);
  expect(order.at(-1)).toBe("read 3");
});
