/**
 * Goal: kill -9 of the processor while waiting blocks are delivered together, of the engine while it takes them, and doubled and
 * reordered batches all the while: nothing acknowledged is lost, nothing counts twice, the spool ends empty.
 * Method: a seeded storm; in each round the engine is held down until blocks wait, then comes back, and at a seeded moment of a
 * merged shipment the engine or the processor is killed, or both. What is in ClickHouse, in its roll-up and in the ledger is compared with what was sent.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { killEngines } from "../support/engine-pids.ts";
import { useRig } from "../support/rig.ts";
import { seededRandom, SpanStorm, STORM_SPAN_NANO_USD } from "../support/span-storm.ts";
import { expectStormStored } from "../support/storm-books.ts";

const SEED = 4_711;
const ROUNDS = 6;
const BLOCKS_WAITING = 25;
const TIMEOUT_MS = 60_000;
/** From the moment a merged shipment is on disk until somebody is killed; an insert takes about 100 ms. */
const KILL_MS_MAX = 150;

const rig = useRig({
  governance: `
kind: budget
name: storm
scope: { service.name: storm }
limit: $1000.00
window: lifetime
mode: soft
`,
});

it("counts every span once over kills of both sides in the middle of deliveries", { timeout: 300_000 }, async () => {
  process.stdout.write(`seed ${SEED}\n`);
  const random = seededRandom(SEED);
  const { workspace } = rig();
  const { endpoints } = rig().processor;
  const spool = join(workspace.dataDir, "spool");
  const service = "storm";
  const storm = new SpanStorm({ seed: SEED, url: () => endpoints.otlp_http, service });
  let merges = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { pid } = rig().processor.endpoints;
    await waitFor(
      async () => {
        killEngines(pid);
        return (await filesIn(spool, ".block")) >= BLOCKS_WAITING;
      },
      { what: `${BLOCKS_WAITING} blocks`, timeoutMs: TIMEOUT_MS, intervalMs: 20 },
    );
    await waitFor(async () => (await filesIn(spool, ".merge")) > 0, {
      what: "a merged shipment",
      timeoutMs: TIMEOUT_MS,
      intervalMs: 2,
    });
    await delay(random() * KILL_MS_MAX);
    if (round % 3 > 0) killEngines(pid);
    if (round % 3 === 1) continue;
    await rig().processor.kill();
    merges += await filesIn(spool, ".merge");
    rig().processor = await ProcessorProcess.start({ workspace, at: endpoints });
  }
  process.stdout.write(`killed with a merged shipment under way: ${merges} times\n`);
  const spans = await storm.finish();
  await expectStormStored(rig(), { service, spans });
  expect((await ledgerCount(rig().processor, "storm")).settledNanoUsd).toBe(BigInt(spans) * STORM_SPAN_NANO_USD);
  await waitFor(async () => (await readdir(spool)).join() === "set-aside", {
    what: "an empty spool",
    timeoutMs: TIMEOUT_MS,
  });
  expect(await readdir(join(spool, "set-aside"))).toEqual([]);
});

async function filesIn(directory: string, suffix: string): Promise<number> {
  return (await readdir(directory)).filter((name) => name.endsWith(suffix)).length;
}
