import { formatUsd } from "../pricing/money.ts";
import type { NanoUsd } from "../pricing/money.ts";
import type { Measure } from "./amounts.ts";

/** Amounts in the unit of the budget's measure. */
export type BudgetAmount =
  | { readonly measure: "usd"; readonly value: NanoUsd }
  | { readonly measure: Exclude<Measure, "usd">; readonly value: bigint };

export function toBudgetAmount(measure: Measure, value: bigint): BudgetAmount {
  return measure === "usd" ? { measure, value: value as NanoUsd } : { measure, value };
}

/** `$0.50`, `$0.000001` (all that is there, at least cents), `1200 tokens`, `3 calls`. */
export function formatAmount({ measure, value }: BudgetAmount): string {
  if (measure !== "usd") return `${value} ${measure.replace("_", " ")}`;
  return `$${formatUsd(value).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}
