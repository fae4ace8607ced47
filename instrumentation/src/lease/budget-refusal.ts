/**
 * What stands between a budget and a call, and how that is said: one wording for the gate's errors and spans and for the
 * API's answers. Most of it the figures tell; what they don't, the ledger says with its refusal (`LedgerRefusal`).
 * It names what is the matter and what ends it, never how to get round it: an agent reads this too.
 */
import { formatAmount, toBudgetAmount } from "./budget-amount.ts";
import type { BudgetAmount } from "./budget-amount.ts";
import type { Measure } from "./amounts.ts";

/**
 * `spent`: too little of the limit is left. `reserved`: enough is, but calls in flight hold it. `too_large`: the call would
 * not fit into the whole limit. `threshold`: one of its thresholds stops calls. `finishing`: what is left is kept for
 * sessions that have begun. `past_awaited`: what was spent before is not known yet. `past_lost`: the journal is gone, and
 * what was granted before may still be spent. `values`: it takes no further value of its `each`. `runs`: all places are taken.
 */
export type BudgetObstacle =
  | "spent"
  | "reserved"
  | "too_large"
  | "threshold"
  | "finishing"
  | "past_awaited"
  | "past_lost"
  | "values"
  | "runs";

/** Obstacles that a budget's figures don't show. */
export const TOLD_OBSTACLES = ["finishing", "past_awaited", "past_lost", "values"] as const;

/** The ledger counts no more processes than this: "100 or more". */
export const HOLDERS_TOLD_MAX = 100;

/** What the ledger says with a refusal, beside the budget that refuses. */
export interface LedgerRefusal {
  /** Absent: the figures show it. */
  readonly obstacle?: (typeof TOLD_OBSTACLES)[number] | undefined;
  /** Of `finishing`: above this share of the limit. */
  readonly at_percent?: number | undefined;
  /** RFC 3339. When the obstacle ends by itself at the latest; where the figures show it: when the window ends. */
  readonly until?: string | undefined;
  /** Other processes that hold some of what is reserved, at most `HOLDERS_TOLD_MAX`. */
  readonly held_by?: number | undefined;
  /** Of these, how many have been silent for so long that their lease has expired. */
  readonly held_by_silent?: number | undefined;
}

export interface BudgetRefusal {
  readonly budget: string;
  readonly limit: BudgetAmount;
  /** Settled so far, by this budget's ledger. */
  readonly spent: BudgetAmount;
  /** Set aside for calls in flight, and for the next ones of processes that make many. @default nothing */
  readonly reserved?: BudgetAmount | undefined;
  /** The least that the call would have needed. */
  readonly wanted: BudgetAmount;
  /** A threshold that stops calls is crossed. */
  readonly stopsAtPercent?: number | undefined;
  readonly told?: LedgerRefusal | undefined;
}

/** A budget as the ledger's messages have it: amounts as digits. */
interface BudgetFigures {
  readonly name: string;
  readonly measure: Measure;
  readonly limit: string;
  readonly settled: string;
  readonly reserved: string;
  readonly actions: readonly { readonly do: string; readonly at_percent: number }[];
}

/** `wanted` in the budget's measure. */
export function budgetRefusal(
  { name, measure, limit, settled, reserved, actions }: BudgetFigures,
  { wanted, told }: { readonly wanted: bigint; readonly told?: LedgerRefusal | undefined },
): BudgetRefusal {
  const amount = (value: bigint): BudgetAmount => toBudgetAmount(measure, value);
  return {
    budget: name,
    limit: amount(BigInt(limit)),
    spent: amount(BigInt(settled)),
    reserved: amount(BigInt(reserved)),
    wanted: amount(wanted),
    stopsAtPercent: actions.find(({ do: action }) => action === "stop" || action === "kill")?.at_percent,
    told,
  };
}

export function obstacleOf({ limit, spent, wanted, stopsAtPercent, told }: BudgetRefusal): BudgetObstacle {
  if (told?.obstacle !== undefined) return told.obstacle;
  if (stopsAtPercent !== undefined) return "threshold";
  if (limit.measure === "concurrent_runs") return "runs";
  if (spent.value >= limit.value) return "spent";
  if (wanted.value > limit.value) return "too_large";
  return spent.value + wanted.value > limit.value ? "spent" : "reserved";
}

export function reservedOf({ limit, reserved }: BudgetRefusal): BudgetAmount {
  return reserved ?? toBudgetAmount(limit.measure, 0n);
}

/** In the words of the error, the span and the API. */
export function refusalText(refusal: BudgetRefusal): string {
  const { limit, spent, wanted, stopsAtPercent, told = {} } = refusal;
  const reserved = reservedOf(refusal);
  const budget = `budget \`${refusal.budget}\` of ${formatAmount(limit)}`;
  const isUsedUp = `${formatAmount(spent)} spent`;
  const needs = `this call needs ${formatAmount(wanted)} or more`;
  const windowEnd = told.until === undefined ? "" : `; its window ends at ${told.until}`;
  const until = told.until ?? "later";
  switch (obstacleOf(refusal)) {
    case "spent":
      if (spent.value >= limit.value) return `${budget} is used up: ${isUsedUp}${windowEnd}`;
      return `${budget} has too little left: ${isUsedUp}${beside(reserved)}, and ${needs}${windowEnd}`;
    case "reserved":
      return (
        `${budget} has too little free now: ${isUsedUp}, ${formatAmount(reserved)} reserved${holders(told)}, and ${needs}: ` +
        "what the reservations do not use comes free when their calls end"
      );
    case "too_large":
      return `${budget} is less than one such call may cost: ${formatAmount(wanted)}, with its output bound as low as it goes`;
    case "threshold":
      return `${budget} stops calls at ${stopsAtPercent ?? 100} %: ${isUsedUp}${windowEnd}`;
    case "finishing":
      return `${budget} keeps what is above ${told.at_percent ?? 100} % for sessions that have begun: ${isUsedUp}, and ${needs}${windowEnd}`;
    case "past_awaited":
      return (
        `${budget} grants nothing yet: the processor does not know what was spent before, for it has no answer from ClickHouse ` +
        `(\`tollgate status\`): calls go on when it has, or at ${until} without`
      );
    case "past_lost":
      return `${budget} grants nothing before ${until}: the ledger lost its journal, and what it had granted may still be spent`;
    case "values":
      return `${budget} has no place for another value of its \`each\` (\`each_max\`)`;
    case "runs":
      return `${budget} has no free place: ${reserved.value} in flight`;
  }
}

function beside(reserved: BudgetAmount): string {
  return reserved.value === 0n ? "" : `, ${formatAmount(reserved)} reserved`;
}

function holders({ held_by: processes = 0, held_by_silent: silent = 0 }: LedgerRefusal): string {
  if (processes === 0) return "";
  const many = processes >= HOLDERS_TOLD_MAX ? `${HOLDERS_TOLD_MAX} or more` : `${processes}`;
  const unheard = silent === 0 ? "" : ` (${silent} of them silent since their lease expired)`;
  return ` by ${many} other process${processes === 1 ? "" : "es"}${unheard}`;
}
