import type { BudgetExceeded } from "../errors.ts";
import { amountIn } from "../lease/amounts.ts";
import type { Amounts } from "../lease/amounts.ts";
import type { LeaseBudget } from "../protocol.ts";

/** What the strictest hard budget in money says of a model without a price; `undefined`: none has a say. */
export function unpricedRule(
  budgets: readonly LeaseBudget[],
): { readonly rule: "deny" | "estimate"; readonly budget: string } | undefined {
  const inMoney = budgets.filter((budget) => budget.measure === "usd" && budget.mode === "hard");
  for (const rule of ["deny", "estimate"] as const) {
    const budget = inMoney.find((candidate) => candidate.unknown_price === rule);
    if (budget !== undefined) return { rule, budget: budget.name };
  }
  return undefined;
}

/** A budget whose threshold stops calls, as an error names it. */
export function stoppedBy(budget: LeaseBudget, wanted: Amounts): ConstructorParameters<typeof BudgetExceeded>[0] {
  const amount = (value: bigint) =>
    budget.measure === "usd"
      ? ({ measure: "usd", value: value as never } as const)
      : ({ measure: budget.measure, value } as const);
  const want = amountIn(budget.measure, wanted);
  return {
    budget: budget.name,
    limit: amount(BigInt(budget.limit)),
    spent: amount(BigInt(budget.settled)),
    wanted: amount(want),
  };
}
