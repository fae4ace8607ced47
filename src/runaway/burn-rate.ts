/**
 * When a budget will be used up if it goes on as in its window so far. Pure arithmetic over the ledger's figures. People work by
 * day and in the week: who is ahead of an even pace by no more than nights and weekends explain is not told of.
 */
export interface BurningBudget {
  readonly limit: bigint;
  readonly settled: bigint;
  readonly windowStartMs: number;
  readonly windowEndMs: number | undefined;
}

/** Of less of the window, or less of the limit, a projection says nothing. */
const WINDOW_SHARE_MIN = 0.1;
const SPENT_SHARE_MIN = 0.1;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
/** Seven days of which five count, or a day that ends in the evening: up to 1.45 times an even pace. */
const PACE_MIN = 1.5;
/** Over more than a week, its days even out. */
const PACE_MIN_LATER = 1.2;

/** Unix ms; `undefined` when it lasts to the window's end, has none, or too little is known. */
export function exhaustedAtMs(budget: BurningBudget, nowMs: number): number | undefined {
  const { limit, settled, windowStartMs, windowEndMs } = budget;
  if (windowEndMs === undefined || limit <= 0n || settled >= limit) return undefined;
  const elapsedMs = nowMs - windowStartMs;
  const spentShare = Number(settled) / Number(limit);
  if (elapsedMs < (windowEndMs - windowStartMs) * WINDOW_SHARE_MIN || spentShare < SPENT_SHARE_MIN) return undefined;
  const pace = (spentShare * (windowEndMs - windowStartMs)) / elapsedMs;
  if (pace < (elapsedMs < WEEK_MS ? PACE_MIN : PACE_MIN_LATER)) return undefined;
  const atMs = Math.round(windowStartMs + elapsedMs / spentShare);
  return atMs < windowEndMs ? atMs : undefined;
}
