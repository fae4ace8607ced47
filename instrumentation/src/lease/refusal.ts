import { BudgetExceeded } from "../errors.ts";
import type { BudgetAmount } from "../errors.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { LeaseBudget } from "../protocol.ts";
import { amountIn } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";

/** The budget that leaves less than the least a call needs; the first one when none does. */
export function tightest(budgets: readonly LeaseBudget[], least: Amounts): LeaseBudget | undefined {
  return budgets.find((budget) => BigInt(budget.remaining) < wantedOf(budget, least).value) ?? budgets[0];
}

/** What a call is told when `budget` has less than `least`. */
export function refusalOf(budget: LeaseBudget, least: Amounts): BudgetExceeded {
  const amount = (digits: string): BudgetAmount => toBudgetAmount(budget.measure, BigInt(digits));
  return new BudgetExceeded({
    budget: budget.name,
    limit: amount(budget.limit),
    spent: amount(budget.settled),
    wanted: wantedOf(budget, least),
  });
}

function wantedOf({ measure }: LeaseBudget, least: Amounts): BudgetAmount {
  return toBudgetAmount(measure, amountIn(measure, least));
}

function toBudgetAmount(measure: LeaseBudget["measure"], value: bigint): BudgetAmount {
  return measure === "usd" ? { measure, value: value as NanoUsd } : { measure, value };
}
