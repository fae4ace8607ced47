/**
 * Goal: a processor whose engine is far behind goes on, at full load, past the point where what it sends has to be read back from the disk:
 * it stood still there once, for good, looking for memory to let go. Method: blocks larger than all that may be kept in memory pile up
 * while the engine is held down, senders go on while they are worked off, and all is counted in the end. By counts, not by time.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { waitFor } from "../../src/demo/wait.ts";
import { killEngines } from "../support/engine-pids.ts";
import { useRig } from "../support/rig.ts";
import { SpanStorm } from "../support/span-storm.ts";
import { expectStormStored } from "../support/storm-books.ts";

const SEED = 1_129;
const KEPT_BYTES_MAX = 1_048_576;
/** One batch is one block at least: more than what is kept, what may be lent beside it, and what may lie idle (8 MiB), together. */
const SPANS_IN_BATCH = 20;
const PADDING = 600_000;
const BATCH_BYTES = SPANS_IN_BATCH * PADDING;
const BATCHES_BEHIND = 5;
/** And so many more are taken while those are worked off. */
const BATCHES_MORE = 3;
const TIMEOUT_MS = 60_000;

const rig = useRig({
  governance: "",
  config: `exporters: { clickhouse: { batch: { max_bytes: ${KEPT_BYTES_MAX} } } }\n`,
});

it("works off what it has to read back, and takes more meanwhile", { timeout: 3 * TIMEOUT_MS }, async () => {
  const { processor, workspace } = rig();
  const { otlp_http: url, pid } = processor.endpoints;
  const spool = join(workspace.dataDir, "spool");
  const service = "far-behind";
  const storm = new SpanStorm({
    seed: SEED,
    url: () => url,
    service,
    senders: 2,
    spansInBatch: SPANS_IN_BATCH,
    padding: PADDING,
  });
  await waitFor(
    async () => {
      killEngines(pid);
      return storm.acknowledged >= BATCHES_BEHIND;
    },
    { what: `${BATCHES_BEHIND} batches in the spool`, timeoutMs: TIMEOUT_MS, intervalMs: 20 },
  );
  expect(await bytesIn(spool)).toBeGreaterThan((BATCHES_BEHIND - 1) * BATCH_BYTES);
  await waitFor(async () => storm.acknowledged >= BATCHES_BEHIND + BATCHES_MORE, {
    what: `${BATCHES_MORE} batches more`,
    timeoutMs: TIMEOUT_MS,
  });
  const spans = await storm.finish();
  // First: until its engine is back, the processor refuses to be asked what is stored.
  await waitFor(async () => (await bytesIn(spool)) === 0, { what: "an empty spool", timeoutMs: TIMEOUT_MS });
  await expectStormStored(rig(), { service, spans });
  expect(await readdir(join(spool, "set-aside"))).toEqual([]);
});

/** Of the blocks in a directory. */
async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    // One that is gone meanwhile has been delivered.
    if (name.endsWith(".block"))
      bytes += await stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}
