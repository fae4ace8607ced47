/**
 * Goal: a crash of the embedded engine takes neither the processor down nor a span away.
 * Method: kill -9 of the engine's process in the middle of a fleet's run; the three books must agree afterwards.
 */
import { expect, test } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { enginesOf, killEngines } from "../support/engine-pids.ts";
import { finishFleet, readBooks, startFleet } from "../support/fleet-run.ts";
import { useRig } from "../support/rig.ts";

const LIMIT_NANO_USD = 60_000_000n;
const AGENTS = 4;
const CALLERS = 8;
const RUN_TIMEOUT_MS = 60_000;

const rig = useRig({
  governance: `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.06
window: lifetime
mode: hard
`,
  simulator: { seed: 11, latencyMs: { min: 20, max: 60 } },
});

test("kill -9 of the engine in mid-run: the processor stays, the engine comes back, and no span is lost or doubled", async () => {
  const { processor, simulator, providerUrl } = rig();
  const labels = { run: "engine" };
  const fleet = startFleet({ processor, providerUrl, seed: 11, agents: AGENTS, callers: CALLERS, labels });
  await waitFor(() => BigInt(simulator.count().nano_usd) >= LIMIT_NANO_USD / 3n, {
    what: "spend",
    timeoutMs: RUN_TIMEOUT_MS,
  });
  const engines = enginesOf(processor.endpoints.pid);
  expect(engines).toHaveLength(1);
  killEngines(processor.endpoints.pid);
  const report = await finishFleet(fleet);
  const books = await readBooks({ processor, simulator, budget: "fleet", labels });

  expect(report.failed).toEqual([]);
  expect(report.refused).toBe(AGENTS * CALLERS);
  expect(books.provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(books.ledger.settledNanoUsd).toBe(books.provider);
  expect(books.clickHouse).toBe(books.provider);
  expect((await fetch(`${processor.endpoints.api}/healthz`)).status).toBe(200);
  expect(enginesOf(processor.endpoints.pid)).not.toEqual(engines);
});
