import { describe, expect, it } from "vitest";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { type BudgetStateRow, BudgetStatesWriter } from "../../../src/service/budget-states.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FakeLedger, FLEET } from "../api/rig.ts";

/** Work takes time on it. */
class WorkedClock extends ManualClock {
  workedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.workedMs;
  }
}

function rig({ lookMs = 0 } = {}) {
  const clock = new WorkedClock();
  const logLines: string[] = [];
  const states: { current: readonly BudgetState[] } = { current: [FLEET] };
  const written: (readonly BudgetStateRow[])[] = [];
  const store = { isReady: true, failure: undefined as Error | undefined };
  const told = new Set<BudgetState>();
  const ledger = new (class extends FakeLedger {
    override changedBudgets(max = Number.POSITIVE_INFINITY): readonly BudgetState[] {
      clock.workedMs += lookMs;
      const changed = states.current.filter((state) => !told.has(state)).slice(0, max);
      for (const state of changed) told.add(state);
      return changed;
    }
  })();
  const writer = new BudgetStatesWriter({
    ledger,
    clock,
    telemetry: new Telemetry({ write: (line) => void logLines.push(line), now: () => clock.now() }),
    isStorageReady: () => store.isReady,
    insert: async (rows) => {
      if (store.failure !== undefined) throw store.failure;
      written.push(rows);
    },
  });
  const tick = async (): Promise<void> => {
    clock.advance(1_000);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { writer, states, written, store, tick, logLines, clock };
}

describe("BudgetStatesWriter", () => {
  it("writes a state once, and again when it has changed", async () => {
    const { writer, states, written, tick } = rig();
    await writer.start();
    await tick();
    await tick();
    expect(written).toHaveLength(1);
    expect(written[0]?.[0]).toMatchObject({
      name: "fleet",
      scope: '{"team":"checkout"}',
      settled: "1000000001",
      window_start: "2026-11-21 00:00:00.000",
    });
    states.current = [{ ...FLEET, settled: 2_000_000_000n }];
    await tick();
    expect(written[1]?.[0]).toMatchObject({ settled: "2000000000" });
    await writer.stop();
  });

  it("looks the more seldom, the longer a look at all of them takes, and writes the last state when it stops", async () => {
    const lookMs = 250;
    const { writer, states, written, tick, clock } = rig({ lookMs });
    await writer.start();
    for (let seconds = 1; seconds <= 100; seconds += 1) {
      states.current = [{ ...FLEET, settled: BigInt(seconds) }];
      await tick();
    }
    expect(clock.workedMs / clock.monotonic()).toBeLessThanOrEqual(0.05);
    expect(written.length).toBeGreaterThanOrEqual(15);
    states.current = [{ ...FLEET, settled: 7_777n }];
    await writer.stop();
    expect(written.at(-1)?.[0]).toMatchObject({ settled: "7777" });
  });

  it("writes the most that a column holds where the ledger has counted more", async () => {
    const { writer, states, written, tick } = rig();
    states.current = [{ ...FLEET, settled: 2n ** 63n + 7n, reserved: 2n ** 64n }];
    await writer.start();
    await tick();
    expect(written[0]?.[0]).toMatchObject({ settled: "9223372036854775807", reserved: "9223372036854775807" });
    await writer.stop();
  });

  it("waits while ClickHouse is away, says once that a write failed, and writes the newest state then", async () => {
    const { writer, states, written, store, tick, logLines } = rig();
    store.isReady = false;
    await writer.start();
    await tick();
    expect(written).toEqual([]);
    store.isReady = true;
    store.failure = new Error("no space left");
    await tick();
    await tick();
    expect(logLines).toHaveLength(1);
    store.failure = undefined;
    states.current = [{ ...FLEET, reserved: 0n }];
    await tick();
    expect(written).toHaveLength(1);
    expect(written[0]?.[0]).toMatchObject({ reserved: "0" });
    await writer.stop();
  });

  it("writes so many at once and no more, however often that failed", async () => {
    const { writer, states, written, store, tick } = rig();
    states.current = Array.from({ length: 6_000 }, (_, user) => ({ ...FLEET, scope: { user: String(user) } }));
    store.failure = new Error("no space left");
    await writer.start();
    await tick();
    await tick();
    store.failure = undefined;
    await tick();
    await tick();
    expect(written.map(({ length }) => length)).toEqual([5_000, 1_000]);
    await writer.stop();
  });

  it("writes the last state when it stops, and leaves no timer", async () => {
    const { writer, written, clock } = rig();
    await writer.start();
    await writer.stop();
    expect(written).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
