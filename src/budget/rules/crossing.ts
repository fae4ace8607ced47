import type { Threshold } from "../ledger.ts";

/** Percentages have at most two decimals. */
const PERCENT_SCALE = 100;

/** Whether `settled` has reached the threshold's share of `limit`. Exact. */
export function isCrossed({ atPercent }: Pick<Threshold, "atPercent">, settled: bigint, limit: bigint): boolean {
  const at = BigInt(Math.round(atPercent * PERCENT_SCALE));
  return settled * BigInt(100 * PERCENT_SCALE) >= limit * at;
}
