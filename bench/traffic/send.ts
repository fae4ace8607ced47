/**
 * The load generator, a process of its own: `node send.ts '{"url":…}'`. Sends export requests over several connections, as
 * fast as they are answered or at a fixed rate, and writes JSON lines: `{sent, unixMs}` for each request at a fixed rate (how
 * many spans had ended by then), and at the end what was acknowledged. A request that is answered 503 is sent again as it is.
 */
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Encoding, type StampedRequest, stampedRequests } from "./stamped-requests.ts";

export interface SendTask {
  readonly url: string;
  readonly encoding: Encoding;
  readonly connections: number;
  readonly spansPerRequest: number;
  /** Spans a second, of all connections; 0: as fast as they are answered. */
  readonly rate: number;
  readonly seconds: number;
  readonly seed: number;
}

export interface SendResult {
  readonly acknowledged: number;
  readonly requests: number;
  /** Answers 503: each was sent again later. */
  readonly refusals: number;
  readonly seconds: number;
  /** CPU of this process. */
  readonly cpuSeconds: number;
  readonly answerMs: { readonly p50: number; readonly p99: number };
}

/** Templates of a connection: it has one request in flight, so nobody else writes to them. */
const TEMPLATES = 4;
const CONTENT_TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

const task = JSON.parse(process.argv[2] ?? "{}") as SendTask;
const agent = new Agent({ keepAlive: true, maxSockets: task.connections });
const startedMs = performance.now();
const endMs = startedMs + task.seconds * 1_000;
const run = BigInt(task.seed) << 40n;
const latencies: number[] = [];
let sequence = 0n;
let scheduled = 0;
let ended = 0;
let acknowledged = 0;
let refusals = 0;

await Promise.all(Array.from({ length: task.connections }, (_, index) => connection(index)));
agent.destroy();
latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
const { user, system } = process.cpuUsage();
say({
  acknowledged,
  requests: latencies.length,
  refusals,
  seconds: (performance.now() - startedMs) / 1_000,
  cpuSeconds: (user + system) / 1e6,
  answerMs: { p50: at(0.5), p99: at(0.99) },
} satisfies SendResult);

async function connection(index: number): Promise<void> {
  const { encoding, spansPerRequest } = task;
  const seed = task.seed * 1_000 + index;
  const templates = stampedRequests({ encoding, spansPerRequest, requests: TEMPLATES, seed });
  for (let turn = 0; performance.now() < endMs; turn += 1) {
    const template = templates[turn % TEMPLATES];
    if (template === undefined) throw new RangeError("no template");
    await ownTurn();
    sequence += 1n;
    const unixMs = Date.now();
    template.stamp(run + sequence, unixMs);
    ended += template.spanCount;
    if (task.rate > 0) say({ sent: ended, unixMs });
    await deliver(template);
    acknowledged += template.spanCount;
  }
}

/** At a fixed rate the turns lie evenly in time, whoever takes them; one that comes late is not waited for again. */
async function ownTurn(): Promise<void> {
  if (task.rate === 0) return;
  const dueMs = startedMs + (scheduled * task.spansPerRequest * 1_000) / task.rate;
  scheduled += 1;
  const waitMs = dueMs - performance.now();
  if (waitMs > 0) await delay(waitMs);
}

async function deliver({ bytes }: StampedRequest): Promise<void> {
  for (;;) {
    const sentMs = performance.now();
    const { status, retryAfterMs } = await post(bytes);
    latencies.push(performance.now() - sentMs);
    if (status === 200) return;
    if (status !== 503 && status !== 429) throw new Error(`answered ${status}`);
    refusals += 1;
    await delay(retryAfterMs);
  }
}

function post(bytes: Buffer): Promise<{ readonly status: number; readonly retryAfterMs: number }> {
  const headers = { "content-type": CONTENT_TYPES[task.encoding], "content-length": bytes.length };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; retryAfterMs: number }>();
  const sending = request(`${task.url}/v1/traces`, { method: "POST", agent, headers }, (response) => {
    response.resume();
    const retryAfterMs = Number(response.headers["retry-after"] ?? 1) * 1_000;
    response.once("end", () => resolve({ status: response.statusCode ?? 0, retryAfterMs }));
  });
  sending.once("error", reject);
  sending.end(bytes);
  return promise;
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
