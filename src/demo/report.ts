/** How the demo's result is shown: a table for people, one JSON document for machines. */
import { dollars, type DemoResult } from "./demo.ts";

/** Amounts are integers: the demo's budgets are far below 2^53 nano-dollars. */
export interface DemoJson {
  readonly limit_nano_usd: number;
  readonly provider_nano_usd: number;
  readonly ledger_nano_usd: number;
  readonly clickhouse_nano_usd: number;
  readonly overshoot_nano_usd: number;
  readonly reserved_nano_usd: number;
  readonly budget_used_ratio: number;
  readonly calls: number;
  readonly refused: number;
  readonly failed: readonly string[];
  readonly tool_denied: boolean;
  readonly approval_asked: boolean;
  readonly killed: boolean;
  readonly kill_after_ms: number | null;
  readonly ok: boolean;
}

export function demoJson(result: DemoResult): DemoJson {
  return {
    limit_nano_usd: Number(result.limitNanoUsd),
    provider_nano_usd: Number(result.providerNanoUsd),
    ledger_nano_usd: Number(result.ledgerNanoUsd),
    clickhouse_nano_usd: Number(result.clickhouseNanoUsd),
    overshoot_nano_usd: Number(result.overshootNanoUsd),
    reserved_nano_usd: Number(result.reservedNanoUsd),
    budget_used_ratio: result.budgetUsedRatio,
    calls: result.calls,
    refused: result.refused,
    failed: result.failed,
    tool_denied: result.toolDenied,
    approval_asked: result.approvalAsked,
    killed: result.killed,
    kill_after_ms: result.killAfterMs ?? null,
    ok: result.ok,
  };
}

export function demoTable(result: DemoResult): string {
  const rows: readonly (readonly [string, string])[] = [
    ["budget", `$${dollars(result.limitNanoUsd)}`],
    ["provider's own count", `$${dollars(result.providerNanoUsd)}`],
    ["ledger", `$${dollars(result.ledgerNanoUsd)}`],
    ["ClickHouse", `$${dollars(result.clickhouseNanoUsd)}`],
    ["overshoot", `$${dollars(result.overshootNanoUsd)}`],
    ["share of the budget used", `${(result.budgetUsedRatio * 100).toFixed(2)} %`],
    ["calls billed", String(result.calls)],
    ["callers refused", String(result.refused)],
    ["tool denied", result.toolDenied ? "yes" : "no"],
    ["approval asked, used once", result.approvalAsked ? "yes" : "no"],
    ["runaway killed", result.killed ? `after ${result.killAfterMs ?? 0} ms` : "no"],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const valueWidth = Math.max(...rows.map(([, value]) => value.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value.padStart(valueWidth)}`);
  const failures = result.failed.length === 0 ? [] : [`  unexpected: ${[...new Set(result.failed)].join(", ")}`];
  const verdict = result.ok ? "the three counts agree to the nano-dollar" : "NOT as it should be";
  return ["", ...lines, ...failures, "", `  ${verdict}`, ""].join("\n");
}
