import { z } from "zod";
import type { Ledger } from "../budget/ledger.ts";
import { budgetRow, toBudgetRow } from "./budget-view.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

/** `GET /v1/budgets`: every budget instance as the ledger holds it now. */
export function budgetsRoute({ ledger }: { readonly ledger: Ledger }): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/budgets",
    summary: "Budgets as they stand",
    access: "person",
    body: NOTHING,
    query: NOTHING,
    params: NOTHING,
    reply: z.object({ budgets: z.array(budgetRow) }),
    problems: [],
    handle: async () => ({ budgets: ledger.budgets().map(toBudgetRow) }),
  });
}
