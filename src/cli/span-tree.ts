/** Spans as a tree, for people. */
import type { TraceReply } from "../api/traces.ts";
import { spanCost } from "./cost-text.ts";
import { type Column, type Output, printable, printTable } from "./output.ts";

type ShownSpan = TraceReply["spans"][number];
type TreeRow = ShownSpan & { readonly depth: number };

/** A table of the tree, and under it why something was not allowed. */
export function printSpanTree(output: Output, spans: readonly ShownSpan[]): void {
  const rows = treeRows(spans);
  printTable(output, rows, COLUMNS);
  for (const row of rows) {
    const reason = row.attributes["tollgate.decision.reason"];
    if (row.decision !== "" && row.decision !== "allow" && reason !== undefined) {
      output.line(printable(`${row.decision} ${row.name} (${row.span_id}): ${reason}`));
    }
  }
}

const COLUMNS: readonly Column<TreeRow>[] = [
  { title: "SPAN", value: (row) => `${"  ".repeat(row.depth)}${row.name}` },
  { title: "START", value: (row) => row.start.slice(11, 23) },
  { title: "MS", align: "right", value: (row) => row.duration_ms.toFixed(1) },
  { title: "AGENT", value: (row) => row.agent || "-" },
  { title: "MODEL", value: (row) => row.model || "-" },
  { title: "COST", align: "right", value: (row) => spanCost(row) || "-" },
  { title: "DECISION", value: (row) => row.decision || "-" },
  { title: "STATUS", value: (row) => row.status },
];

/** Parents before children, each level by start; a span whose parent is missing, or is in a circle, counts as a root. */
function treeRows(spans: readonly ShownSpan[]): readonly TreeRow[] {
  const known = new Set(spans.map((span) => span.span_id));
  const children = Map.groupBy(spans, (span) => (known.has(span.parent_span_id) ? span.parent_span_id : ""));
  const rows: TreeRow[] = [];
  const seen = new Set<ShownSpan>();
  const walk = (start: readonly ShownSpan[]): void => {
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
