import { z } from "zod";
import type { BudgetState, Ledger } from "../budget/ledger.ts";
import { troubledFirst } from "../budget/troubled-first.ts";
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

const PAGE_DEFAULT = 1_000;
/** Some 7 MB. All of 200,000 would be 140, made while nobody is granted anything. */
const PAGE_MAX = 10_000;

const budgetsQuery = z.object({
  name: z.string().optional().describe("Only the budget of this name."),
  each: z.string().optional().describe("Only instances with this value in their scope, as that of `each`."),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE_DEFAULT),
  offset: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("Where there are more than `limit`, those in trouble come first."),
});

/** `GET /v1/budgets`: budget instances as the ledger holds them now, and calls without a price beside them. */
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
    query: budgetsQuery,
    params: NOTHING,
    reply: z.object({
      budgets: z.array(budgetRow),
      total: z.int().describe("How many instances there are of those asked for."),
      unpriced: z.array(unpricedRow),
    }),
    problems: [],
    handle: async ({ tenant, query }) => {
      const page = troubledFirst(askedBudgets(ledger.eachBudget(), { tenant, ...query }), query);
      const budgets = page.budgets.map((state) => {
        const row = toBudgetRow(state);
        return truth === undefined
          ? row
          : {
              ...row,
              reconciliation: reconciliationView(state, truth.reconciliation(state)),
              exhausted_at: isoOrNull(truth.exhaustedAtMs(state)),
            };
      });
      const unpriced = (truth?.unpriced() ?? []).filter(({ scope }) => tenancy.seesAgent(tenant, scope["agent"] ?? ""));
      return { budgets, total: page.total, unpriced };
    },
  });
}

function* askedBudgets(
  all: Iterable<BudgetState>,
  {
    tenant,
    name,
    each,
  }: { readonly tenant: Tenant; readonly name?: string | undefined; readonly each?: string | undefined },
): Generator<BudgetState> {
  for (const state of all) {
    const isAsked = name === undefined || state.name === name;
    const isOfValue = each === undefined || Object.values(state.scope).includes(each);
    if (isAsked && isOfValue && (tenant === undefined || seesScope(tenant, state.scope))) yield state;
  }
}

function isoOrNull(unixMs: number | undefined): string | null {
  return unixMs === undefined ? null : new Date(unixMs).toISOString();
}
