/**
 * The promises of budgets over a fleet, each as measured and as promised, with the conditions that it holds under. Every part
 * runs in a process of its own that does nothing else. A promise that is not kept is said, and makes the exit code 1.
 *
 *     npm run bench budget -- [--only grants|reservations|gate|memory|restart]
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { GateFigures } from "./budget-parts/gate.ts";
import type { GrantFigures } from "./budget-parts/grants.ts";
import type { MemoryFigures } from "./budget-parts/memory.ts";
import type { ReservationFigures } from "./budget-parts/reservations.ts";
import type { RestartFigures } from "./budget-parts/restart.ts";

interface Part {
  readonly name: string;
  readonly report: (figures: unknown) => readonly Line[];
}

interface Line {
  readonly what: string;
  readonly measured: string;
  /** Absent: beside a promise, none itself. */
  readonly target?: string;
  readonly isKept?: boolean;
}

const MIB = 1024 * 1024;
/** As the processor is started; the gate runs in the agent's process, which is not ours to tell. */
const PROCESSOR_FLAGS = ["--max-semi-space-size=32"];

const PARTS: readonly Part[] = [
  part<GrantFigures>("grants", (figures) => [
    atLeast("durable grants, 64 callers, tree of 5", { measured: figures.manyPerSecond, target: 20_000, unit: "/s" }),
    below("latency at 64 callers, p99", { measured: figures.p99Ms, target: 10, unit: "ms" }),
    { what: "latency at 64 callers, p50", measured: `${figures.p50Ms.toFixed(2)} ms` },
    {
      what: "plain write + fdatasync, one by one",
      measured: `${figures.plainPerSecond.toFixed(0)} /s, p50 ${figures.plainP50Ms.toFixed(2)} ms, p99 ${figures.plainP99Ms.toFixed(2)} ms`,
    },
    {
      what: "64 callers against the plain loop",
      measured: `${(figures.manyPerSecond / figures.plainPerSecond).toFixed(1)} ×, ${figures.grantsPerSync.toFixed(0)} grants for each fdatasync`,
    },
    { what: "grants, 1 caller", measured: `${figures.onePerSecond.toFixed(0)} /s` },
  ]),
  part<ReservationFigures>("reservations", (figures) => [
    atLeast("reserve + commit over HTTP, 64 connections", {
      measured: figures.pairsPerSecond,
      target: 5_000,
      unit: "pairs/s",
    }),
    {
      what: "latency of a pair",
      measured: `p50 ${figures.p50Ms.toFixed(1)} ms, p99 ${figures.p99Ms.toFixed(1)} ms`,
    },
    {
      what: "CPU of all threads",
      measured: `${figures.cpuMicrosecondsPerPair.toFixed(0)} µs a pair, ${figures.floorCpuMicrosecondsPerPair.toFixed(0)} µs of the bare server`,
    },
    {
      what: "same client, bare HTTP server of Node",
      measured: `${figures.floorPairsPerSecond.toFixed(0)} pairs/s, of which the processor reaches ${((figures.pairsPerSecond / figures.floorPairsPerSecond) * 100).toFixed(0)} %`,
    },
  ]),
  part<GateFigures>("gate", (figures) => [
    below("local reserve + settle", { measured: figures.microseconds, target: 5, unit: "µs" }),
    { what: "the same with its worst case priced", measured: `${figures.pricedMicroseconds.toFixed(2)} µs` },
  ]),
  part<MemoryFigures>("memory", (figures) => [
    below(`resident, ${figures.budgets} budgets, ${figures.values} values of \`each\``, {
      measured: figures.bytes / MIB,
      target: 300,
      unit: "MiB",
    }),
    { what: "of it Node before the ledger", measured: `${(figures.baseBytes / MIB).toFixed(0)} MiB` },
    { what: "what the ledger keeps, after a collection", measured: `${(figures.keptBytes / MIB).toFixed(0)} MiB` },
  ]),
  part<RestartFigures>("restart", (figures) => [
    below(`restart with ${figures.records} journal records`, {
      measured: figures.ms / 1_000,
      target: 5,
      unit: "s",
    }),
    { what: "journal", measured: `${(figures.bytes / MIB).toFixed(0)} MiB, no snapshot in it` },
  ]),
];

const { values: options } = parseArgs({ options: { only: { type: "string" } } });
const parent = join(import.meta.dirname, "../node_modules/.cache");
await mkdir(parent, { recursive: true });
const broken: string[] = [];
for (const { name, report } of PARTS.filter((each) => options.only === undefined || each.name === options.only)) {
  const dir = await mkdtemp(join(parent, "bench-budget-"));
  try {
    for (const line of report(await figuresOf(name, dir))) {
      const promise =
        line.target === undefined ? "" : `   promised ${line.target}: ${line.isKept === true ? "kept" : "NOT KEPT"}`;
      console.log(`${line.what.padEnd(54)} ${line.measured}${promise}`);
      if (line.isKept === false) broken.push(line.what);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
const load = loadavg().map((value) => value.toFixed(1));
console.log(
  `conditions: ${cpus().length} cores for client and processor together, local disk, load average ${load.join(" ")}`,
);
if (broken.length > 0) process.exitCode = 1;

function part<Figures>(name: string, report: (figures: Figures) => readonly Line[]): Part {
  return { name, report: (figures) => report(figures as Figures) };
}

async function figuresOf(name: string, dir: string): Promise<unknown> {
  const file = join(import.meta.dirname, "budget-parts", `${name}.ts`);
  const flags = name === "gate" ? [] : PROCESSOR_FLAGS;
  const child = spawn(process.execPath, [...flags, file, dir], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout));
}

interface Measured {
  readonly measured: number;
  readonly target: number;
  readonly unit: string;
}

function atLeast(what: string, { measured, target, unit }: Measured): Line {
  return { what, measured: shown(measured, unit), target: `≥ ${target} ${unit}`, isKept: measured >= target };
}

function below(what: string, { measured, target, unit }: Measured): Line {
  return { what, measured: shown(measured, unit), target: `< ${target} ${unit}`, isKept: measured < target };
}

function shown(value: number, unit: string): string {
  return `${value.toFixed(value >= 100 ? 0 : 2)} ${unit}`;
}
