import type { Budget, BudgetWindow } from "../../budget/budget.ts";
import type { Labels } from "../../budget/ledger.ts";
import { BudgetIndex } from "../../budget/rules/scope.ts";

const DAY_MS = 86_400_000;
const IN_A_DAY = { minute: 1_440n, hour: 24n, day: 1n, week: 1n, month: 1n } as const;

/**
 * Nano-dollars that hard budgets leave an agent in a day at most, by what is known of every call of it; `undefined`: none bounds it.
 * A longer window may be spent in one day. What splits by something that calls differ in (users, sessions) bounds nobody.
 */
export function dayLimits(budgets: readonly Budget[]): (labels: Labels) => bigint | undefined {
  const index = new BudgetIndex(budgets.filter(({ mode, measure }) => mode === "hard" && measure === "usd"));
  return (labels) => {
    let least: bigint | undefined;
    for (const { budget, each } of index.match(labels)) {
      if (budget.each !== undefined && labels[budget.each] === undefined) continue;
      const windows = windowsInADay(budget.window);
      if (windows === undefined) continue;
      const limit = budget.exceptions?.[each ?? ""] ?? budget.limit;
      const carried = (limit * BigInt(Math.ceil(budget.carryOverPercent ?? 0))) / 100n;
      const ofDay = limit * windows + carried;
      if (least === undefined || ofDay < least) least = ofDay;
    }
    return least;
  };
}

function windowsInADay(window: BudgetWindow): bigint | undefined {
  switch (window.kind) {
    case "calendar":
      return IN_A_DAY[window.unit];
    case "rolling":
      return BigInt(Math.max(1, Math.ceil(DAY_MS / window.durationMs)));
    case "lifetime":
      return 1n;
    case "run":
      return undefined;
    default:
      return window satisfies never;
  }
}
