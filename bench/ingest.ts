/**
 * What taking spans in costs: a real processor (cost, meter, ledger, spool, storage on) with its embedded engine, a load
 * generator in another process, spans of 25 attributes with ids that never repeat. CPU is read from /proc, for processor and
 * engine apart, so that the figures hold on a busy machine. Then: was everything that was acknowledged stored, once; how
 * late is a call visible in the spend at 10,000 spans a second; what the engine would cost that kept nothing of them; and the
 * same spans by the usual parts, in the same run.
 *
 *     npm run bench ingest -- [--seconds N] [--rate SPANS_PER_SECOND] [--json-encoding] [--connections N] [--only-load]
 */
import { spawn } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { ServiceStatus } from "../src/api/status.ts";
import { createWorkspace, ProcessorProcess } from "../src/demo/processor-process.ts";
import { waitFor } from "../src/demo/wait.ts";
import { dataDirectory, readToken } from "../src/service/data-directory.ts";
import type { BaselineResult } from "./traffic/baseline.ts";
import { engineFloor } from "./traffic/engine-floor.ts";
import { cpuSecondsOf, MemoryWatch } from "./traffic/process-figures.ts";
import type { SendResult, SendTask } from "./traffic/send.ts";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "12" },
    rate: { type: "string", default: "0" },
    connections: { type: "string", default: "4" },
    "json-encoding": { type: "boolean", default: false },
    "only-load": { type: "boolean", default: false },
  },
});

const SPANS_PER_REQUEST = 512;
const LAG_RATE = 10_240;
const LAG_SECONDS = 8;
const BASELINE_SECONDS = 6;
const ROWS_PER_INSERT = 8_192;
/** Of a shipment at full load: 32 MiB on disk. */
const ROWS_PER_SHIPMENT = 32_768;
/** Of 4 spans in a row, 3 are calls to a model. */
const CALL_SHARE = 0.75;
const DRAIN_MS = 300_000;
/** Spans whose ids are compared at once: bounds the engine's memory. */
const UNIQUE_PARTS = 16;
const WARM_SPANS = 200_000;
const WARM_TURNS_MAX = 10;
const GROWTH_SECONDS_MIN = 60;
const GOVERNANCE = `kind: budget
name: bench
limit: $1000000000.00
window: day
mode: hard
---
kind: budget
name: bench-agent
scope: { team: "*" }
each: agent
limit: $1000000000.00
window: day
mode: hard
`;

const encoding = options["json-encoding"] ? "json" : "protobuf";
await using stack = new AsyncDisposableStack();
const workspace = await createWorkspace({ governance: GOVERNANCE });
stack.defer(() => workspace.remove());
const processor = await ProcessorProcess.start({ workspace });
stack.defer(async () => void (await processor.stop()));
const { pid } = processor.endpoints;
const enginePid = (await status()).engine?.pid ?? 0;

const [loadAverage = 0] = loadavg();
console.log(
  `load average ${loadAverage.toFixed(1)} on ${cpus().length} cores at the start; above that, figures come out too high`,
);

let seed = 1;
let acknowledged = 0;

await warmUp(encoding);
const figures = await measured(Number(options.seconds), Number(options.rate), encoding);
print(`${encoding}, ${Number(options.rate) === 0 ? "as fast as answered" : `${options.rate} spans/s`}`, figures);
if (!options["only-load"]) {
  const other = encoding === "json" ? "protobuf" : "json";
  await warmUp(other);
  print(`${other}, as fast as answered`, await measured(6, 0, other));
  await lag();
}
await count();
if (!options["only-load"]) {
  await floor();
  await baseline(figures);
}

/** So that what is measured is compiled code: on a busy machine that takes more time, not more spans. */
async function warmUp(as: "protobuf" | "json"): Promise<void> {
  let sent = 0;
  for (let turn = 0; sent < WARM_SPANS && turn < WARM_TURNS_MAX; turn += 1) {
    sent += (await load({ seconds: 2, rate: 0, encoding: as })).acknowledged;
  }
}

interface Figures {
  readonly result: SendResult;
  /** Until everything was stored. */
  readonly wallSeconds: number;
  readonly processorMicros: number;
  readonly engineMicros: number;
  readonly processorMemory: MemoryWatch;
  readonly engineMemory: MemoryWatch;
}

