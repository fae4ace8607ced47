import { Command } from "commander";
import type { BudgetRow, UnpricedBudgetRow } from "../api/budget-view.ts";
import type { RaiseRow } from "../api/raises.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";
import { scopeText, stateText } from "./budget-text.ts";
import { findProcessor, pathPart } from "./processor.ts";

/** `tollgate budgets`: every budget as the ledger holds it now. */
export function budgetsCommand(output: Output): Command {
  return new Command("budgets")
    .description("budgets as they stand in the ledger")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .option("--name <budget>", "only this budget")
    .option("--each <value>", "only instances with this value in their scope")
    .option("--limit <n>", "at most this many, those in trouble first (default 1000, at most 10000)")
    .action(async ({ name, each, limit, ...options }: BudgetsOptions) => {
      const query = { name, each, limit };
      const { budgets, total, unpriced } = await findProcessor(options).get<Reply>("/v1/budgets", query);
      const more = total - budgets.length;
      if (more > 0)
        process.stderr.write(
          `${more} more budgets are not shown: see --limit, --name and --each, or the SQL view budgets_now\n`,
        );
      if (options.json === true) return printJson(output, [...budgets, ...unpriced]);
      if (budgets.length === 0) output.line("no budgets: write one under governance/ (`kind: budget`)");
      else printTable(output, budgets, COLUMNS);
      for (const line of raisesOf(budgets)) output.line(printable(line));
      if (unpriced.length === 0) return;
      output.line("");
      output.line("without a price this month (they cost, and no budget in dollars counts them):");
      printUnpriced(output, unpriced);
    })
    .addCommand(raiseCommand(output));
}

interface BudgetsOptions extends CommonOptions {
  readonly name?: string;
  readonly each?: string;
  readonly limit?: string;
}

interface Reply {
  readonly budgets: readonly BudgetRow[];
  readonly total: number;
  readonly unpriced: readonly UnpricedBudgetRow[];
}

/** Names of models can be made up: who reads a table sees those that were asked most. */
const UNPRICED_SHOWN_MAX = 20;

export function printUnpriced(output: Output, rows: readonly UnpricedBudgetRow[]): void {
  const most = rows.toSorted((left, right) => Number(BigInt(right.settled) - BigInt(left.settled)));
  printTable(output, most.slice(0, UNPRICED_SHOWN_MAX), UNPRICED_COLUMNS);
  const more = most.length - UNPRICED_SHOWN_MAX;
  if (more > 0) output.line(`and ${more} more: \`budgets --json\` has all`);
}

const UNPRICED_COLUMNS: readonly Column<UnpricedBudgetRow>[] = [
  { title: "SCOPE", value: (row) => scopeText(row.scope) },
  { title: "CALLS", align: "right", value: (row) => row.settled },
  { title: "TOKENS", align: "right", value: (row) => row.tokens },
];

interface RaiseOptions extends CommonOptions {
  readonly by: string;
  readonly for: string;
  readonly reason: string;
  readonly each?: string;
}

/** `tollgate budgets raise`: lets a budget spend more for a time. */
function raiseCommand(output: Output): Command {
  return new Command("raise")
    .description("let a budget spend more for a time; calls that wait for it go on")
    .argument("<name>", "of the budget")
    .requiredOption("--by <amount>", "as limits are written: `$10`, `50000 tokens`")
    .requiredOption("--for <duration>", "for how long: `2h`")
    .requiredOption("--reason <text>", "why; it is logged and shown with the budget")
    .option("--each <value>", "only for this value of the budget's `each`")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (name: string, _options: RaiseOptions, command: Command) => {
      // What stands before and after `raise` counts the same.
      const options = command.optsWithGlobals<RaiseOptions>();
      const { by, for: time, reason, each } = options;
      const path = `/v1/budgets/${pathPart(name)}/raises`;
      const body = { by, for: time, reason, ...(each === undefined ? {} : { each }) };
      const raise = await findProcessor(options).post<RaiseRow>(path, body);
      if (options.json === true) printJson(output, raise);
      else output.line(printable(`raised ${raiseText(raise)}`));
    });
}

function raiseText({ budget, each, by, by_usd: usd, until, author, reason }: RaiseRow): string {
  const whose = each === undefined ? budget : `${budget} (${each})`;
  return `${whose} by ${usd === null ? by : `$${usd}`} until ${until}: ${reason} (${author})`;
}

function raisesOf(budgets: readonly BudgetRow[]): readonly string[] {
  const raises = new Map(budgets.flatMap((row) => row.raises.map((raise) => [raise.id, raise] as const)));
  return [...raises.values()].map((raise) => `raised: ${raiseText(raise)}`);
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
  { title: "STATE", value: stateText },
  { title: "ENDS", value: (row) => row.exhausted_at?.slice(0, 16).replace("T", " ") ?? "" },
  { title: "CLICKHOUSE", value: comparison },
];

/** Whether the spans add up to the same; what is odd about the past comes first. */
function comparison({ past, mode, closed_until: until, reconciliation }: BudgetRow): string {
  const closed = until === null || mode !== "hard" ? [] : [`closed until ${until.replace(/\.\d+Z$/, "Z")}`];
  if (past === "awaited" || closed.length > 0)
    return [...(past === "awaited" ? ["past awaited"] : []), ...closed].join(", ");
  if (past === "unknown") return "past unknown";
  if (reconciliation?.state !== "differs") return reconciliation?.state ?? "";
  return `differs by ${reconciliation.difference_usd ?? reconciliation.difference} (${reconciliation.reason})`;
}

function amount(row: BudgetRow, usd: string | null, raw: string): string {
  return usd === null ? `${raw} ${row.measure.replace("_", " ")}` : `$${usd}`;
}
