/**
 * Goal: an agent that dies without a word (kill -9) can't make the fleet overspend: what its lease held counts as spent until
 * its spans show otherwise or the grace time is over (I4), and is not lost for ever.
 * Method: agents are killed in the middle of a run; the others go on until they are refused. Once with a grace time longer than
 * the run, once with one that ends.
 */
import { expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { finishFleet, startFleet } from "../support/fleet-run.ts";
import { useRig, type Rig } from "../support/rig.ts";

const LIMIT_NANO_USD = 60_000_000n;
const AGENTS = 4;
const CALLERS = 8;
const RUN_TIMEOUT_MS = 60_000;
const LEASE_TTL_MS = 1_000;

const GOVERNANCE = `
kind: budget
name: fleet
scope: { run: "*" }
each: run
limit: $0.06
window: lifetime
mode: hard
`;
const SIMULATOR = { seed: 13, latencyMs: { min: 20, max: 60 } };
const LABELS = { run: "agents" };

const longGrace = useRig({
  governance: GOVERNANCE,
  config: `ledger: { lease_ttl_ms: ${LEASE_TTL_MS}, grace_ms: 600000 }\n`,
  simulator: SIMULATOR,
});

const shortGrace = useRig({
  governance: GOVERNANCE,
  config: `ledger: { lease_ttl_ms: ${LEASE_TTL_MS}, grace_ms: 1000 }\n`,
  simulator: SIMULATOR,
});

/** Runs a fleet whose last agent is killed at a third of the budget. */
async function runWithDeath({ processor, providerUrl, simulator }: Rig): Promise<void> {
  const fleet = startFleet({ processor, providerUrl, seed: 13, agents: AGENTS, callers: CALLERS, labels: LABELS });
  await waitFor(() => BigInt(simulator.count().nano_usd) >= LIMIT_NANO_USD / 3n, {
    what: "spend",
    timeoutMs: RUN_TIMEOUT_MS,
  });
  await fleet.at(-1)?.kill();
  const report = await finishFleet(fleet.slice(0, -1));
  expect(report.failed).toEqual([]);
  expect(report.refused).toBe((AGENTS - 1) * CALLERS);
  await waitFor(() => simulator.count().in_flight === 0, { what: "the provider", timeoutMs: RUN_TIMEOUT_MS });
}

test("kill -9 of an agent: what its lease held counts as spent, and nothing is overspent", async () => {
  const rig = longGrace();
  await runWithDeath(rig);
  const provider = BigInt(rig.simulator.count().nano_usd);
  const ledger = await ledgerCount(rig.processor, "fleet", LABELS);
  expect(provider).toBeLessThanOrEqual(LIMIT_NANO_USD);
  expect(ledger.settledNanoUsd + ledger.reservedNanoUsd).toBeLessThanOrEqual(LIMIT_NANO_USD);
  // The dead agent's last calls were billed and never reported: what its lease held stands for them.
  expect(ledger.settledNanoUsd + ledger.reservedNanoUsd).toBeGreaterThanOrEqual(provider);
});

/** From here on, calls that the dead agent made and never reported are in nobody's books but the provider's: see I4. */
test("after the grace time the rest of a dead agent's lease comes free", async () => {
  const rig = shortGrace();
  await runWithDeath(rig);
  await waitFor(async () => (await ledgerCount(rig.processor, "fleet", LABELS)).reservedNanoUsd === 0n, {
    what: "the end of the grace time",
    timeoutMs: RUN_TIMEOUT_MS,
  });
  expect((await ledgerCount(rig.processor, "fleet", LABELS)).settledNanoUsd).toBeLessThanOrEqual(LIMIT_NANO_USD);
});
