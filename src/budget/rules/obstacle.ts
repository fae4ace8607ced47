/** Why the ledger refuses, beyond what the budget's figures show: for who has to say it to an app, or look for the cause at night. */
import { HOLDERS_TOLD_MAX } from "@tollgate/instrumentation/protocol";
import { amountIn, type Amounts } from "../amounts.ts";
import type { Obstacle } from "../ledger.ts";
import { hasBegun } from "./decide.ts";
import { growthLimit, keptFromPercent, limitAt } from "./limit.ts";
import { isOverflow } from "./scope.ts";
import { settledAt, shownBounds, type Spend, withheldAt } from "./spend.ts";
import { type Lease, type LedgerState, outstandingIn } from "./state.ts";

interface Refused {
  readonly lease: Lease;
  /** What the lease would have had to hold at least, cumulative. */
  readonly need: Amounts;
  readonly nowMs: number;
}

/** What stands between `spend` and the lease that it refuses. */
export function obstacleAt(state: LedgerState, spend: Spend, refused: Refused): Obstacle {
  const { nowMs } = refused;
  const held = holdersOf(state, spend, refused.lease);
  if (nowMs < spend.closedUntilMs) {
    const isAwaited = state.past.get(spend.match.name)?.state === "awaited";
    return { kind: isAwaited ? "past_awaited" : "past_lost", untilMs: spend.closedUntilMs, ...held };
  }
  const untilMs = shownBounds(spend, nowMs).endMs;
  if (isOverflow(spend)) return { kind: "values", untilMs, ...held };
  const atPercent = keptPercent(spend, refused);
  if (atPercent !== undefined) return { kind: "finishing", atPercent, untilMs, ...held };
  return { kind: undefined, untilMs, ...held };
}

/** The threshold above which what is left is for others, where that is what keeps the lease out. */
function keptPercent(spend: Spend, { lease, need, nowMs }: Refused): number | undefined {
  const settled = settledAt(spend, nowMs);
  const limit = limitAt(spend, nowMs);
  const within = growthLimit(spend, { settled, hasBegun: hasBegun(spend, lease), nowMs });
  if (within === undefined || within >= limit) return undefined;
  const { measure } = spend.budget;
  const after = settled + amountIn(measure, need) - amountIn(measure, lease.granted);
  const fits = after + spend.reserved + withheldAt(spend, nowMs) <= limit;
  return fits || (after > within && after <= limit) ? keptFromPercent(spend) : undefined;
}

/** How many other processes hold some of it; only so many leases are looked at, whatever there are. */
function holdersOf(
  { active, expired }: LedgerState,
  spend: Spend,
  { processId: own }: Lease,
): Pick<Obstacle, "heldBy" | "heldBySilent"> {
  const holders = new Set<string>();
  const heard = new Set<string>();
  let looked = 0;
  for (const id of spend.holders ?? []) {
    if ((looked += 1) > LEASES_LOOKED_MAX || holders.size >= HOLDERS_TOLD_MAX) break;
    const alive = active.get(id);
    const lease = alive ?? expired.get(id);
    if (lease === undefined || lease.processId === own || outstandingIn(spend, lease) === 0n) continue;
    holders.add(lease.processId);
    if (alive !== undefined) heard.add(lease.processId);
  }
  return { heldBy: holders.size, heldBySilent: holders.size - heard.size };
}

const LEASES_LOOKED_MAX = 1_000;
