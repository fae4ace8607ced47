import { BudgetExceeded } from "../errors.ts";
import type { LeaseBudget } from "../protocol.ts";
import { amountIn } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import { budgetRefusal } from "./budget-refusal.ts";
import type { LedgerRefusal } from "./budget-refusal.ts";

/** The budget that leaves less than the least a call needs; the first one when none does. */
export function tightest(budgets: readonly LeaseBudget[], least: Amounts): LeaseBudget | undefined {
  return budgets.find((budget) => BigInt(budget.remaining) < amountIn(budget.measure, least)) ?? budgets[0];
}

/** What a call is told when `budget` has less than `least`, or lets none through. */
export function refusalOf(budget: LeaseBudget, least: Amounts, told?: LedgerRefusal): BudgetExceeded {
  return new BudgetExceeded(budgetRefusal(budget, { wanted: amountIn(budget.measure, least), told }));
}
