/**
 * Goal: shipments start as far apart as is asked for, further while the other side is slow, and never much further. Method: a
 * spool that always has a block, a far side that takes a known time, a clock moved by hand.
 */
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { SUCCESS } from "../../../../src/component/outcome.ts";
import type { Block } from "../../../../src/pipeline/spool/block-format.ts";
import { newGroup } from "../../../../src/pipeline/spool/block-group.ts";
import { Delivery, type DeliveryOptions } from "../../../../src/pipeline/spool/delivery.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const STEP_MS = 10;
const STORED = { name: "one", token: "one", rowCount: 1, createdUnixMs: 0, bytes: 1 };
const BLOCK: Block = {
  token: "one",
  createdUnixMs: 0,
  rowCount: 1,
  identities: new Uint8Array(24),
  spend: [],
  payload: new Uint8Array(1),
};

/** When each shipment started, the nth of which takes `tookMs[n]`. */
async function startsOf(
  tookMs: readonly number[],
  flushTimeoutMs: number,
  isShort = false,
): Promise<readonly number[]> {
  const clock = new ManualClock();
  const starts: number[] = [];
  const spool: DeliveryOptions["spool"] = {
    oldest: async () => (starts.length < tookMs.length ? STORED : undefined),
    next: async () => newGroup({ token: "one", blocks: [STORED] }),
    payload: async () => BLOCK,
    finish: async () => undefined,
    setRowsAside: async () => undefined,
    isShort,
    stats: () => ({
      received: 1,
      recovered: 0,
      stored: 0,
      refused: 0,
      dropped: {},
      inFlight: 1,
      blocks: 1,
      bytes: 1,
      recentEvictedEarly: 0,
      oldestUnixMs: 0,
      setAsideBlocks: 0,
      setAsideBytes: 0,
    }),
  };
  const delivery = new Delivery({
    spool,
    clock,
    notify: () => undefined,
    retry: { initialIntervalMs: 1, maxIntervalMs: 2, permanentAttempts: 2 },
    batch: { rowsMax: 1_000, bytesMax: 1_000, flushTimeoutMs },
    drainTimeoutMs: 0,
    send: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.setTimer(tookMs[starts.length] ?? 0, resolve);
      starts.push(clock.monotonic());
      await promise;
      return SUCCESS;
    },
  });
  delivery.start();
  while (starts.length < tookMs.length) {
    await turn();
    clock.advance(STEP_MS);
  }
  clock.advance(tookMs.at(-1) ?? 0);
  await delivery.stop();
  return starts;
}

it("keeps shipments the asked time apart while they are quick", async () => {
  expect(await startsOf([100, 500, 100, 100], 1_000)).toEqual([0, 1_000, 2_000, 3_000]);
});

it("lets more gather after a slow shipment, up to twice the asked time, and less again when it is quick", async () => {
  expect(await startsOf([900, 1_200, 1_900, 100, 100], 1_000)).toEqual([0, 1_350, 3_150, 5_150, 6_150]);
});

it("waits no longer when a shipment took longer than that itself", async () => {
  const starts = await startsOf([5_000, 100, 100], 1_000);
  expect(starts[1]).toBeLessThanOrEqual(5_000 + STEP_MS);
  expect((starts[2] ?? 0) - (starts[1] ?? 0)).toBe(1_000);
});

it("waits for nothing while nothing can come in", async () => {
  expect(await startsOf([100, 100, 100], 1_000, true)).toEqual([0, 100, 200]);
});
