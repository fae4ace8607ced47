/**
 * How long a ledger takes to be there again after a million journal records: writes them as a busy fleet would have, through
 * the ledger itself, then starts another one on the same directory, in turns. Prints one line of JSON. Its one argument is a
 * directory. Snapshots are put off, so that every record is replayed: the worst case.
 */
import { join } from "node:path";
import { createLocalLedger } from "../../src/budget/local/create-local-ledger.ts";
import { SystemClock } from "../../src/support/clock.ts";
import { median } from "./figures.ts";
import { hotTree } from "./hot-tree.ts";

export interface RestartFigures {
  readonly records: number;
  readonly bytes: number;
  readonly ms: number;
}

const RECORDS = 1_000_000;
const LEASES = 512;
const STARTS = 3;
const SEGMENT_BYTES_MAX = 1024 ** 3;

const options = {
  dir: join(process.argv[2] ?? "", "ledger"),
  budgets: hotTree(),
  clock: new SystemClock(),
  segmentBytesMax: SEGMENT_BYTES_MAX,
};
const ledger = createLocalLedger(options);
await ledger.start();
for (let seq = 1; seq <= Math.ceil(RECORDS / LEASES); seq += 1) {
  const amounts = (nanoUsd: number) => ({ nanoUsd: BigInt(nanoUsd), tokens: 0n, calls: 0n });
  await Promise.all(
    Array.from({ length: LEASES }, (_, index) =>
      ledger.acquire({
        processId: "bench",
        leaseId: `lease-${index}`,
        seq,
        labels: { team: "checkout", agent: `agent-${index % 8}` },
        settled: amounts((seq - 1) * 1_000),
        need: amounts(seq * 1_000),
        target: amounts(seq * 1_000),
        ahead: amounts(0),
        waitMs: 0,
      }),
    ),
  );
}
const { journalEvents: records, journalBytes: bytes } = ledger.stats();
await ledger.stop();

const times: number[] = [];
for (let start = 0; start < STARTS; start += 1) {
  const again = createLocalLedger(options);
  const startedMs = performance.now();
  await again.start();
  times.push(performance.now() - startedMs);
  await again.stop();
}
const figures: RestartFigures = { records, bytes, ms: median(times) };
console.log(JSON.stringify(figures));
