/**
 * Goal: from OTLP bytes to rows on the real engine, nothing acknowledged is lost and nothing counts twice: over resends,
 * kill -9 at any moment, and restarts. Method: the data path in a process of its own, the embedded engine beside it;
 * clients that send every batch until they hear 200, and some once more; what is in ClickHouse and what the ledger was
 * told is compared with what was sent, to the nano-dollar.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FlowStats } from "../../../src/component/flow.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { type Field, request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";

const PROCESS = fileURLToPath(new URL("./pipeline-process.ts", import.meta.url));
const PROTOBUF = "application/x-protobuf";
const SPANS_A_BATCH = 5;
/** For tests that restart processes, on a machine that has other work. */
const LONG_MS = 180_000;
/** 1,000 × 3.00 + 100 × 15.00 USD per million tokens. */
const SPAN_NANO_USD = 4_500_000n;

let root: string;
let engine: EmbeddedEngine;
let storage: Storage;
let clickhouseUrl: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tollgate-data-path-"));
  engine = new EmbeddedEngine({ dataDir: join(root, "clickhouse") });
  const running = await engine.start();
  clickhouseUrl = running.url;
  await migrate({ url: running.url, database: "tollgate" });
  storage = createStorage({ url: running.url, database: "tollgate" });
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(root, { recursive: true });
});

let directory: string;
let ledgerFile: string;
const children: Child[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(root, "run-"));
  ledgerFile = join(directory, "ledger.jsonl");
  for (const table of ["span_log", "spend_log"]) await storage.command(`TRUNCATE TABLE ${table}`);
});

afterEach(() => {
  for (const child of children.splice(0)) child.process.kill("SIGKILL");
});

interface Child {
  readonly process: ChildProcessByStdio<null, Readable, null>;
  readonly url: string;
  readonly lines: AsyncIterator<string>;
}

async function startChild(): Promise<Child> {
  const argv = [PROCESS, clickhouseUrl, join(directory, "spool"), ledgerFile];
  const process_ = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
  const { value } = (await lines.next()) as { value: string };
  const child = { process: process_, url: value, lines };
  children.push(child);
  return child;
}

/** Ends a child after it has delivered everything. Returns its last counters. */
async function drain(child: Child): Promise<FlowStats> {
  child.process.kill("SIGTERM");
  const { value } = (await child.lines.next()) as { value: string };
  return JSON.parse(value) as FlowStats;
}

async function kill(child: Child): Promise<void> {
  const exited = once(child.process, "exit");
  child.process.kill("SIGKILL");
  await exited;
}

const text = (key: string, value: string): Field => [
  9,
  [
    [1, key],
    [2, [[1, value]]],
  ],
];
const integer = (key: string, value: number): Field => [
  9,
  [
    [1, key],
    [2, [[3, value, "varint"]]],
  ],
];

function batchBytes(batch: number): Buffer {
  const spans = Array.from({ length: SPANS_A_BATCH }, (_, index) =>
    spanFields(batch * SPANS_A_BATCH + index + 1, [
      text("gen_ai.operation.name", "chat"),
      text("gen_ai.provider.name", "openai"),
      text("gen_ai.request.model", "our-llm"),
      integer("gen_ai.usage.input_tokens", 1_000),
      integer("gen_ai.usage.output_tokens", 100),
    ]),
  );
  return otlpRequest(spans);
}

async function post(url: string, body: Buffer, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": PROTOBUF, ...headers },
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return response.status;
}

interface Counted {
  readonly rows: number;
  readonly distinct: number;
  readonly nanoUsd: bigint;
  readonly viewCalls: number;
  readonly viewNanoUsd: bigint;
}

async function counted(): Promise<Counted> {
  const [spans] = await storage.query<Record<string, string>>(
    "SELECT count() AS rows, uniqExact(trace_id, span_id) AS distinct_rows, sum(cost_nano_usd) AS nano_usd FROM llm_calls",
  );
  const [view] = await storage.query<Record<string, string>>(
    "SELECT sum(calls) AS calls, sum(cost_nano_usd) AS nano_usd FROM spend_by_minute",
  );
  return {
    rows: Number(spans?.["rows"]),
    distinct: Number(spans?.["distinct_rows"]),
    nanoUsd: BigInt(spans?.["nano_usd"] ?? 0),
    viewCalls: Number(view?.["calls"]),
    viewNanoUsd: BigInt(view?.["nano_usd"] ?? 0),
  };
}

/** What an idempotent ledger makes of all it was told. */
function observedNanoUsd(): bigint {
  if (!existsSync(ledgerFile)) return 0n;
  const byToken = new Map<string, bigint>();
  for (const line of readFileSync(ledgerFile, "utf8").split("\n")) {
    if (line === "") continue;
    const { token, nano_usd } = JSON.parse(line) as { token: string; nano_usd: string };
    byToken.set(token, BigInt(nano_usd));
  }
  return [...byToken.values()].reduce((sum, value) => sum + value, 0n);
}

function expectedFor(batches: number): Counted {
  const rows = batches * SPANS_A_BATCH;
  const nanoUsd = BigInt(rows) * SPAN_NANO_USD;
  return { rows, distinct: rows, nanoUsd, viewCalls: rows, viewNanoUsd: nanoUsd };
}

