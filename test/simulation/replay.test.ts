/**
 * Goal: a run is a function of its seed, so that a seed which fails once fails whenever it is asked for.
 * Method: the same seeds once as they are, and once where the real clock says something else, chance is no chance and the event loop takes
 * its time with everything. Their digests hold each event's instant, what the ledger had written by then, and every message.
 */
import { expect, it, onTestFinished, vi } from "vitest";
import { Random } from "../support/random.ts";
import { largeScenario, replicaScenario, scenarioOf } from "./scenario.ts";
import { simulate } from "./simulate.ts";
import type { Outcome } from "./world.ts";

/** In the first and the last the disk of the one processor fails, and its ledger reads it again. */
const SEEDS = [12, 3, 57];

it.each([
  ["one processor", scenarioOf],
  ["processors over one store", replicaScenario],
])("replays a seed to the last message, whatever the machine does meanwhile (%s)", async (_name, scenario) => {
  const run = (settled?: () => Promise<void>): Promise<Outcome[]> =>
    Promise.all(SEEDS.map((seed) => simulate(seed, scenario(seed), settled)));
  const first = await run();
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  vi.spyOn(Date, "now").mockReturnValue(0);
  vi.spyOn(performance, "now").mockReturnValue(0);
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await run(busy(new Random(1)))).toEqual(first);
  expect(new Set(first.map(({ digest }) => digest)).size).toBe(SEEDS.length);
});

/** What is settled after one turn of the event loop is so after several, and after a timer. */
function busy(random: Random): () => Promise<void> {
  return async () => {
    const turns = random.between(1, 3);
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    if (random.chance(0.002)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  };
}

const agents = Number(process.env["TOLLGATE_SIM_AGENTS"] ?? 2000);

it.each([1, 5])(
  `holds for ${agents} agents, each ten under a budget (seed %i)`,
  { timeout: 6_000_000 },
  async (seed) => {
    const outcome = await simulate(seed, largeScenario(seed, { agents, durationMs: 1000 }));
    expect(outcome.calls).toBeGreaterThan(agents);
    expect(outcome.refused).toBeGreaterThan(0);
  },
);
