/** The ledger's figures and ClickHouse's answers are told; the minutes pass by a clock that is moved. */
import { beforeEach, expect, it } from "vitest";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { Reconciler } from "../../../src/service/reconciler.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FLEET } from "../api/rig.ts";
import { makeBudget } from "../budget/make-budget.ts";

const MINUTE_MS = 60_000;

let clock: ManualClock;
let state: BudgetState;
let stored: bigint;
let oldestWaitingMs: number | undefined;
let asked: number;
let reconciler: Reconciler;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 21, 12));
  state = { ...FLEET, settled: 0n, observed: 0n, past: "counted" };
  stored = 0n;
  asked = 0;
  oldestWaitingMs = undefined;
  reconciler = new Reconciler({
    ledger: { budgets: () => [state], labelKeys: () => ["team"] },
    documents: () => [makeBudget({ name: FLEET.name, scope: FLEET.scope, window: { kind: "calendar", unit: "day" } })],
    store: {
      isReady: true,
      select: async <T>() => {
        asked += 1;
        return [row(stored)] as T[];
      },
    },
    oldestWaitingMs: () => oldestWaitingMs,
    leaseTtlMs: 30_000,
    clock,
    telemetry: new Telemetry({ level: "error", write: () => {} }),
  });
});

function row(nanoUsd: bigint): object {
  const text = nanoUsd.toString();
  return {
    label_values: ["checkout"],
    leased: true,
    least_calls: "0",
    least_tokens: "0",
    least_nano_usd: text,
    most_calls: "0",
    most_tokens: "0",
    most_nano_usd: text,
    repriced_nano_usd: "0",
  };
}

async function minutes(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute += 1) {
    clock.advance(MINUTE_MS);
    await reconciler.look();
  }
}

it("agrees when both add up to the same, and says up to when", async () => {
  state = { ...state, settled: 5n };
  stored = 5n;
  expect(reconciler.of(state).state).toBe("pending");
  await minutes(3);
  expect(reconciler.of(state)).toMatchObject({ state: "agrees", asOfMs: clock.now() - 2 * MINUTE_MS, difference: 0n });
});

it("finds a difference that stays, after three minutes, and drops it when it is gone", async () => {
  state = { ...state, settled: 5n };
  stored = 3n;
  await minutes(4);
  expect(reconciler.of(state).state).toBe("agrees");
  await minutes(1);
  expect(reconciler.of(state)).toMatchObject({ state: "differs", difference: 2n, reason: "lost_spans" });
  stored = 5n;
  await minutes(1);
  expect(reconciler.of(state).state).toBe("agrees");
});

it("waits while a block is not delivered, and does not call it a difference", async () => {
  state = { ...state, settled: 5n };
  oldestWaitingMs = clock.now();
  await minutes(10);
  expect(asked).toBe(0);
  expect(reconciler.of(state).state).toBe("pending");
});

it("makes no finding of a budget that does not know its past", async () => {
  state = { ...state, settled: 3n, past: "joined" };
  stored = 5n;
  await minutes(8);
  expect(reconciler.of(state)).toMatchObject({ state: "agrees", difference: -2n });
});
