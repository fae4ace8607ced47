/** Computes what the state derives a second time, from the leases alone, and compares. */
import { amountIn, fitsWithin, isNothing } from "../../src/budget/amounts.ts";
import { settledAt, type Spend } from "../../src/budget/rules/spend.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";

/** `most`: what S + R of a hard budget may be, by its limit; `undefined` where spend is foreign and limits change as they like. */
export function checkState(state: LedgerState, most: (spend: Spend) => bigint | undefined): void {
  const reserved = new Map<string, bigint>();
  const stranded = new Map<string, bigint>();
  for (const lease of [...state.active.values(), ...state.expired.values()]) {
    if (!fitsWithin(lease.settled, lease.granted))
      throw new Error(`lease ${lease.id} settled more than it was granted`);
    for (const spend of lease.spends) {
      if (state.spends.get(spend.key) !== spend)
        throw new Error(`lease ${lease.id} counts into a forgotten ${spend.key}`);
      const { measure } = spend.budget;
      if (measure === "concurrent_runs") continue;
      const held = amountIn(measure, lease.granted) - amountIn(measure, lease.settled);
      reserved.set(spend.key, (reserved.get(spend.key) ?? 0n) + held);
      if (state.expired.has(lease.id)) stranded.set(spend.key, (stranded.get(spend.key) ?? 0n) + held);
    }
  }
  for (const spend of state.spends.values()) {
    if (spend.budget.measure === "concurrent_runs") {
      checkRuns(state, spend, most);
      continue;
    }
    const settled = settledAt(spend, state.atMs);
    const { key, budget } = spend;
    const where = (): string =>
      `${key}: S ${settled}, R ${spend.reserved}, stranded ${spend.stranded}, L ${budget.limit}`;
    if (settled < 0n || spend.reserved < 0n || spend.stranded < 0n) throw new Error(`negative: ${where()}`);
    if (spend.reserved !== (reserved.get(key) ?? 0n)) throw new Error(`R is not the sum of the leases: ${where()}`);
    if (spend.stranded !== (stranded.get(key) ?? 0n)) throw new Error(`R of expired leases is wrong: ${where()}`);
    if (budget.mode !== "hard") continue;
    if (settled + spend.reserved > (most(spend) ?? settled + spend.reserved)) throw new Error(`I1: ${where()}`);
  }
}

function checkRuns(state: LedgerState, spend: Spend, most: (spend: Spend) => bigint | undefined): void {
  const leases = [...state.active.values()].filter(
    (lease) => lease.spends.includes(spend) && !isNothing(lease.granted),
  );
  const runs = new Set(leases.map(({ labels, processId }) => labels["session"]?.toLowerCase() ?? `p ${processId}`));
  if (spend.reserved !== BigInt(runs.size)) throw new Error(`${spend.key}: R ${spend.reserved}, runs ${runs.size}`);
  if (spend.reserved > (most(spend) ?? spend.reserved)) throw new Error(`I1: ${spend.key}`);
}
