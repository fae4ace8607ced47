import { formatUsd, type NanoUsd } from "@tollgate/instrumentation/pricing";
import type { LeaseAction, LeaseBudget, LedgerRefusal } from "@tollgate/instrumentation/protocol";
import { z } from "zod";
import { MEASURES } from "../budget/amounts.ts";
import type { BudgetState, Obstacle, Threshold } from "../budget/ledger.ts";
import { raiseOf, raiseRow } from "./raises.ts";

/** One budget as `/v1/budgets` and `budgets --json` show it. The `_usd` fields are null for budgets in tokens or calls. */
export const budgetRow = z.object({
  name: z.string(),
  scope: z.record(z.string(), z.string()).describe("As written, plus the value of `each`."),
  window_start: z.string().nullable().describe("ISO 8601; null for lifetime."),
  window_end: z.string().nullable(),
  measure: z.enum(MEASURES),
  limit: z.string().describe("In the measure: nano-dollars, tokens, calls or runs."),
  carried: z.string().describe("Of `limit`: left over by the windows before."),
  raises: z.array(raiseRow).describe("Of `limit`: what people raised it by, and until when."),
  settled: z.string(),
  gated: z.string().describe("The part of `settled` that a lease covered before it was spent."),
  observed: z.string().describe("The rest: seen when it was spent already."),
  reserved: z.string(),
  remaining: z.string(),
  limit_usd: z.string().nullable().describe("Decimal, 9 places."),
  settled_usd: z.string().nullable(),
  gated_usd: z.string().nullable(),
  observed_usd: z.string().nullable(),
  reserved_usd: z.string().nullable(),
  remaining_usd: z.string().nullable(),
  mode: z.enum(["hard", "soft", "observe"]),
  past: z
    .enum(["counted", "joined", "awaited", "unknown"])
    .describe(
      "What `settled` holds of the window: all; what was spent before the budget came to the minute; not yet (hard budgets grant nothing); what was spent since the budget came.",
    ),
  closed_until: z
    .string()
    .nullable()
    .describe(
      "A hard budget grants nothing before: `past` is awaited, or what was granted of it is forgotten. Else null.",
    ),
  state: z.enum(["ok", "warning", "exhausted", "overrun"]),
  exhausted_at: z
    .string()
    .nullable()
    .optional()
    .describe(
      "When it will be used up if the window goes on as so far, when that is before the window's end; else null.",
    ),
  reconciliation: z
    .object({
      state: z
        .enum(["agrees", "differs", "pending"])
        .describe("Whether ClickHouse's spans add up to the same, up to `as_of`; what is in flight is no difference."),
      as_of: z.string().nullable(),
      difference: z.string().describe("Ledger minus ClickHouse, in the measure."),
      difference_usd: z.string().nullable(),
      reason: z
        .enum(["none", "lost_spans", "unreported_spend", "foreign_spans"])
        .describe(
          "Why they differ: spans that never came, spend of leases never reported, spans without a lease not counted.",
        ),
      repriced_usd: z
        .string()
        .describe(
          "What this processor's prices say more (or less) than what the agents' leases were charged; decimal.",
        ),
    })
    .optional(),
  age_ms: z.int().describe("How old this state is: 0 when the ledger is in this process."),
});

export type BudgetRow = z.output<typeof budgetRow>;

/** What a comparison with ClickHouse found for one budget instance: structural, the service has it. */
export interface BudgetReconciliation {
  readonly state: "agrees" | "differs" | "pending";
  readonly asOfMs: number | undefined;
  readonly difference: bigint;
  readonly reason: "none" | "lost_spans" | "unreported_spend" | "foreign_spans";
  readonly repricedNanoUsd: bigint;
}

/** Calls without a price, as a budget without a limit: `settled` counts them. */
export const unpricedRow = z.object({
  name: z.literal("unpriced"),
  scope: z.record(z.string(), z.string()).describe("Agent, team, provider and model, as far as they are known."),
  window_start: z.string().describe("ISO 8601: the calendar month, UTC."),
  measure: z.literal("unpriced_calls"),
  settled: z.string().describe("Calls whose price or usage nobody knows: they cost, but count as nothing in dollars."),
  tokens: z.string().describe("Tokens of these calls, as far as they are known."),
  mode: z.literal("observe"),
});

