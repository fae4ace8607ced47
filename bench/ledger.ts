/**
 * Durable grants of the ledger on one hot tree of five budgets, beside a plain loop of write and fdatasync of as many bytes
 * on the same disk, which is the floor for anything that promises durability one by one. Blocks alternate; medians are
 * printed. Then: how fast a restart replays what that left behind.
 */
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Budget } from "../src/budget/budget.ts";
import type { Labels, Ledger } from "../src/budget/ledger.ts";
import { createLocalLedger } from "../src/budget/local/create-local-ledger.ts";
import { SystemClock } from "../src/support/clock.ts";

const ROUNDS = 7;
const BLOCK_MS = 700;
const RECORD_BYTES = 180;

const parent = join(import.meta.dirname, "../node_modules/.cache");
await mkdir(parent, { recursive: true });
const dir = await mkdtemp(join(parent, "bench-ledger-"));
await using stack = new AsyncDisposableStack();
stack.defer(() => rm(dir, { recursive: true, force: true }));

const clock = new SystemClock();
const budgets = ["organisation", "team", "agent", "model", "day"].map(budgetOf);
const ledger = createLocalLedger({ dir: join(dir, "ledger"), budgets, clock });
await ledger.start();
const plain = await open(join(dir, "plain"), "w");

const results = {
  plain: [] as number[],
  one: [] as number[],
  many: [] as number[],
  p50: [] as number[],
  p99: [] as number[],
};
for (let round = 0; round <= ROUNDS; round += 1) {
  const floor = await plainLoop();
  const one = await grants(ledger, 1, round);
  const many = await grants(ledger, 64, round);
  if (round === 0) continue;
  results.plain.push(floor);
  results.one.push(one.perSecond);
  results.many.push(many.perSecond);
  results.p50.push(many.p50);
  results.p99.push(many.p99);
}
const { journalEvents, journalFlushes } = ledger.stats();
await ledger.stop();
await plain.close();

const restarted = createLocalLedger({ dir: join(dir, "ledger"), budgets, clock });
const startedMs = performance.now();
await restarted.start();
const replayMs = performance.now() - startedMs;
await restarted.stop();

console.log(`write + fdatasync, one by one     ${median(results.plain).toFixed(0)} /s`);
console.log(`grants, 1 caller                  ${median(results.one).toFixed(0)} /s`);
console.log(`grants, 64 callers                ${median(results.many).toFixed(0)} /s`);
console.log(`64 callers against the plain loop ${(median(results.many) / median(results.plain)).toFixed(1)} ×`);
console.log(
  `latency at 64 callers             p50 ${median(results.p50).toFixed(2)} ms, p99 ${median(results.p99).toFixed(2)} ms`,
);
console.log(`grants for each fdatasync         ${(journalEvents / journalFlushes).toFixed(1)}`);
console.log(`replay                            ${journalEvents} events in ${replayMs.toFixed(0)} ms`);

function budgetOf(name: string): Budget {
  return {
    name,
    scope: { team: "*" },
    each: name === "agent" ? "agent" : undefined,
    measure: "usd",
    limit: 10n ** 18n,
    window: name === "day" ? { kind: "calendar", unit: "day" } : { kind: "lifetime" },
    timeZone: "Europe/Berlin",
    mode: "hard",
    unknownPrice: "deny",
    thresholds: [],
  };
}

/** Every message settles what the one before was granted, and asks for as much again. */
async function grants(of: Ledger, callers: number, round: number) {
  const latenciesMs: number[] = [];
  const endMs = performance.now() + BLOCK_MS;
  const caller = async (index: number): Promise<void> => {
    const leaseId = `${callers}-${index}-${round}`;
    const labels: Labels = { team: "checkout", agent: `agent-${index % 8}` };
    for (let seq = 1; performance.now() < endMs; seq += 1) {
      const amounts = (nanoUsd: number) => ({ nanoUsd: BigInt(nanoUsd), tokens: 0n, calls: 0n });
      const target = amounts(seq * 1000);
      const sentMs = performance.now();
      const outcome = await of.acquire({
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
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return { perSecond: (latenciesMs.length * 1000) / BLOCK_MS, p50: at(0.5), p99: at(0.99) };
}

async function plainLoop(): Promise<number> {
  const record = Buffer.alloc(RECORD_BYTES, "x");
  const endMs = performance.now() + BLOCK_MS;
  let written = 0;
  while (performance.now() < endMs) {
    await plain.write(record);
    await plain.datasync();
    written += 1;
  }
  return (written * 1000) / BLOCK_MS;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
