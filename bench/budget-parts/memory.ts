/**
 * What 10,000 budgets with 100,000 values of `each` among them cost in memory: the resident size of this process, which does
 * nothing else, before and after each value has spent once. Prints one line of JSON. Its one argument is a directory.
 */
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Budget } from "../../src/budget/budget.ts";
import { createLocalLedger } from "../../src/budget/local/create-local-ledger.ts";
import { SystemClock } from "../../src/support/clock.ts";
import { residentBytesOf } from "../traffic/process-figures.ts";

export interface MemoryFigures {
  readonly budgets: number;
  readonly values: number;
  readonly baseBytes: number;
  readonly bytes: number;
  /** Of the heap, after a collection, more than before. */
  readonly keptBytes: number;
  readonly fillMs: number;
}

const BUDGETS = 10_000;
const VALUES = 100_000;
const AT_ONCE = 1_000;

const dir = process.argv[2] ?? "";
const baseKeptBytes = keptBytes();
const baseBytes = residentBytesOf(process.pid);
const ledger = createLocalLedger({
  dir: join(dir, "ledger"),
  budgets: Array.from({ length: BUDGETS }, (_, index) => budgetOf(index)),
  clock: new SystemClock(),
});
await ledger.start();
const startedMs = performance.now();
for (let first = 0; first < VALUES; first += AT_ONCE) {
  const entries = Array.from({ length: AT_ONCE }, (_, index) => ({
    labels: { team: `team-${(first + index) % BUDGETS}`, agent: `agent-${first + index}` },
    leaseId: "",
    amounts: { nanoUsd: 1_000n, tokens: 10n, calls: 1n },
  }));
  await ledger.observe({ token: `block-${first}`, entries });
}
const fillMs = performance.now() - startedMs;
const bytes = residentBytesOf(process.pid);
const counted = ledger.budgets().filter(({ settled }) => settled === 1_000n).length;
if (counted !== VALUES) throw new Error(`${counted} of ${VALUES} values have spent`);
const figures: MemoryFigures = {
  budgets: BUDGETS,
  values: VALUES,
  baseBytes,
  bytes,
  keptBytes: keptBytes() - baseKeptBytes,
  fillMs,
};
console.log(JSON.stringify(figures));
await ledger.stop();

function keptBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function budgetOf(index: number): Budget {
  return {
    name: `team-${index}-per-agent`,
    scope: { team: `team-${index}` },
    each: "agent",
    measure: "usd",
    limit: 10n ** 12n,
    window: { kind: "calendar", unit: "day" },
    timeZone: "Europe/Berlin",
    mode: "hard",
    unknownPrice: "deny",
    thresholds: [],
  };
}