export type UnpricedBudgetRow = z.output<typeof unpricedRow>;

/** The comparison as the API shows it. */
export function reconciliationView(
  { measure }: Pick<BudgetState, "measure">,
  { state, asOfMs, difference, reason, repricedNanoUsd }: BudgetReconciliation,
): NonNullable<BudgetRow["reconciliation"]> {
  return {
    state,
    as_of: asOfMs === undefined ? null : new Date(asOfMs).toISOString(),
    difference: difference.toString(),
    difference_usd: measure === "usd" ? signedUsd(difference) : null,
    reason,
    repriced_usd: signedUsd(repricedNanoUsd),
  };
}

function signedUsd(nanoUsd: bigint): string {
  return nanoUsd < 0n ? `-${formatUsd(-nanoUsd as NanoUsd)}` : formatUsd(nanoUsd as NanoUsd);
}

export function toBudgetRow(state: BudgetState): BudgetRow {
  const usd = (value: bigint): string | null => (state.measure === "usd" ? formatUsd(value as NanoUsd) : null);
  return {
    name: state.name,
    scope: { ...state.scope },
    window_start: state.windowStartMs === 0 ? null : new Date(state.windowStartMs).toISOString(),
    window_end: state.windowEndMs === undefined ? null : new Date(state.windowEndMs).toISOString(),
    measure: state.measure,
    limit: state.limit.toString(),
    carried: (state.carried ?? 0n).toString(),
    raises: (state.raises ?? []).map((raise) => raiseOf(raise, state.measure)),
    settled: state.settled.toString(),
    gated: (state.settled - state.observed).toString(),
    observed: state.observed.toString(),
    reserved: state.reserved.toString(),
    remaining: state.remaining.toString(),
    limit_usd: usd(state.limit),
    settled_usd: usd(state.settled),
    gated_usd: usd(state.settled - state.observed),
    observed_usd: usd(state.observed),
    reserved_usd: usd(state.reserved),
    remaining_usd: usd(state.remaining),
    mode: state.mode,
    past: state.past ?? "unknown",
    closed_until: state.closedUntilMs === undefined ? null : new Date(state.closedUntilMs).toISOString(),
    state: state.state,
    age_ms: 0,
  };
}

/** The same for the gate, in the words of the lease protocol. */
export function leaseBudget(state: BudgetState): LeaseBudget & { actions: LeaseAction[] } {
  return {
    name: state.name,
    measure: state.measure,
    mode: state.mode,
    unknown_price: state.unknownPrice,
    ...(state.reserve === undefined ? {} : { reserve: state.reserve }),
    limit: state.limit.toString(),
    settled: state.settled.toString(),
    reserved: state.reserved.toString(),
    remaining: state.remaining.toString(),
    actions: state.crossed.map(leaseAction),
  };
}

/** What stands in the way, as the gate is told it. */
export function ledgerRefusal({ kind, atPercent, untilMs, heldBy, heldBySilent }: Obstacle): LedgerRefusal {
  return {
    ...(kind === undefined ? {} : { obstacle: kind }),
    ...(atPercent === undefined ? {} : { at_percent: atPercent }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
    ...(heldBy === 0 ? {} : { held_by: heldBy }),
    ...(heldBySilent === 0 ? {} : { held_by_silent: heldBySilent }),
  };
}

function leaseAction(threshold: Threshold): LeaseAction {
  if (threshold.do === "downgrade") {
    const { atPercent, fallback = {}, maxOutputTokens, reasoningEffort } = threshold;
    return {
      do: "downgrade",
      at_percent: atPercent,
      fallback,
      ...(maxOutputTokens === undefined ? {} : { max_output_tokens: maxOutputTokens }),
      ...(reasoningEffort === undefined ? {} : { reasoning_effort: reasoningEffort }),
    };
  }
  return { do: threshold.do, at_percent: threshold.atPercent };
}
