/** A span as the API shows it, and how a row of the named queries becomes one. */
import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import { z } from "zod";

export type TextRow = Readonly<Record<string, string>>;
export type SpanRow = TextRow & { readonly attributes: Record<string, string> };

export const spanShape = z.object({
  span_id: z.string(),
  parent_span_id: z.string().describe('"" for a root.'),
  name: z.string(),
  kind: z.string(),
  start: z.string().describe("ISO 8601 with nanoseconds, UTC."),
  duration_ms: z.number(),
  status: z.string().describe("`unset`, `ok` or `error`."),
  status_message: z.string().describe('What the sender says of an error; "" where it says nothing.'),
  agent: z.string(),
  model: z.string(),
  cost_usd: z.string().describe("Decimal, 9 places."),
  cost_status: z
    .string()
    .describe(
      '`exact` or `estimated`; `unpriced` or `missing`: the call cost, and nobody knows what. "" for what is no call.',
    ),
  decision: z.string(),
  attributes: z.record(z.string(), z.string()),
});

export function spanOfRow(row: SpanRow): z.output<typeof spanShape> {
  return {
    span_id: row["span_id"] ?? "",
    parent_span_id: row["parent_span_id"] ?? "",
    name: row["name"] ?? "",
    kind: row["kind"] ?? "",
    start: row["start"] ?? "",
    duration_ms: Number(row["duration_ns"]) / 1e6,
    status: row["status"] ?? "",
    status_message: row["status_message"] ?? "",
    agent: row["agent"] ?? "",
    model: row["model"] ?? "",
    cost_usd: usdOfRow(row["cost_nano_usd"]),
    cost_status: row["cost_status"] ?? "",
    decision: row["decision"] ?? "",
    attributes: row.attributes,
  };
}

/** Nano-dollars of a row as decimal dollars. */
export function usdOfRow(nano: string | undefined): string {
  return formatUsd(BigInt(nano ?? "0") as NanoUsd);
}

/** What `unpriced_calls` of a reply is. */
export const UNPRICED = "Calls of which nobody knows the price: `cost_usd` is without them.";

/** How many of these spans are such calls. */
export function unpricedRows(rows: readonly SpanRow[]): number {
  return rows.filter(({ cost_status: status }) => status === "unpriced" || status === "missing").length;
}
