import { expect, test } from "vitest";
import { Connections } from "../../../../src/storage/embedded/connections.ts";
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
  const connections = new Connections({ library, concurrencyMax: 2, queueMax: 3 });
  const order: number[] = [];
  const gate = Promise.withResolvers<void>();
  const all = Array.from({ length: 6 }, (_, index) =>
    connections.use([], async () => {
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