async function measured(seconds: number, rate: number, as: "protobuf" | "json"): Promise<Figures> {
  const before = { processor: cpuSecondsOf(pid), engine: cpuSecondsOf(enginePid) };
  const [processorMemory, engineMemory] = [new MemoryWatch(pid), new MemoryWatch(enginePid)];
  const startedMs = performance.now();
  const result = await load({ seconds, rate, encoding: as });
  processorMemory.stop();
  engineMemory.stop();
  const micros = (cpuSeconds: number): number => (cpuSeconds * 1e6) / result.acknowledged;
  return {
    result,
    wallSeconds: (performance.now() - startedMs) / 1_000,
    processorMicros: micros(cpuSecondsOf(pid) - before.processor),
    engineMicros: micros(cpuSecondsOf(enginePid) - before.engine),
    processorMemory,
    engineMemory,
  };
}

/** Sends, and waits until all of it is in ClickHouse. */
async function load(
  task: Pick<SendTask, "seconds" | "rate" | "encoding">,
  onLine?: (line: { readonly sent: number; readonly unixMs: number }) => void,
): Promise<SendResult> {
  const full: SendTask = {
    ...task,
    url: processor.endpoints.otlp_http,
    connections: Number(options.connections),
    spansPerRequest: SPANS_PER_REQUEST,
    seed: (seed += 1),
  };
  const result = await runScript<SendResult>("send.ts", full, (line) => {
    if ("sent" in line) onLine?.(line as { sent: number; unixMs: number });
  });
  acknowledged += result.acknowledged;
  await waitFor(async () => (await status()).spans.in_flight === 0, {
    what: "the spool to empty",
    timeoutMs: DRAIN_MS,
  });
  return result;
}

/** The last line that a script of bench/traffic prints; its other lines go to `onLine`. */
async function runScript<T>(name: string, task: object, onLine: (line: object) => void = () => {}): Promise<T> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "traffic", name), JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last: object | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as object;
    onLine(last);
  }
  if (last === undefined) throw new Error(`${name} said nothing`);
  return last as T;
}

