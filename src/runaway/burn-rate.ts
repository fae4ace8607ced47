/** When a budget will be used up if it goes on as in its window so far. Pure arithmetic over the ledger's figures. */
export interface BurningBudget {
  readonly limit: bigint;
  readonly settled: bigint;
  readonly windowStartMs: number;
  readonly windowEndMs: number | undefined;
}

/** Of less of the window, or less of the limit, a projection says nothing. */
const WINDOW_SHARE_MIN = 0.1;
const SPENT_SHARE_MIN = 0.1;

/** Unix ms; `undefined` when it lasts to the window's end, has none, or too little is known. */
export function exhaustedAtMs(budget: BurningBudget, nowMs: number): number | undefined {
  const { limit, settled, windowStartMs, windowEndMs } = budget;
  if (windowEndMs === undefined || limit <= 0n || settled >= limit) return undefined;
  const elapsedMs = nowMs - windowStartMs;
  const spentShare = Number(settled) / Number(limit);
  if (elapsedMs < (windowEndMs - windowStartMs) * WINDOW_SHARE_MIN || spentShare < SPENT_SHARE_MIN) return undefined;
  const atMs = Math.round(windowStartMs + elapsedMs / spentShare);
  return atMs < windowEndMs ? atMs : undefined;
}
