/**
 * Goal: whatever is killed, at whatever moment, however often: nothing acknowledged is lost, nothing is counted twice.
 * Method: a seeded storm of batches (doubled, late, of all sizes) over several connections; in each round, after a seeded
 * number of acknowledged spans, kill -9 of the processor, the engine or both at once. Then the spans by their ids, the
 * roll-up of the materialised view and the ledger must all be what was acknowledged.
 * `TOLLGATE_FAULT_ROUNDS` sets the rounds (5 when absent; 50 is the long run), `TOLLGATE_FAULT_SEED` the seed.
 */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { ledgerCount } from "../../src/demo/counts.ts";
import { ProcessorProcess } from "../../src/demo/processor-process.ts";
import { waitFor } from "../../src/demo/wait.ts";
import { killEngines } from "../support/engine-pids.ts";
import { Random } from "../support/random.ts";
import { delivered, sqlRows, useRig } from "../support/rig.ts";
import { STORM_SPAN_NANO_USD, StormSender } from "../support/storm-sender.ts";

const rounds = Number(process.env["TOLLGATE_FAULT_ROUNDS"] ?? 5);
const seed = Number(process.env["TOLLGATE_FAULT_SEED"] ?? 20_261_121);
const ROUND_TIMEOUT_MS = 60_000;
const DRAIN_TIMEOUT_MS = 120_000;
const SENDERS = 4;

const rig = useRig({
  governance: `
kind: budget
name: storm
scope: { service.name: storm }
limit: $100000.00
window: lifetime
mode: soft
`,
});

test(
  `kill -9 of processor, engine or both, ${rounds} rounds: what was acknowledged is there, once`,
  async () => {
    console.log(`seed ${seed}, ${rounds} rounds`);
    const random = new Random(seed);
    const { endpoints } = rig().processor;
    const storm = new StormSender({ otlpUrl: endpoints.otlp_http, seed, senders: SENDERS, service: "storm" });
    const killed = { processor: 0, engine: 0, both: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const mark = storm.acknowledged + random.between(1, 3_000);
      await waitFor(() => storm.acknowledged >= mark, {
        what: `round ${round}: ${mark} spans`,
        timeoutMs: ROUND_TIMEOUT_MS,
      });
      for (let step = random.below(20); step > 0; step -= 1) await turn();
      const what = random.pick(["processor", "engine", "both"] as const);
      killed[what] += 1;
      await kill(what);
    }
    const sent = await storm.finish();
    console.log({ ...sent, ...killed });

    const expected = String(sent.acknowledged);
    await delivered(rig(), DRAIN_TIMEOUT_MS);
    const [spans] = await sqlRows(rig(), COUNTS, 1);
    expect(spans).toEqual({ spans: expected, ids: expected });
    const [spend] = await sqlRows(rig(), SPEND, 1);
    const nanoUsd = BigInt(sent.acknowledged) * STORM_SPAN_NANO_USD;
    expect(spend).toEqual({ calls: expected, nano_usd: String(nanoUsd) });
    expect((await ledgerCount(rig().processor, "storm")).settledNanoUsd).toBe(nanoUsd);
  },
  rounds * ROUND_TIMEOUT_MS + DRAIN_TIMEOUT_MS,
);

const COUNTS =
  "SELECT toString(count()) AS spans, toString(uniqExact(trace_id, span_id)) AS ids FROM spans WHERE service = 'storm'";
const SPEND =
  "SELECT toString(sum(calls)) AS calls, toString(sum(cost_nano_usd)) AS nano_usd FROM spend_by_minute WHERE agent = 'storm'";

async function kill(what: "processor" | "engine" | "both"): Promise<void> {
  const { processor, workspace } = rig();
  const { endpoints } = processor;
  if (what !== "processor") killEngines(endpoints.pid);
  if (what === "engine") return;
  await processor.kill();
  rig().processor = await ProcessorProcess.start({ workspace, at: endpoints });
}
