import { z } from "zod";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import {
  type BudgetReconciliation,
  budgetRow,
  reconciliationView,
  toBudgetRow,
  type UnpricedBudgetRow,
  unpricedRow,
} from "./budget-view.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

/** What ClickHouse adds to the ledger's view of budgets. */
export interface SpendTruth {
  reconciliation(state: BudgetState): BudgetReconciliation;
  /** When it will be used up if it goes on so; `undefined`: not before its window ends, or nobody knows. */
  exhaustedAtMs(state: BudgetState): number | undefined;
  unpriced(): readonly UnpricedBudgetRow[];
}

/** `GET /v1/budgets`: every budget instance as the ledger holds it now, and calls without a price beside them. */
export function budgetsRoute({ ledger, truth }: { readonly ledger: Ledger; readonly truth?: SpendTruth }): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/budgets",
    summary: "Budgets as they stand",
    access: "viewer",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({ budgets: z.array(budgetRow), unpriced: z.array(unpricedRow) }),
    problems: [],
    handle: async () => ({
      budgets: ledger.budgets().map((state) => {
        const row = toBudgetRow(state);
        return truth === undefined
          ? row
          : {
              ...row,
              reconciliation: reconciliationView(state, truth.reconciliation(state)),
              exhausted_at: isoOrNull(truth.exhaustedAtMs(state)),
            };
      }),
      unpriced: [...(truth?.unpriced() ?? [])],
    }),
  });
}

function isoOrNull(unixMs: number | undefined): string | null {
  return unixMs === undefined ? null : new Date(unixMs).toISOString();
}
