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
import { seesScope, type Tenancy, type Tenant } from "./tenancy.ts";

/** What ClickHouse adds to the ledger's view of budgets. */
export interface SpendTruth {
  reconciliation(state: BudgetState): BudgetReconciliation;
  /** When it will be used up if it goes on so; `undefined`: not before its window ends, or nobody knows. */
  exhaustedAtMs(state: BudgetState): number | undefined;
  unpriced(): readonly UnpricedBudgetRow[];
}

/** `GET /v1/budgets`: every budget instance as the ledger holds it now, and calls without a price beside them. */
export function budgetsRoute({
  ledger,
  truth,
  tenancy,
}: {
  readonly ledger: Ledger;
  readonly truth?: SpendTruth;
  readonly tenancy: Tenancy;
}): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/budgets",
    summary: "Budgets as they stand",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({ budgets: z.array(budgetRow), unpriced: z.array(unpricedRow) }),
    problems: [],
    handle: async ({ tenant }) => ({
      budgets: seenBudgets(ledger, tenant).map((state) => {
        const row = toBudgetRow(state);
        return truth === undefined
          ? row
          : {
              ...row,
              reconciliation: reconciliationView(state, truth.reconciliation(state)),
              exhausted_at: isoOrNull(truth.exhaustedAtMs(state)),
            };
      }),
      unpriced: (truth?.unpriced() ?? []).filter(({ scope }) => tenancy.seesAgent(tenant, scope["agent"] ?? "")),
    }),
  });
}

/** All of them for people of no tenant: there may be very many. */
function seenBudgets(ledger: Ledger, tenant: Tenant): readonly BudgetState[] {
  const all = ledger.budgets();
  return tenant === undefined ? all : all.filter(({ scope }) => seesScope(tenant, scope));
}

function isoOrNull(unixMs: number | undefined): string | null {
  return unixMs === undefined ? null : new Date(unixMs).toISOString();
}
