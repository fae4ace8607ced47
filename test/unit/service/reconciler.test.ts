/** The ledger's figures and ClickHouse's answers are told; the minutes pass by a clock that is moved. */
import { beforeEach, expect, it } from "vitest";
import type { Budget } from "../../../src/budget/budget.ts";
import type { BudgetState } from "../../../src/budget/ledger.ts";
import { Reconciler } from "../../../src/service/reconciler.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { FLEET } from "../api/rig.ts";
import { makeBudget } from "../budget/make-budget.ts";

const MINUTE_MS = 60_000;
const DAY = { kind: "calendar", unit: "day" } as const;

let clock: ManualClock;
let state: BudgetState;
/** All that the ledger has. */
let states: () => readonly BudgetState[];
let documents: Budget[];
let rows: (query: Readonly<Record<string, unknown>>) => readonly object[];
let stored: bigint;
let oldestWaitingMs: number | undefined;
let asked: number;
let reconciler: Reconciler;

beforeEach(() => {
  clock = new ManualClock(Date.UTC(2026, 10, 21, 12));
  state = { ...FLEET, settled: 0n, observed: 0n, past: "counted" };
  states = () => [state];
  documents = [makeBudget({ name: FLEET.name, scope: FLEET.scope, window: DAY })];
  rows = () => [row(stored)];
  stored = 0n;
  asked = 0;
  oldestWaitingMs = undefined;
  reconciler = new Reconciler({
    ledger: { eachBudget: () => states() },
    documents: () => documents,
    store: {
      isReady: true,
      select: async <T>(_name: string, query: Readonly<Record<string, unknown>>) => {
        asked += 1;
        return rows(query) as T[];
      },
    },
    oldestWaitingMs: () => oldestWaitingMs,
    leaseTtlMs: 30_000,
    clock,
    telemetry: new Telemetry({ level: "error", write: () => {} }),
  });
});

function row(nanoUsd: bigint, labelValues: readonly string[] = ["checkout"]): object {
  const text = nanoUsd.toString();
  return {
    label_values: labelValues,
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

it("finds no difference in what was spent under more values than may have a budget of their own", async () => {
  documents.push(makeBudget({ name: "per-user", each: "user", eachMax: 1, window: DAY }));
  const perUser = { ...state, name: "per-user", settled: 2n };
  const one: BudgetState = { ...perUser, scope: { user: "one" } };
  const others: BudgetState = { ...perUser, scope: { user: "(beyond 1 values)" }, isBeyondMax: true };
  states = () => [one, others];
  rows = () => ["one", "two"].map((user) => row(2n, [user]));
  await minutes(8);
  expect(reconciler.of(one)).toMatchObject({ state: "agrees", difference: 0n });
  expect(reconciler.of(others).state).toBe("pending");
  expect(reconciler.hasFindings).toBe(false);
});

it("compares the budgets that have few instances where another one has more than it looks at", async () => {
  documents.unshift(makeBudget({ name: "per-user", each: "user", window: DAY }));
  const [user] = [{ ...state, name: "per-user", scope: { user: "0" } }];
  const users = Array.from({ length: 30_000 }, (_, index) => ({ ...user, scope: { user: String(index) } }));
  state = { ...state, settled: 5n };
  states = () => [...users, state];
  let keys: unknown;
  rows = (query) => {
    keys = query["keys"];
    return [row(3n)];
  };
  await minutes(6);
  expect(reconciler.of(state)).toMatchObject({ state: "differs", difference: 2n });
  expect(reconciler.of(user).state).toBe("pending");
  // What is not compared is not asked for: a row for each user would be.
  expect(keys).toEqual(["team"]);
});

it("concludes nothing from sums that are not all of them", async () => {
  state = { ...state, settled: 5n };
  const one = row(0n, ["another"]);
  rows = ({ limit }) => Array.from({ length: Number(limit) }, () => one);
  await minutes(6);
  expect(asked).toBeGreaterThan(0);
  expect(reconciler.of(state).state).toBe("pending");
});
