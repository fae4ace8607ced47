/**
 * Goal: no order of messages, losses, partitions, jumps of clocks and crashes makes a hard budget pay more than its limit,
 * loses spend that was reported, counts it twice, or leaks a reservation.
 * Method: seeded worlds in virtual time (world.ts): the real lease client, routes, ledger, journal and recovery between fake
 * clocks, a fake network and a disk that crashes at its steps. After each event that moves money: S, R and S + R ≤ L
 * recomputed, each lease and each agent's belief against what is set aside, what was acknowledged against what a restart
 * finds, thresholds once a window; and an oracle that adds up what the provider was paid. At the end: S is the oracle's sum, R is 0.
 *
 * A run is a function of its seed (replay.test.ts), until the simulation draws something more: what a seed found has a test of its own.
 * `TOLLGATE_SIM_SEEDS=100000` runs more; `TOLLGATE_SIM_SEED=17` replays one. Two files share the seeds, for two cores.
 */
import { expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const SEEDS = 1000;
/** Some 25 s on two idle cores for the default number of seeds. */
const TIMEOUT_MS = 100_000_000;

/** Runs every seed of this share: those with that remainder by 2. */
export function runSeeds(remainder: 0 | 1): void {
  const only = process.env["TOLLGATE_SIM_SEED"];
  const count = Number(process.env["TOLLGATE_SIM_SEEDS"] ?? SEEDS);
  const all = only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)];
  const seeds = all.filter((seed) => seed % 2 === remainder);
  it(`holds what it promises in ${seeds.length} simulated fleets`, { timeout: TIMEOUT_MS }, async () => {
    const sum = { calls: 0, refused: 0, unavailable: 0, crashes: 0, thresholds: 0, events: 0 };
    for (const seed of seeds) {
      const outcome = await simulate(seed);
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += outcome[key];
    }
    console.log(`simulated ${seeds.length} fleets: ${JSON.stringify(sum)}`);
    // A simulation in which nothing happens proves nothing.
    const never = Object.entries(sum).filter(([, count]) => count === 0);
    expect(only === undefined ? never : []).toEqual([]);
  });
}
