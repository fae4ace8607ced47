import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import type { RecordedCallLine } from "../api/recorded-calls.ts";
import type { Budget } from "../budget/budget.ts";
import {
  BudgetReplay,
  type BudgetReplayReport,
  type BudgetReplayRow,
  type BudgetUse,
  countedFrom,
  type RecordedCall,
} from "../budget/budget-replay.ts";
import { eachLine } from "./lines.ts";
import { type Column, type Output, printTable } from "./output.ts";
import type { Processor } from "./processor.ts";
import { counted } from "../support/counted.ts";

interface BudgetReplayOptions {
  readonly processor: Processor;
  readonly budgets: readonly Budget[];
  /** Unix ms. */
  readonly fromMs: number;
  readonly until: string | undefined;
}

const ROWS_SHOWN = 50;
/** Whose call it was, and what of: shown, whatever budgets look at. */
const ALWAYS = ["agent", "model"];

/** Runs limits over the calls that the processor recorded; `undefined` without a budget. */
export async function replayBudgets(options: BudgetReplayOptions): Promise<BudgetReplayReport | undefined> {
  const { processor, budgets, fromMs, until } = options;
  if (budgets.length === 0) return undefined;
  const replay = new BudgetReplay({ budgets, fromMs });
  const keys = [...new Set([...ALWAYS, ...replay.labelKeys])];
  const since = new Date(countedFrom(budgets, fromMs)).toISOString();
  const question = { path: "/v1/spend/calls", query: { labels: keys.join(","), since, until } };
  await eachLine<RecordedCallLine>(processor, question, (line) => replay.take(callOf(line, keys)));
  return replay.report();
}

function callOf(line: RecordedCallLine, keys: readonly string[]): RecordedCall {
  const [atMs, values, nanoUsd, calls, input, output, cached, reasoning, isUnpriced, traceId] = line;
  const labels = Object.fromEntries(keys.flatMap((key, index) => (values[index] ? [[key, values[index]]] : [])));
  const tokens = BigInt(input + output);
  return {
    atMs,
    labels,
    traceId,
    isUnpriced,
    amounts: {
      nanoUsd: BigInt(nanoUsd),
      tokens,
      calls: BigInt(calls),
      kinds: {
        inputTokens: BigInt(input),
        outputTokens: BigInt(output),
        cachedTokens: BigInt(cached),
        reasoningTokens: BigInt(reasoning),
        toolCalls: BigInt(1 - calls),
        unpricedCalls: isUnpriced ? 1n : 0n,
        unpricedTokens: isUnpriced ? tokens : 0n,
      },
    },
  };
}

/** The report with amounts as text: `1.250000000` of dollars, digits of anything else. */
export function budgetReportJson(report: BudgetReplayReport): unknown {
  const measures = new Map(report.budgets.map(({ budget, measure }) => [budget, measure]));
  return {
    ...report,
    budgets: report.budgets.map((use) => ({
      ...use,
      limit: amountText(use.measure, use.limit),
      most: amountText(use.measure, use.most),
    })),
    rows: report.rows.map((row) => ({ ...row, amount: amountText(measures.get(row.budget), row.amount) })),
  };
}

export function printBudgetReport(output: Output, report: BudgetReplayReport): void {
  const { budgets, rows, calls, stopped, not_replayed: others } = report;
  const measures = new Map(budgets.map(({ budget, measure }) => [budget, measure]));
  output.line("");
  printTable(output, budgets, USE_COLUMNS);
  const shown = rows.toSorted((a, b) => b.calls - a.calls).slice(0, ROWS_SHOWN);
  if (shown.length > 0) printTable(output, shown, rowColumns(measures));
  const more = report.more_rows + rows.length - shown.length;
  if (more > 0) output.line(`and ${more} more (--json shows ${rows.length})`);
  output.line(`${counted(calls, "call")}, of which ${stopped} would have been stopped`);
  if (others.length > 0) output.line(`not replayed, as they count runs in flight: ${others.join(", ")}`);
}

const USE_COLUMNS: readonly Column<BudgetUse>[] = [
  { title: "BUDGET", value: (use) => use.budget },
  { title: "MODE", value: (use) => use.mode },
  { title: "CALLS", align: "right", value: (use) => String(use.calls) },
  { title: "MOST USED", align: "right", value: (use) => amountText(use.measure, use.most) },
  { title: "LIMIT", align: "right", value: (use) => amountText(use.measure, use.limit) },
  { title: "AT", value: (use) => (use.most_ms === 0 ? "-" : new Date(use.most_ms).toISOString()) },
];

function rowColumns(measures: ReadonlyMap<string, Budget["measure"]>): readonly Column<BudgetReplayRow>[] {
  return [
    { title: "CALLS", align: "right", value: (row) => String(row.calls) },
    { title: "WOULD BE", value: (row) => row.effect },
    { title: "BY BUDGET", value: (row) => [row.budget, row.instance].filter((part) => part !== "").join(" ") },
    { title: "AGENT", value: (row) => row.agent || "-" },
    { title: "OF", align: "right", value: (row) => amountText(measures.get(row.budget), row.amount) },
    { title: "FIRST", value: (row) => new Date(row.first_ms).toISOString() },
    { title: "TRACE", value: (row) => row.traces[0] ?? "-" },
  ];
}

function amountText(measure: Budget["measure"] | undefined, amount: bigint): string {
  return measure === "usd" ? formatUsd(amount as NanoUsd) : String(amount);
}
