import { budgetRefusal, obstacleOf, refusalText } from "@tollgate/instrumentation/protocol";
import { type Amounts, amountIn } from "../budget/amounts.ts";
import type { BudgetState, Obstacle } from "../budget/ledger.ts";
import { leaseBudget, ledgerRefusal, toBudgetRow } from "./budget-view.ts";
import { ApiProblem } from "./problem.ts";

export interface Refusal {
  readonly need: Amounts;
  readonly nowMs: number;
  readonly fallback: string | undefined;
  /** `undefined`: the budget's figures show it. */
  readonly obstacle: Obstacle | undefined;
}

/** What others hold may come free at any moment: whoever asks again does so after this long. */
const HELD_RETRY_S = 1;

/** 402 that names the budget and what stands in the way, with Retry-After where that ends by itself. */
export function exceeded(budget: BudgetState, { need, nowMs, fallback, obstacle: known }: Refusal): ApiProblem {
  const obstacle = known ?? { kind: undefined, untilMs: budget.windowEndMs, heldBy: 0, heldBySilent: 0 };
  const told = ledgerRefusal(obstacle);
  const wanted = amountIn(budget.measure, need);
  const refusal = budgetRefusal(leaseBudget(budget), { wanted, told });
  const kind = obstacleOf(refusal);
  const seconds = kind === "reserved" || kind === "runs" ? HELD_RETRY_S : secondsUntil(obstacle, nowMs);
  // A refusal is decided without what is known of the past: to call it unknown would contradict the view of budgets.
  const { age_ms: _age, scope: _scope, past: _past, ...shown } = toBudgetRow(budget);
  const extensions = { ...told, decision: "deny", budget: shown, obstacle: kind };
  return new ApiProblem("budget_exceeded", refusalText(refusal), undefined, {
    extensions: { ...extensions, ...(fallback === undefined ? {} : { fallback }) },
    ...(seconds === undefined || wanted > budget.limit ? {} : { retryAfterSeconds: seconds }),
  });
}

function secondsUntil({ untilMs }: Obstacle, nowMs: number): number | undefined {
  return untilMs === undefined || untilMs <= nowMs ? undefined : Math.ceil((untilMs - nowMs) / 1_000);
}
