/**
 * Reservations with their commits over HTTP: the real processor with five budgets over each call, and a client in another
 * process. The same client then drives a bare HTTP server of Node: the floor on this machine. Prints one line of JSON.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createWorkspace, ProcessorProcess } from "../../src/demo/processor-process.ts";
import { cpuSecondsOf } from "../traffic/process-figures.ts";
import type { LoadFigures } from "./reserve-load.ts";

export interface ReservationFigures extends LoadFigures {
  /** Of the processor, all threads. */
  readonly cpuMicrosecondsPerPair: number;
  readonly floorPairsPerSecond: number;
  readonly floorCpuMicrosecondsPerPair: number;
}

const WARM_MS = 4_000;
const MEASURE_MS = 8_000;
const FLOOR_MS = 3_000;

const GOVERNANCE = [
  "scope: {}",
  "scope: { team: checkout }",
  'scope: { team: "*" }\neach: agent',
  "scope: { model: gpt-4o-mini }",
  "scope: { team: checkout }",
]
  .map((scope, index) => {
    const window = index === 4 ? "day" : "lifetime";
    return `kind: budget\nname: budget-${index}\n${scope}\nlimit: $1000000000.00\nwindow: ${window}\nmode: hard\n`;
  })
  .join("---\n");

await using stack = new AsyncDisposableStack();
const workspace = await createWorkspace({ governance: GOVERNANCE });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
const { api, pid } = processor.endpoints;
const before = cpuSecondsOf(pid);
const load = await drive(api, WARM_MS, MEASURE_MS);
const cpuSeconds = cpuSecondsOf(pid) - before;
await processor.stop();

const floor = fork(join(import.meta.dirname, "http-floor.ts"));
stack.defer(() => floor.disconnect());
const [port] = (await once(floor, "message")) as [number];
const floorPid = floor.pid ?? 0;
const floorBefore = cpuSecondsOf(floorPid);
const bare = await drive(`http://127.0.0.1:${port}`, FLOOR_MS, FLOOR_MS);
const floorCpuSeconds = cpuSecondsOf(floorPid) - floorBefore;

const figures: ReservationFigures = {
  ...load,
  cpuMicrosecondsPerPair: (cpuSeconds * 1_000_000) / load.pairs,
  floorPairsPerSecond: bare.pairsPerSecond,
  floorCpuMicrosecondsPerPair: (floorCpuSeconds * 1_000_000) / bare.pairs,
};
console.log(JSON.stringify(figures));

async function drive(url: string, warmMs: number, measureMs: number): Promise<LoadFigures> {
  const client = spawn(
    process.execPath,
    [join(import.meta.dirname, "reserve-load.ts"), url, String(warmMs), String(measureMs)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  return JSON.parse(await text(client.stdout)) as LoadFigures;
}
