import type { BudgetState } from "./ledger.ts";

/** A part of very many budget instances. */
export interface BudgetPage {
  readonly budgets: readonly BudgetState[];
  /** How many there are in all. */
  readonly total: number;
}

const BY_TROUBLE = ["overrun", "exhausted", "warning", "ok"] as const satisfies readonly BudgetState["state"][];

/**
 * At most `limit` budget instances from `offset` on, of which no more are held than those up to the end of the page: `each: user` makes any
 * number. Where there are more, those in trouble come first, the worst before the others; else the order is the ledger's.
 */
export function troubledFirst(
  budgets: Iterable<BudgetState>,
  { limit, offset = 0 }: { readonly limit: number; readonly offset?: number },
): BudgetPage {
  const end = offset + limit;
  const first: BudgetState[] = [];
  const byState: Record<BudgetState["state"], BudgetState[]> = { overrun: [], exhausted: [], warning: [], ok: [] };
  let total = 0;
  for (const budget of budgets) {
    total += 1;
    if (first.length < end) first.push(budget);
    if (byState[budget.state].length < end) byState[budget.state].push(budget);
  }
  const ordered = total <= limit ? first : BY_TROUBLE.flatMap((state) => byState[state]);
  return { budgets: ordered.slice(offset, end), total };
}