describe("the data path on the real engine", () => {
  it("turns OTLP bytes into rows with their facts, in every view", async () => {
    const child = await startChild();
    const sdk = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
    expect(await post(child.url, sdk)).toBe(200);
    expect(await post(child.url, gzipSync(batchBytes(0)), { "content-encoding": "gzip" })).toBe(200);
    expect(await drain(child)).toMatchObject({ received: 2 + SPANS_A_BATCH, stored: 2 + SPANS_A_BATCH, inFlight: 0 });
    const [call] = await storage.query<Record<string, unknown>>("SELECT * FROM spans WHERE name = 'chat gpt-4o'");
    expect(call).toMatchObject({
      trace_id: "40b9f666049865398434d980f2af2ae4",
      kind: "client",
      status: "error",
      start: "2026-11-18 11:06:40.123456789",
      service: "golden-agent",
      agent: "golden-agent",
      agent_verified: false,
      team: "checkout",
      model: "gpt-4o",
      input_tokens: "1200",
      // A well-known model without a provider: its name speaks for the maker, so the price is an estimate.
      cost_status: "estimated",
      event_names: ["gen_ai.choice"],
      link_span_ids: ["b7ad6b7169203331"],
    });
    expect(call?.["attributes"]).toMatchObject({ text: "grüße 🚀", list: '["a","b"]', flag: "true" });
    const [outer] = await storage.query("SELECT cost_status, operation FROM spans WHERE name = 'invoke_agent planner'");
    expect(outer).toEqual({ cost_status: "", operation: "invoke_agent" });
    const [ours] = await storage.query(
      "SELECT cost_usd, cost_status, price_version FROM llm_calls WHERE model = 'our-llm'",
    );
    expect(ours).toEqual({ cost_usd: "0.0045", cost_status: "exact", price_version: "house:house" });
  });

  it("counts a batch once that is sent three times, at once and later", async () => {
    const child = await startChild();
    const body = batchBytes(0);
    expect(await Promise.all([post(child.url, body), post(child.url, body)])).toEqual([200, 200]);
    expect(await post(child.url, body)).toBe(200);
    const stats = await drain(child);
    expect(stats).toMatchObject({ received: 15, stored: 5, dropped: { duplicate: 10 }, inFlight: 0 });
    expect(await counted()).toEqual(expectedFor(1));
    expect(observedNanoUsd()).toBe(expectedFor(1).nanoUsd);
  });

  it("knows after a restart what it had delivered before", async () => {
    const first = await startChild();
    expect(await post(first.url, batchBytes(0))).toBe(200);
    await drain(first);
    const second = await startChild();
    expect(await post(second.url, batchBytes(0))).toBe(200);
    expect(await drain(second)).toMatchObject({ stored: 0, dropped: { duplicate: 5 } });
    expect(await counted()).toEqual(expectedFor(1));
  });

  it(
    "loses nothing it acknowledged and counts nothing twice over kill -9 in the middle of the load",
    { timeout: LONG_MS },
    async () => {
      const batches = 80;
      const kills = 3;
      const acknowledged = new Set<number>();
      const attempt = async (child: Child, batch: number): Promise<void> => {
        try {
          if ((await post(child.url, batchBytes(batch))) === 200) acknowledged.add(batch);
        } catch {
          // The process was killed: the client does not know, and sends again.
        }
      };
      const remaining = (): number[] =>
        Array.from({ length: batches }, (_, batch) => batch).filter((batch) => !acknowledged.has(batch));
      for (let round = 0; round < kills; round += 1) {
        const child = await startChild();
        const goal = acknowledged.size + 20;
        const queue = remaining();
        const workers = Array.from({ length: 6 }, async () => {
          for (let batch = queue.shift(); batch !== undefined && acknowledged.size < goal; batch = queue.shift()) {
            await attempt(child, batch);
          }
        });
        // Killed as soon as the goal is met, while the other workers' requests and the deliveries are under way.
        await Promise.race(workers);
        await kill(child);
        await Promise.all(workers);
      }
      const last = await startChild();
      await Promise.all(remaining().map((batch) => attempt(last, batch)));
      expect(acknowledged.size).toBe(batches);
      // Clients that never saw their 200 send once more, whatever had become of the first copy.
      for (let batch = 0; batch < batches; batch += 1) expect(await post(last.url, batchBytes(batch))).toBe(200);
      const stats = await drain(last);
      expect(stats.inFlight).toBe(0);
      expect(await counted()).toEqual(expectedFor(batches));
      expect(observedNanoUsd()).toBe(expectedFor(batches).nanoUsd);
      expect((await readdir(join(directory, "spool"))).filter((name) => name !== "set-aside")).toEqual([]);
    },
  );

  it(
    "goes on acknowledging while the engine is killed under it, and delivers everything once afterwards",
    { timeout: LONG_MS },
    async () => {
      const batches = 40;
      const child = await startChild();
      for (let batch = 0; batch < batches; batch += 1) {
        if (batch % 20 === 10 && engine.pid !== undefined) process.kill(engine.pid, "SIGKILL");
        expect(await post(child.url, batchBytes(batch))).toBe(200);
      }
      expect(await drain(child)).toMatchObject({ stored: batches * SPANS_A_BATCH, dropped: {}, inFlight: 0 });
      expect(await counted()).toEqual(expectedFor(batches));
      expect(observedNanoUsd()).toBe(expectedFor(batches).nanoUsd);
    },
  );
});
