/** What the ledger and ClickHouse say was spent, asked as a user would: `budgets` and `sql` of the command line. */
import type { ProcessorProcess } from "./processor-process.ts";

export interface LedgerCount {
  readonly limitNanoUsd: bigint;
  readonly settledNanoUsd: bigint;
  readonly reservedNanoUsd: bigint;
}

export interface ClickHouseCount {
  readonly nanoUsd: bigint;
  readonly calls: number;
}

interface BudgetRow {
  readonly name: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly limit: string;
  readonly settled: string;
  readonly reserved: string;
}

/** The budget of this name (and, with `scope`, the instance that has these labels). Throws when there is none. */
export async function ledgerCount(
  processor: ProcessorProcess,
  name: string,
  scope: Readonly<Record<string, string>> = {},
): Promise<LedgerCount> {
  const rows = (await processor.cli("budgets")) as readonly BudgetRow[];
  const row = rows.find(
    (candidate) =>
      candidate.name === name && Object.entries(scope).every(([key, value]) => candidate.scope[key] === value),
  );
  if (row === undefined) throw new Error(`the ledger knows no budget \`${name}\` with ${JSON.stringify(scope)}`);
  return {
    limitNanoUsd: BigInt(row.limit),
    settledNanoUsd: BigInt(row.settled),
    reservedNanoUsd: BigInt(row.reserved),
  };
}

/** Billed calls and their cost over the spans that `where` (SQL over the columns of `llm_calls`) picks. */
export async function clickHouseCount(processor: ProcessorProcess, where = "1"): Promise<ClickHouseCount> {
  const [row] = (await processor.cli(
    "sql",
    `SELECT toString(sum(cost_nano_usd)) AS nano_usd, toString(countIf(decision NOT IN ('deny', 'forbid'))) AS calls FROM llm_calls WHERE ${where}`,
  )) as readonly { readonly nano_usd: string; readonly calls: string }[];
  return { nanoUsd: BigInt(row?.nano_usd ?? 0), calls: Number(row?.calls ?? 0) };
}

/** How many denied tool calls have left a span. */
export async function deniedToolSpans(processor: ProcessorProcess, tool: string): Promise<number> {
  const [row] = (await processor.cli(
    "sql",
    `SELECT toString(count()) AS spans FROM tool_decisions WHERE decision = 'deny' AND tool = '${tool}'`,
  )) as readonly { readonly spans: string }[];
  return Number(row?.spans ?? 0);
}
