import { Command } from "commander";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { costText } from "./cost-text.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { findProcessor } from "./processor.ts";
import { addSpanFilters, type SpanFilterOptions, spanFilterQuery } from "./span-filters.ts";

interface TracesOptions extends CommonOptions, SpanFilterOptions {
  readonly since?: string;
  readonly until?: string;
  readonly minCost?: string;
  readonly limit?: string;
}

interface TraceSummary {
  readonly trace_id: string;
  readonly start: string;
  readonly duration_ms: number;
  readonly name: string;
  readonly agent: string;
  readonly session: string;
  readonly spans: number;
  readonly calls: number;
  readonly cost_usd: string;
  readonly unpriced_calls: number;
  readonly denied: number;
  readonly errors: number;
}

/** `tollgate traces`: traces that meet all filters, newest first. */
export function tracesCommand(output: Output): Command {
  return addSpanFilters(new Command("traces").description("traces with a span that meets all filters, newest first"))
    .option("--since <time>", "ISO 8601 time, or how long ago: 15m, 24h, 7d")
    .option("--until <time>", "the same; exclusive")
    .option("--min-cost <usd>", "that cost at least this much")
    .option("--limit <n>", "at most this many (default 50, at most 1000)")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (options: TracesOptions) => {
      const { since, until, minCost, limit } = options;
      const reply = await findProcessor(options).get<{ traces: readonly TraceSummary[] }>("/v1/traces", {
        ...spanFilterQuery(options),
        since,
        until,
        min_cost: minCost,
        limit,
      });
      if (options.json === true) printJson(output, reply.traces);
      else if (reply.traces.length === 0) output.line("no traces match");
      else printTable(output, reply.traces, COLUMNS);
    });
}

const COLUMNS: readonly Column<TraceSummary>[] = [
  { title: "TRACE", value: (row) => row.trace_id },
  { title: "START", value: (row) => row.start.slice(0, 19) },
  { title: "MS", align: "right", value: (row) => row.duration_ms.toFixed(0) },
  { title: "NAME", value: (row) => row.name },
  { title: "AGENT", value: (row) => row.agent || "-" },
  { title: "SPANS", align: "right", value: (row) => String(row.spans) },
  { title: "CALLS", align: "right", value: (row) => String(row.calls) },
  { title: "COST", align: "right", value: (row) => costText(row.cost_usd, row.unpriced_calls) },
  { title: "DENIED", align: "right", value: (row) => String(row.denied) },
  { title: "ERRORS", align: "right", value: (row) => String(row.errors) },
];
