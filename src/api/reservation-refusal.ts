import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import { type Amounts, amountIn } from "../budget/amounts.ts";
import type { BudgetState } from "../budget/ledger.ts";
import { toBudgetRow } from "./budget-view.ts";
import { ApiProblem } from "./problem.ts";

export interface Refusal {
  readonly need: Amounts;
  readonly nowMs: number;
  readonly fallback: string | undefined;
  /** A threshold of the budget says stop, whatever is left. */
  readonly isStopped?: boolean;
}

/** 402 that names the budget, with Retry-After when its window turns and the wish would fit into an empty one. */
export function exceeded(budget: BudgetState, { need, nowMs, fallback, isStopped = false }: Refusal): ApiProblem {
  const { name, measure, windowEndMs: endMs } = budget;
  const wanted = amountIn(measure, need);
  const couldFit = endMs !== undefined && endMs > nowMs && wanted <= budget.limit;
  const inMeasure = (value: bigint): string =>
    measure === "usd" ? `$${formatUsd(value as NanoUsd)}` : `${value} ${measure}`;
  const left = `${inMeasure(budget.remaining)} left of ${inMeasure(budget.limit)}`;
  const why = isStopped ? "has crossed a threshold that stops" : `is asked for ${inMeasure(wanted)}`;
  // A refusal is decided without what is known of the past: to call it unknown would contradict the view of budgets.
  const { age_ms: _age, scope: _scope, past: _past, ...shown } = toBudgetRow(budget);
  return new ApiProblem("budget_exceeded", `the budget \`${name}\` ${why}, with ${left}`, undefined, {
    extensions: { decision: "deny", budget: shown, ...(fallback === undefined ? {} : { fallback }) },
    ...(couldFit ? { retryAfterSeconds: Math.ceil((endMs - nowMs) / 1_000) } : {}),
  });
}
