import { Command } from "commander";
import type { TraceReply } from "../api/traces.ts";
import { apiOption, type CommonOptions, dataDirOption, jsonOption } from "./options.ts";
import { type Column, type Output, printJson, printTable } from "./output.ts";
import { findProcessor } from "./processor.ts";

type TraceSpan = TraceReply["spans"][number];
type TreeRow = TraceSpan & { readonly depth: number };

/** `tollgate trace ID`: one trace as a tree. */
export function traceCommand(output: Output): Command {
  return new Command("trace")
    .description("one trace with all its spans")
    .argument("<id>", "the trace id, 32 hex digits")
    .addOption(jsonOption())
    .addOption(apiOption())
    .addOption(dataDirOption())
    .action(async (id: string, options: CommonOptions) => {
      const reply = await findProcessor(options).get<TraceReply>(`/v1/traces/${encodeURIComponent(id)}`);
      if (options.json === true) {
        printJson(output, reply);
        return;
      }
      output.line(
        `trace ${reply.trace_id}   $${reply.cost_usd}   ${reply.spans.length} ${reply.spans.length === 1 ? "span" : "spans"}\n`,
      );
      const rows = treeRows(reply.spans);
      printTable(output, rows, COLUMNS);
      for (const row of rows) {
        const reason = row.attributes["tollgate.decision.reason"];
        if (row.decision !== "" && row.decision !== "allow" && reason !== undefined) {
          output.line(`${row.decision} ${row.name} (${row.span_id}): ${reason}`);
        }
      }
    });
}

const COLUMNS: readonly Column<TreeRow>[] = [
  { title: "SPAN", value: (row) => `${"  ".repeat(row.depth)}${row.name}` },
  { title: "START", value: (row) => row.start.slice(11, 23) },
  { title: "MS", align: "right", value: (row) => row.duration_ms.toFixed(1) },
  { title: "AGENT", value: (row) => row.agent || "-" },
  { title: "MODEL", value: (row) => row.model || "-" },
  { title: "COST", align: "right", value: (row) => (/[1-9]/.test(row.cost_usd) ? `$${row.cost_usd}` : "-") },
  { title: "DECISION", value: (row) => row.decision || "-" },
  { title: "STATUS", value: (row) => row.status },
];

/** Parents before children, each level by start; a span whose parent is missing, or is in a circle, counts as a root. */
function treeRows(spans: readonly TraceSpan[]): readonly TreeRow[] {
  const known = new Set(spans.map((span) => span.span_id));
  const children = Map.groupBy(spans, (span) => (known.has(span.parent_span_id) ? span.parent_span_id : ""));
  const rows: TreeRow[] = [];
  const seen = new Set<TraceSpan>();
  const walk = (start: readonly TraceSpan[]): void => {
    const pending = start.map((span) => ({ span, depth: 0 })).toReversed();
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { span, depth } = next;
      if (seen.has(span)) continue;
      seen.add(span);
      rows.push({ ...span, depth });
      for (const child of (children.get(span.span_id) ?? []).toReversed())
        pending.push({ span: child, depth: depth + 1 });
    }
  };
  walk(children.get("") ?? []);
  walk(spans.filter((span) => !seen.has(span)));
  return rows;
}
