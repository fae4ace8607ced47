import { scenarioOf, type Scenario } from "./scenario.ts";
import { World, type Outcome, type Settled } from "./world.ts";

/** Runs one seed. Throws what did not hold, with the seed and what happened last. */
export async function simulate(
  seed: number,
  scenario: Scenario = scenarioOf(seed),
  settled?: Settled,
): Promise<Outcome> {
  const world = new World(scenario, settled);
  try {
    return await world.run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}${scenario.isWild ? " (wild)" : ""}: ${world.explain(message)}`, { cause: error });
  }
}
