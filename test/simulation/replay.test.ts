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

/** `TOLLGATE_SIM_AGENTS=3000` takes minutes. */
const agents = Number(process.env["TOLLGATE_SIM_AGENTS"] ?? 200);

it(`holds for ${agents} agents, each team under its own budget`, { timeout: 6_000_000 }, async () => {
  const outcome = await simulate(1, largeScenario(1, { agents, durationMs: 2000 }));
  expect(outcome.calls).toBeGreaterThan(agents);
});
