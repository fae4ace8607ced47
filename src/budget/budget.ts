import type { Measure } from "@tollgate/instrumentation/protocol";
import type { BudgetState, Threshold } from "./ledger.ts";

export type { Measure } from "@tollgate/instrumentation/protocol";

/** How long spend counts. `run`: one window for each value of the label, without an end. */
export type BudgetWindow =
  | { readonly kind: "calendar"; readonly unit: CalendarUnit }
  | { readonly kind: "rolling"; readonly durationMs: number }
  | { readonly kind: "run"; readonly label: "session" | "workflow" }
  | { readonly kind: "lifetime" };

export type CalendarUnit = "minute" | "hour" | "day" | "week" | "month";

/** One `kind: budget` document, checked: what `parseBudget` makes and the ledger enforces. Frozen. */
export interface Budget {
  /** Unique over all documents. */
  readonly name: string;
  /** What it was named before: what that one has spent is this one's, if no document has that name any more. */
  readonly renamedFrom?: string;
  /** Label → glob as written; all must match. Empty: every call. */
  readonly scope: Readonly<Record<string, string>>;
  /** One such budget for each value of this label. */
  readonly each: string | undefined;
  /** Folded values of `each` that have another limit. */
  readonly exceptions?: Readonly<Record<string, bigint>>;
  /** Most values of `each` that get a budget of their own; calls with others are refused, and their spend is counted in one. */
  readonly eachMax?: number;
  readonly measure: Measure;
  /** In the measure: nano-dollars, tokens, calls or runs. Above 0, within Int64. */
  readonly limit: bigint;
  readonly window: BudgetWindow;
  /** Share of what a calendar window left over that the next one has on top. */
  readonly carryOverPercent?: number;
  /** IANA name. Counts for calendar windows only. */
  readonly timeZone: string;
  readonly mode: BudgetState["mode"];
  readonly unknownPrice: BudgetState["unknownPrice"];
  /** How the input of calls is bounded; absent: as the process says, by its bytes unless it says otherwise. */
  readonly reserve?: "strict" | "tokenizer";
  /** Lowest first, each percentage once. */
  readonly thresholds: readonly Threshold[];
}
