/**
 * L of one budget instance at an instant: what the document says (or its exception for the one value of `each`), plus what
 * its last window left over where that is carried, plus what people raised it by for a time. And how far a lease may grow
 * under it: thresholds that stop leave less than L.
 */
import { calendarWindow } from "./calendar.ts";
import { isCrossed } from "./crossing.ts";
import type { Spend } from "./spend.ts";

/** Percentages have at most two decimals. */
const PERCENT_SCALE = 100;

/** Somebody lets a budget spend more for a time. Journaled; gone when the time is over. */
export interface Raise {
  readonly id: string;
  readonly budget: string;
  /** Only for this value of `each`, folded; absent: for every instance. */
  readonly each?: string;
  /** In the budget's measure, above 0. */
  readonly amount: bigint;
  /** Ledger time, Unix ms. */
  readonly atMs: number;
  readonly untilMs: number;
  readonly author: string;
  readonly reason: string;
}

export function limitAt(spend: Spend, nowMs: number): bigint {
  let limit = baseLimit(spend) + carriedAt(spend, nowMs);
  for (const { amount, untilMs } of spend.raises ?? []) if (nowMs < untilMs) limit += amount;
  return limit;
}

/** What the document says. */
export function baseLimit({ budget, match: { each } }: Spend): bigint {
  const { exceptions, limit } = budget;
  if (exceptions === undefined || each === undefined || !Object.hasOwn(exceptions, each)) return limit;
  return exceptions[each] ?? limit;
}

/**
 * What the windows before this one left over: the share of it that the document carries, at most as much as the limit
 * itself, so that a budget that lies idle never grows past twice its limit.
 */
export function carriedAt(spend: Spend, nowMs: number): bigint {
  const { carryOverPercent, window, timeZone } = spend.budget;
  if (carryOverPercent === undefined || window.kind !== "calendar" || spend.bounds.endMs === undefined) return 0n;
  const base = baseLimit(spend);
  const carry = (left: bigint): bigint => {
    const share = left > 0n ? shareOf(left, carryOverPercent) : 0n;
    return share < base ? share : base;
  };
  if (nowMs < spend.bounds.endMs) return spend.carried < base ? spend.carried : base;
  let carried = carry(base + spend.carried - spend.settled);
  for (let { endMs } = spend.bounds; ;) {
    const idle = calendarWindow(window.unit, timeZone, endMs);
    const next = carry(base + carried);
    if (nowMs < idle.endMs || next === carried) return carried;
    carried = next;
    endMs = idle.endMs;
  }
}

/** What a lease may grow within: L, less what thresholds keep from it. `undefined`: nothing new at all. */
export function growthLimit(
  spend: Spend,
  { settled, hasBegun, nowMs }: { readonly settled: bigint; readonly hasBegun: boolean; readonly nowMs: number },
): bigint | undefined {
  const limit = limitAt(spend, nowMs);
  let within = limit;
  for (const threshold of spend.budget.thresholds) {
    const { do: act, atPercent, finalisation } = threshold;
    if (act === "stop" && isCrossed(threshold, settled, limit)) return undefined;
    if (act !== "stop_gracefully") continue;
    const at = shareOf(limit, atPercent);
    // What has begun may finish, with what is kept back for it; what has not may not take of that.
    const kept = hasBegun ? at + (finalisation ?? limit - at) : at;
    if (kept < within) within = kept;
  }
  return within;
}

/** The lowest share above which what is left is kept for what has begun; `undefined`: none is. */
export function keptFromPercent({ budget: { thresholds } }: Pick<Spend, "budget">): number | undefined {
  return thresholds.find(({ do: act }) => act === "stop_gracefully")?.atPercent;
}

function shareOf(amount: bigint, percent: number): bigint {
  return (amount * BigInt(Math.round(percent * PERCENT_SCALE))) / BigInt(100 * PERCENT_SCALE);
}
