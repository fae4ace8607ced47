/** Reservations with their commits over HTTP: the real processor, and a client in another process. Prints one line of JSON. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { createWorkspace, ProcessorProcess } from "../../src/demo/processor-process.ts";
import { cpuSecondsOf } from "../traffic/process-figures.ts";
import type { LoadFigures } from "./reserve-load.ts";

export interface ReservationFigures extends LoadFigures {
  readonly serverCpuSeconds: number;
}

const WARM_MS = 4_000;
const MEASURE_MS = 8_000;

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
stack.defer(async () => void (await processor.stop()));

const before = cpuSecondsOf(processor.endpoints.pid);
const client = spawn(
  process.execPath,
  [join(import.meta.dirname, "reserve-load.ts"), processor.endpoints.api, String(WARM_MS), String(MEASURE_MS)],
  { stdio: ["ignore", "pipe", "inherit"] },
);
const load = JSON.parse(await text(client.stdout)) as LoadFigures;
const figures: ReservationFigures = { ...load, serverCpuSeconds: cpuSecondsOf(processor.endpoints.pid) - before };
console.log(JSON.stringify(figures));
