/**
 * Goal: no order of messages, losses, doublings and crashes makes a hard budget pay more than its limit, loses spend that
 * was reported, or leaks a reservation.
 * Method: seeded worlds in virtual time (see world.ts) with the real rules, frames and snapshots. After each step: S, R and
 * S + R ≤ L recomputed from the leases, what agents believe in against what is set aside, replay against memory; and an
 * oracle that adds up what the provider was paid, by its own matching and windows. At the end, with all spans in: S is the
 * oracle's sum to the last unit, R is 0.
 * `TOLLGATE_SIM_SEEDS=100000` runs more; `TOLLGATE_SIM_SEED=17` replays one.
 */
import { describe, expect, it } from "vitest";
import { scenarioOf } from "./scenario.ts";
import { World } from "./world.ts";

const STEPS = 1000;
/** Twenty seconds on an idle machine for the default number of seeds. */
const TIMEOUT_MS = 100_000_000;
const only = process.env["TOLLGATE_SIM_SEED"];
const count = Number(process.env["TOLLGATE_SIM_SEEDS"] ?? 200);
const from = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);
const seeds = only === undefined ? from(count) : [Number(only)];
const wildSeeds = only === undefined ? from(Math.ceil(count / 2)) : seeds;

function run(seed: number, isWild: boolean): World {
  const scenario = scenarioOf(seed);
  const world = new World({ seed, isWild, ...scenario });
  try {
    for (let step = 0; step < STEPS; step += 1) world.step();
    world.quiesce();
    if (!isWild) world.oracle.checkWindows();
    expect(world.openLeases()).toBe(0);
    expect(world.node.waiting).toBe(0);
    expect(world.reserved()).toBe(0n);
    const endless = new Set(
      scenario.budgets
        .filter(({ window }) => window.kind === "lifetime" || window.kind === "run")
        .map(({ name }) => name),
    );
    const settled = world.settled();
    const paid = [...world.oracle.totals()].filter(([key]) => endless.has((JSON.parse(key) as [string])[0]));
    expect(paid.map(([key]) => [key, settled.get(key) ?? 0n])).toEqual(paid);
  } catch (error) {
    throw new Error(
      `seed ${seed}${isWild ? " (wild)" : ""}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return world;
}

describe("a simulated fleet", () => {
  it(`never overspends, loses nothing and leaks nothing (${seeds.length} seeds)`, { timeout: TIMEOUT_MS }, () => {
    const sum = { calls: 0, refused: 0, crashes: 0 };
    for (const seed of seeds) {
      const world = run(seed, false);
      sum.calls += world.calls;
      sum.refused += world.refused;
      sum.crashes += world.node.crashes;
    }
    console.log(`simulated ${seeds.length} fleets: ${JSON.stringify(sum)}`);
    expect(sum.calls).toBeGreaterThan(50 * seeds.length);
    expect(sum.refused).toBeGreaterThan(0);
    expect(sum.crashes).toBeGreaterThan(0);
  });

  it(
    `counts foreign spend and overruns in full, whatever the limits become (${wildSeeds.length} seeds)`,
    { timeout: TIMEOUT_MS },
    () => {
      for (const seed of wildSeeds) expect(run(seed, true).calls).toBeGreaterThan(0);
    },
  );
});
