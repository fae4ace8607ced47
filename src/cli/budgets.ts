import { Command } from "commander";
import type { BudgetRow } from "../api/budget-view.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { findProcessor } from "./processor.ts";

/** `tollgate budgets`: every budget as the ledger holds it now. */
export function budgetsCommand(output: Output): Command {
  return new Command("budgets")
    .description("budgets as they stand in the ledger")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: CommonOptions) => {
      const { budgets } = await findProcessor(options).get<{ budgets: readonly BudgetRow[] }>("/v1/budgets");
      if (options.json === true) printJson(output, budgets);
      else if (budgets.length === 0) output.line("no budgets: write one under governance/ (`kind: budget`)");
      else printTable(output, budgets, COLUMNS);
    });
}

const COLUMNS: readonly Column<BudgetRow>[] = [
  { title: "BUDGET", value: (row) => row.name },
  { title: "SCOPE", value: (row) => scopeText(row.scope) },
  { title: "SINCE", value: (row) => row.window_start?.replace(".000Z", "Z") ?? "ever" },
  { title: "LIMIT", align: "right", value: (row) => amount(row, row.limit_usd, row.limit) },
  { title: "SETTLED", align: "right", value: (row) => amount(row, row.settled_usd, row.settled) },
  { title: "GATED", align: "right", value: (row) => amount(row, row.gated_usd, row.gated) },
  { title: "OBSERVED", align: "right", value: (row) => amount(row, row.observed_usd, row.observed) },
  { title: "RESERVED", align: "right", value: (row) => amount(row, row.reserved_usd, row.reserved) },
  { title: "REMAINING", align: "right", value: (row) => amount(row, row.remaining_usd, row.remaining) },
  { title: "MODE", value: (row) => row.mode },
  { title: "STATE", value: (row) => row.state },
];

function scopeText(scope: Readonly<Record<string, string>>): string {
  const parts = Object.entries(scope).map(([key, value]) => `${key}=${value}`);
  return parts.length === 0 ? "everything" : parts.join(" ");
}

function amount(row: BudgetRow, usd: string | null, raw: string): string {
  return usd === null ? `${raw} ${row.measure}` : `$${usd}`;
}
