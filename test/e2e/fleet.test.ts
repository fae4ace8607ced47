/**
 * Goal: a hard budget is never overspent by a fleet, and is used to its end, by a count that is not ours.
 * Method: runs with different seeds (8; `TOLLGATE_FLEET_RUNS=20` for more); in each, agent processes of both module systems and both SDKs
 * with 8 callers each spend
 * against one budget until every caller is refused. The provider's own books are the judge. The runs share one processor
 * and are kept apart by a budget for each value of the label `run`.
 */
import { afterAll, afterEach, expect, test } from "vitest";
import { ProviderSimulator } from "../../src/demo/provider/simulator.ts";
import { finishFleet, readBooks, startFleet } from "../support/fleet-run.ts";
import { useRig } from "../support/rig.ts";

const LIMIT_NANO_USD = 50_000_000n;
const AGENTS = 4;
const CALLERS = 8;
const SEEDS = Array.from({ length: Number(process.env["TOLLGATE_FLEET_RUNS"] ?? 8) }, (_, index) => index + 1);

const rig = useRig({
  governance: `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.05
window: lifetime
mode: hard
`,
});

let simulator: ProviderSimulator | undefined;
afterEach(() => simulator?.stop());

const usedRatios: number[] = [];
afterAll(() => {
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(2)} %`;
  console.log(
    `${usedRatios.length} fleets, seeds ${SEEDS.at(0)} to ${SEEDS.at(-1)}: of the budget used between ` +
      `${percent(Math.min(...usedRatios))} and ${percent(Math.max(...usedRatios))}`,
  );
});

test.each(SEEDS)("a fleet spends a hard budget to its end and not a nano-dollar over it (seed %i)", async (seed) => {
  const { processor } = rig();
  simulator = new ProviderSimulator({ seed, latencyMs: { min: 1, max: 20 } });
  const providerUrl = await simulator.start();
  const labels = { run: `seed-${seed}` };
  const fleet = startFleet({ processor, providerUrl, seed, agents: AGENTS, callers: CALLERS, labels });
  const report = await finishFleet(fleet);
  const books = await readBooks({ processor, simulator, budget: "fleet", labels });

  const used = Number(books.provider) / Number(LIMIT_NANO_USD);
  usedRatios.push(used);

  expect(report.failed).toEqual([]);
  expect(report.refused).toBe(AGENTS * CALLERS);
  expect(books.provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(used).toBeGreaterThanOrEqual(0.95);
  expect(books.ledger.settledNanoUsd).toBe(books.provider);
  expect(books.ledger.reservedNanoUsd).toBe(0n);
  expect(books.clickHouse).toBe(books.provider);
});