/** At a fixed rate: how old is the newest call that the spend shows, asked again and again. */
async function lag(): Promise<void> {
  const timeline: { readonly calls: number; readonly unixMs: number }[] = [];
  const already = await visibleCalls();
  const lags: number[] = [];
  const task = { seconds: LAG_SECONDS, rate: LAG_RATE, encoding } as const;
  let isSending = true;
  const sending = load(task, ({ sent, unixMs }) => timeline.push({ calls: sent * CALL_SHARE, unixMs })).finally(() => {
    isSending = false;
  });
  while (isSending) {
    const askedMs = Date.now();
    const visible = (await visibleCalls()) - already;
    // The oldest call that has ended and is not visible.
    const missing = timeline.find(({ calls, unixMs }) => calls > visible && unixMs <= askedMs);
    if (timeline.length > 0) lags.push(missing === undefined ? 0 : askedMs - missing.unixMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await sending;
  lags.sort((a, b) => a - b);
  const at = (share: number): number => lags[Math.floor(lags.length * share)] ?? 0;
  const { visible } = (await status()).lag;
  console.log(`\ncall end → visible in the spend, at ${LAG_RATE} spans/s for ${LAG_SECONDS} s`);
  line("asked every 20 ms", `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (aim: p99 ≤ 2,000 ms)`);
  line("by the processor itself", `p99 ${visible.p99_ms?.toFixed(0)} ms over the last 5 minutes, overload included`);
}

async function visibleCalls(): Promise<number> {
  return Number(await ask("SELECT sum(calls) FROM spend_by_minute"));
}

async function ask(query: string): Promise<string> {
  const response = await fetch(`${processor.endpoints.clickhouse}/?database=tollgate`, { method: "POST", body: query });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trim();
}

async function status(): Promise<ServiceStatus> {
  const headers = { authorization: `Bearer ${readToken(dataDirectory(workspace.dataDir)) ?? ""}` };
  return (await (await fetch(`${processor.endpoints.api}/v1/status`, { headers })).json()) as ServiceStatus;
}

/** 0 lost, 0 doubled, by ClickHouse's own count. */
async function count(): Promise<void> {
  const rows = Number(await ask("SELECT count() FROM span_log"));
  let different = 0;
  for (let part = 0; part < UNIQUE_PARTS; part += 1) {
    const wanted = `cityHash64(trace_id) % ${UNIQUE_PARTS} = ${part}`;
    different += Number(await ask(`SELECT uniqExact(trace_id, span_id) FROM span_log WHERE ${wanted}`));
  }
  console.log("\nafter all of it");
  line("spans acknowledged", acknowledged.toLocaleString("en-US"));
  line(
    "rows in ClickHouse",
    `${rows.toLocaleString("en-US")}, of which different ${different.toLocaleString("en-US")}`,
  );
  line("lost, doubled", `${acknowledged - different}, ${rows - different}`);
  if (rows !== acknowledged || different !== acknowledged) process.exitCode = 1;
}

async function floor(): Promise<void> {
  const from = processor.endpoints.clickhouse;
  const least = await engineFloor({ from, rowsPerInsert: ROWS_PER_SHIPMENT, rowsPerBlock: SPANS_PER_REQUEST });
  console.log(`\nthe same rows in an engine without roll-ups, ${least.rowsPerInsert} an insert, no merges to speak of`);
  line("taken, read, dropped", `${least.intoNothing.toFixed(1)} µs of CPU a span`);
  line("kept as spans only", `${least.withoutViews.toFixed(1)} µs of CPU a span`);
}

async function baseline(ours: Figures): Promise<void> {
  const task = { seconds: BASELINE_SECONDS, spansPerRequest: SPANS_PER_REQUEST, rowsPerInsert: ROWS_PER_INSERT };
  const { spans, cpuSeconds, engineCpuSeconds } = await runScript<BaselineResult>("baseline.ts", task);
  const own = (cpuSeconds * 1e6) / spans;
  const engine = (engineCpuSeconds * 1e6) / spans;
  console.log(`\nthe same spans by protobufjs and @clickhouse/client, JSONEachRow, ${ROWS_PER_INSERT} rows an insert`);
  line("process", `${own.toFixed(1)} µs of CPU a span`);
  line("engine", `${engine.toFixed(1)} µs of CPU a span`);
  const total = ours.processorMicros + ours.engineMicros;
  console.log("\nbaseline ÷ Tollgate");
  line("process", `${(own / ours.processorMicros).toFixed(2)} ×`);
  line("engine", `${(engine / ours.engineMicros).toFixed(2)} ×`);
  line("together", `${((own + engine) / total).toFixed(2)} × (aim: 5 ×)`);
}

function print(name: string, ours: Figures): void {
  const { result, wallSeconds, processorMemory, engineMemory } = ours;
  const perSecond = (spans: number, seconds: number): string => Math.round(spans / seconds).toLocaleString("en-US");
  const memory = (watch: MemoryWatch): string => {
    // In a short run a heap still grows to its size.
    const growth =
      watch.seconds < GROWTH_SECONDS_MIN ? "" : `, ${mib(watch.bytesPerMinute)} MiB a minute over the second half`;
    return `${mib(watch.bytesMax)} MiB at most${growth}`;
  };
  console.log(`\n${name}: ${result.acknowledged.toLocaleString("en-US")} spans in ${result.seconds.toFixed(1)} s`);
  line("processor", `${ours.processorMicros.toFixed(1)} µs of CPU a span (aim: 15, JSON 30)`);
  line("engine", `${ours.engineMicros.toFixed(1)} µs of CPU a span (aim: 5)`);
  line("acknowledged", `${perSecond(result.acknowledged, result.seconds)} spans/s; load generator on the same cores`);
  line("stored", `${perSecond(result.acknowledged, wallSeconds)} spans/s`);
  line(
    "answers",
    `p50 ${result.answerMs.p50.toFixed(0)} ms, p99 ${result.answerMs.p99.toFixed(0)} ms; ${result.refusals} × 503`,
  );
  line("load generator", `${((result.cpuSeconds * 1e6) / result.acknowledged).toFixed(1)} µs of CPU a span`);
  line("processor memory", memory(processorMemory));
  line("engine memory", memory(engineMemory));
}

function line(label: string, text: string): void {
  console.log(`  ${label.padEnd(26)}${text}`);
}

function mib(bytes: number): string {
  return (bytes / 1_048_576).toFixed(0);
}
