/** What an app is told when a budget refuses: what stands in the way, how much it is, and what ends it. */
import { describe, expect, it } from "vitest";
import { BudgetExceeded } from "../../../../instrumentation/src/errors.ts";
import { formatAmount, toBudgetAmount } from "../../../../instrumentation/src/lease/budget-amount.ts";
import { LocalPurse } from "../../../../instrumentation/src/lease/purse.ts";
import { refusalOf } from "../../../../instrumentation/src/lease/refusal.ts";
import type { LeaseBudget, LedgerRefusal } from "../../../../instrumentation/src/protocol.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const CENT = 10_000_000n;
const NOON = "2026-05-04T12:00:00.000Z";

interface Figures extends Partial<Pick<LeaseBudget, "measure" | "actions">> {
  readonly limit?: bigint;
  readonly settled?: bigint;
  readonly reserved?: bigint;
}

/** A dollar of which nothing is spent, unless said otherwise. */
function budget({ limit = 100n * CENT, settled = 0n, reserved = 0n, ...of }: Figures): LeaseBudget {
  return {
    name: "fleet",
    measure: "usd",
    mode: "hard",
    unknown_price: "deny",
    actions: [],
    ...of,
    limit: String(limit),
    settled: String(settled),
    reserved: String(reserved),
    remaining: String(limit - settled - reserved),
  };
}

function refused(
  of: Figures,
  { wanted = CENT, told }: { readonly wanted?: bigint; readonly told?: LedgerRefusal } = {},
): [string, string] {
  const error = refusalOf(budget(of), { nanoUsd: wanted, tokens: wanted, calls: 1n }, told);
  expect(error).toMatchObject({ name: "BudgetExceeded", code: "budget_exceeded", budget: "fleet" });
  return [error.obstacle, error.message];
}

describe("a call that a budget refuses is told", () => {
  it("that the past is awaited, of whom, and when it ends, never that the budget is exceeded", () => {
    const told = { obstacle: "past_awaited", until: NOON } as const;
    expect(refused({ limit: 100_000n * CENT }, { told })).toEqual([
      "past_awaited",
      "budget `fleet` of $1000.00 grants nothing yet: the processor does not know what was spent before, for it has no answer " +
        `from ClickHouse (\`tollgate status\`): calls go on when it has, or at ${NOON} without`,
    ]);
  });

  it("that the journal was lost", () => {
    expect(refused({}, { told: { obstacle: "past_lost", until: NOON } })).toEqual([
      "past_lost",
      `budget \`fleet\` of $1.00 grants nothing before ${NOON}: the ledger lost its journal, and what it had granted may still be spent`,
    ]);
  });

  it("how much is reserved, and by how many processes", () => {
    const held = { settled: 10n * CENT, reserved: 90n * CENT };
    const more = "what the reservations do not use comes free when their calls end";
    const text = (by: string) =>
      `budget \`fleet\` of $1.00 has too little free now: $0.10 spent, $0.90 reserved${by}, and this call needs $0.01 or more: ${more}`;
    expect(refused(held)).toEqual(["reserved", text("")]);
    expect(refused(held, { told: { held_by: 1 } })).toEqual(["reserved", text(" by 1 other process")]);
    expect(refused(held, { told: { held_by: 3, held_by_silent: 1 } })).toEqual([
      "reserved",
      text(" by 3 other processes (1 of them silent since their lease expired)"),
    ]);
    expect(refused(held, { told: { held_by: 100 } })[1]).toContain(" by 100 or more other processes, ");
  });

  it("what was spent, when the window ends, and whether anything is left", () => {
    expect(refused({ settled: 102n * CENT }, { told: { until: NOON } })).toEqual([
      "spent",
      `budget \`fleet\` of $1.00 is used up: $1.02 spent; its window ends at ${NOON}`,
    ]);
    expect(refused({ settled: 102n * CENT }, { wanted: 300n * CENT })[0]).toBe("spent");
    const left = { settled: 98n * CENT, reserved: CENT };
    expect(refused(left, { wanted: 5n * CENT })).toEqual([
      "spent",
      "budget `fleet` of $1.00 has too little left: $0.98 spent, $0.01 reserved, and this call needs $0.05 or more",
    ]);
  });

  it("that it would not fit into the whole limit", () => {
    expect(refused({ settled: CENT }, { wanted: 300n * CENT })).toEqual([
      "too_large",
      "budget `fleet` of $1.00 is less than one such call may cost: $3.00, with its output bound as low as it goes",
    ]);
  });

  it("which threshold stops it, whatever is left", () => {
    const actions = [{ do: "notify", at_percent: 50 } as const, { do: "stop", at_percent: 80 } as const];
    expect(refused({ settled: 81n * CENT, actions }, { told: { until: NOON } })).toEqual([
      "threshold",
      `budget \`fleet\` of $1.00 stops calls at 80 %: $0.81 spent; its window ends at ${NOON}`,
    ]);
  });

  it("that what is left is kept for sessions that have begun", () => {
    expect(refused({ settled: 79n * CENT }, { told: { obstacle: "finishing", at_percent: 80 } })).toEqual([
      "finishing",
      "budget `fleet` of $1.00 keeps what is above 80 % for sessions that have begun: $0.79 spent, and this call needs $0.01 or more",
    ]);
  });

  it("that its value of `each` has no place, and that all runs are taken", () => {
    expect(refused({}, { told: { obstacle: "values" } })).toEqual([
      "values",
      "budget `fleet` of $1.00 has no place for another value of its `each` (`each_max`)",
    ]);
    expect(refused({ measure: "concurrent_runs", limit: 5n, reserved: 5n })).toEqual([
      "runs",
      "budget `fleet` of 5 concurrent runs has no free place: 5 in flight",
    ]);
  });

  it("in the budget's own measure", () => {
    expect(refused({ measure: "tokens", limit: 1_000n, settled: 900n }, { wanted: 200n })[1]).toBe(
      "budget `fleet` of 1000 tokens has too little left: 900 tokens spent, and this call needs 200 tokens or more",
    );
  });
});

it("a budget of the process tells what its own calls in flight hold", async () => {
  const purse = new LocalPurse({
    name: "TOLLGATE_BUDGET",
    limit: (50n * CENT) as never,
    clock: new HandClock(),
    waitMs: 0,
  });
  const want = (cents: bigint) => {
    const amounts = { nanoUsd: cents * CENT, tokens: 0n, calls: 1n };
    return { worst: amounts, least: amounts, fitting: () => undefined, signal: undefined };
  };
  await purse.reserve(want(49n));
  const error = new BudgetExceeded(purse.refusal((2n * CENT) as never));
  expect([error.obstacle, error.message]).toEqual([
    "reserved",
    "budget `TOLLGATE_BUDGET` of $0.50 has too little free now: $0.00 spent, $0.49 reserved, and this call needs $0.02 or more: " +
      "what the reservations do not use comes free when their calls end",
  ]);
});

it("money is shown with all that it has, and at least with cents", () => {
  const shown = [0n, 1n, 1_000n, 49_950_000n, 500_000_000n, 1_000_000_000_000n].map((value) =>
    formatAmount(toBudgetAmount("usd", value)),
  );
  expect(shown).toEqual(["$0.00", "$0.000000001", "$0.000001", "$0.04995", "$0.50", "$1000.00"]);
});
