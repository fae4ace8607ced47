import { Command } from "commander";
import type { BudgetRow, UnpricedBudgetRow } from "../api/budget-view.ts";
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
      const { budgets, unpriced } = await findProcessor(options).get<Reply>("/v1/budgets");
      if (options.json === true) return printJson(output, [...budgets, ...unpriced]);
      if (budgets.length === 0) output.line("no budgets: write one under governance/ (`kind: budget`)");
      else printTable(output, budgets, COLUMNS);
      if (unpriced.length === 0) return;
      output.line("");
      output.line("without a price this month (they cost, and no budget in dollars counts them):");
      printTable(output, unpriced, UNPRICED_COLUMNS);
    });
}

interface Reply {
  readonly budgets: readonly BudgetRow[];
  readonly unpriced: readonly UnpricedBudgetRow[];
}

const UNPRICED_COLUMNS: readonly Column<UnpricedBudgetRow>[] = [
  { title: "SCOPE", value: (row) => scopeText(row.scope) },
  { title: "CALLS", align: "right", value: (row) => row.settled },
  { title: "TOKENS", align: "right", value: (row) => row.tokens },
];

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
  { title: "CLICKHOUSE", value: comparison },
];

/** Whether the spans add up to the same; what is odd about the past comes first. */
function comparison({ past, reconciliation }: BudgetRow): string {
  if (past === "awaited") return "past awaited";
  if (past === "unknown") return "past unknown";
  if (reconciliation?.state !== "differs") return reconciliation?.state ?? "";
  return `differs by ${reconciliation.difference_usd ?? reconciliation.difference} (${reconciliation.reason})`;
}

function scopeText(scope: Readonly<Record<string, string>>): string {
  const parts = Object.entries(scope).map(([key, value]) => `${key}=${value}`);
  return parts.length === 0 ? "everything" : parts.join(" ");
}

function amount(row: BudgetRow, usd: string | null, raw: string): string {
  return usd === null ? `${raw} ${row.measure}` : `$${usd}`;
}
