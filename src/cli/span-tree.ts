/** Spans as a tree, for people. */
import type { TraceReply } from "../api/traces.ts";
import { spanCost } from "./cost-text.ts";
import { type Column, type Output, printTable } from "./output.ts";
import { printable } from "../support/printable.ts";

type ShownSpan = TraceReply["spans"][number];
type TreeRow = ShownSpan & { readonly depth: number };

/** A table of the tree, and under it why something was not allowed, or has failed. */
export function printSpanTree(output: Output, spans: readonly ShownSpan[]): void {
  const rows = treeRows(spans);
  printTable(output, rows, COLUMNS);
  for (const row of rows) {
    const why = whyNot(row);
    if (why !== undefined) output.line(printable(`${why.what} ${row.name} (${row.span_id}): ${why.text}`));
  }
}

const MESSAGE_LENGTH_MAX = 300;

function whyNot(span: ShownSpan): { readonly what: string; readonly text: string } | undefined {
  const { decision, attributes, status_message: message } = span;
  const reason = decision === "" || decision === "allow" ? undefined : attributes["tollgate.decision.reason"];
  if (reason !== undefined) return { what: decision, text: reason };
  if (span.status !== "error" || message === "") return undefined;
  const isLong = message.length > MESSAGE_LENGTH_MAX;
  return { what: "error", text: isLong ? `${message.slice(0, MESSAGE_LENGTH_MAX)}…` : message };
}

/** `error` comes with its type, where the sender gives one: `error 429`. "" for what is well. */
export function errorText({ status, attributes }: Pick<ShownSpan, "status" | "attributes">): string {
  return status === "error" ? ["error", attributes["error.type"] ?? ""].join(" ").trim() : "";
}

const COLUMNS: readonly Column<TreeRow>[] = [
  { title: "SPAN", value: (row) => `${"  ".repeat(row.depth)}${row.name}` },
  { title: "START", value: (row) => row.start.slice(11, 23) },
  { title: "MS", align: "right", value: (row) => row.duration_ms.toFixed(1) },
  { title: "AGENT", value: (row) => row.agent || "-" },
  { title: "MODEL", value: (row) => row.model || "-" },
  { title: "COST", align: "right", value: (row) => spanCost(row) || "-" },
  { title: "DECISION", value: (row) => row.decision || "-" },
  { title: "STATUS", value: (row) => errorText(row) || row.status },
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
