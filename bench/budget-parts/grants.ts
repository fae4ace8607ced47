/**
 * Durable grants at the ledger's interface on one hot tree of five budgets, beside a plain loop of write and fdatasync of as
 * many bytes on the same disk, which is the floor for anything that promises durability one by one. Blocks alternate; medians
 * are printed as one line of JSON. Its one argument is a directory to work in.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Labels, Ledger } from "../../src/budget/ledger.ts";
import { createLocalLedger } from "../../src/budget/local/create-local-ledger.ts";
import { SystemClock } from "../../src/support/clock.ts";
import { median, percentile } from "./figures.ts";
import { hotTree } from "./hot-tree.ts";

export interface GrantFigures {
  /** Writes with a fdatasync each, one by one. */
  readonly plainPerSecond: number;
  readonly plainP50Ms: number;
  /** What the disk takes at times is in every latency. */
  readonly plainP99Ms: number;
  readonly onePerSecond: number;
  readonly manyPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly grantsPerSync: number;
}

const CALLERS = 64;
const ROUNDS = 7;
const BLOCK_MS = 700;
const RECORD_BYTES = 180;

const dir = process.argv[2] ?? "";
const ledger = createLocalLedger({ dir: join(dir, "ledger"), budgets: hotTree(), clock: new SystemClock() });
await ledger.start();
const plain = await open(join(dir, "plain"), "w");

const rounds: GrantFigures[] = [];
for (let round = 0; round <= ROUNDS; round += 1) {
  const floorMs = await plainLoop();
  const one = await grants(ledger, 1, round);
  const before = ledger.stats();
  const many = await grants(ledger, CALLERS, round);
  const after = ledger.stats();
  // The first round warms up.
  if (round === 0) continue;
  rounds.push({
    plainPerSecond: (floorMs.length * 1000) / BLOCK_MS,
    plainP50Ms: percentile(floorMs, 0.5),
    plainP99Ms: percentile(floorMs, 0.99),
    onePerSecond: one.perSecond,
    manyPerSecond: many.perSecond,
    p50Ms: percentile(many.latenciesMs, 0.5),
    p99Ms: percentile(many.latenciesMs, 0.99),
    grantsPerSync: (after.journalEvents - before.journalEvents) / (after.journalFlushes - before.journalFlushes),
  });
}
await ledger.stop();
await plain.close();
const of = (figure: keyof GrantFigures): number => median(rounds.map((round) => round[figure]));
const figures: GrantFigures = {
  plainPerSecond: of("plainPerSecond"),
  plainP50Ms: of("plainP50Ms"),
  plainP99Ms: of("plainP99Ms"),
  onePerSecond: of("onePerSecond"),
  manyPerSecond: of("manyPerSecond"),
  p50Ms: of("p50Ms"),
  p99Ms: of("p99Ms"),
  grantsPerSync: of("grantsPerSync"),
};
console.log(JSON.stringify(figures));

/** Every message settles what the one before was granted, and asks for as much again. */
async function grants(on: Ledger, callers: number, round: number) {
  const latenciesMs: number[] = [];
  const endMs = performance.now() + BLOCK_MS;
  const caller = async (index: number): Promise<void> => {
    const leaseId = `${callers}-${index}-${round}`;
    const labels: Labels = { team: "checkout", agent: `agent-${index % 8}` };
    for (let seq = 1; performance.now() < endMs; seq += 1) {
      const amounts = (nanoUsd: number) => ({ nanoUsd: BigInt(nanoUsd), tokens: 0n, calls: 0n });
      const target = amounts(seq * 1000);
      const sentMs = performance.now();
      const outcome = await on.acquire({
        processId: "bench",
        leaseId,
        seq,
        labels,
        settled: amounts((seq - 1) * 1000),
        need: target,
        target,
        ahead: amounts(0),
        waitMs: 0,
      });
      if (outcome.outcome !== "granted") throw new Error(`not granted: ${outcome.outcome}`);
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, index) => caller(index)));
  return { perSecond: (latenciesMs.length * 1000) / BLOCK_MS, latenciesMs };
}

/** How long each write took to be on disk. */
async function plainLoop(): Promise<number[]> {
  const record = Buffer.alloc(RECORD_BYTES, "x");
  const latenciesMs: number[] = [];
  const endMs = performance.now() + BLOCK_MS;
  for (let now = performance.now(); now < endMs;) {
    await plain.write(record);
    await plain.datasync();
    const doneMs = performance.now();
    latenciesMs.push(doneMs - now);
    now = doneMs;
  }
  return latenciesMs;
}
