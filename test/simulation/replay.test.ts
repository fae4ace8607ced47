import { expect, it } from "vitest";
import { largeScenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

it("replays a seed to the last message", async () => {
  for (const seed of [3, 4, 17, 40]) {
    const first = await simulate(seed);
    expect(await simulate(seed)).toEqual(first);
  }
  expect((await simulate(3)).digest).not.toBe((await simulate(4)).digest);
});

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
