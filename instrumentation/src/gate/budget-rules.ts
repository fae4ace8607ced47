import type { LeaseBudget, Measure } from "../protocol.ts";

/** What the budgets of one reply of the ledger say of every call, worked out once. */
export interface BudgetRules {
  /** How the input is bounded: what any of them wishes. */
  readonly wishesTokenizer: boolean;
  readonly wishesStrict: boolean;
  /** A hard budget whose threshold lets no call through. */
  readonly stop: LeaseBudget | undefined;
}

const KINDS_OF_CALLS: ReadonlySet<Measure> = new Set([
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "reasoning_tokens",
  "unpriced_calls",
  "unpriced_tokens",
]);

/** It counts a kind of tokens, or calls without a price: amounts must tell kinds apart then. */
export function isOfKinds(measure: Measure): boolean {
  return KINDS_OF_CALLS.has(measure);
}

const rules = new WeakMap<readonly LeaseBudget[], BudgetRules>();

export function rulesOf(budgets: readonly LeaseBudget[]): BudgetRules {
  if (last.budgets === budgets) return last.rules;
  let known = rules.get(budgets);
  if (known === undefined) rules.set(budgets, (known = readRules(budgets)));
  last = { budgets, rules: known };
  return known;
}

/** Calls of one lease come with the same reply again and again. */
let last: { readonly budgets: readonly LeaseBudget[] | undefined; readonly rules: BudgetRules } = {
  budgets: undefined,
  rules: readRules([]),
};

function readRules(budgets: readonly LeaseBudget[]): BudgetRules {
  return {
    wishesTokenizer: budgets.some(({ reserve }) => reserve === "tokenizer"),
    wishesStrict: budgets.some(({ reserve }) => reserve === "strict"),
    stop: budgets.find(
      ({ mode, actions }) =>
        mode === "hard" && actions.some(({ do: action }) => action === "stop" || action === "kill"),
    ),
  };
}

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
