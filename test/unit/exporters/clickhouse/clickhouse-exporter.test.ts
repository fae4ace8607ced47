/**
 * Goal: every acknowledged span reaches ClickHouse and the ledger once, whatever fails on the way.
 * Method: the real exporter on a real spool directory, against a store and a ledger that fail on demand and are
 * idempotent by token as the real ones are.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../../src/component/flow.ts";
import type { Notice } from "../../../../src/component/notice.ts";
import type { TableStorage, SpendObservation } from "../../../../src/exporters/clickhouse/dependencies.ts";
import { clickhouseExporterFactory } from "../../../../src/exporters/clickhouse/factory.ts";
import { SystemClock } from "../../../../src/support/clock.ts";
import { makeBatch, makeSpan } from "../../../fixtures/otlp/make-span.ts";

type ClickhouseExporter = ReturnType<typeof clickhouseExporterFactory.create>;

class FakeStorage implements TableStorage {
  readonly inserted = new Map<string, Uint8Array>();
  readonly attempts: string[] = [];
  /** What every query answers. */
  rows: readonly Record<string, string>[] = [];
  isAway = false;
  /** From here on it is. */
  ready: Promise<void> = Promise.resolve();
  /** What the next inserts do: an error is thrown before, `lost` after the insert happened. */
  readonly plan: (Error | "lost")[] = [];
  #waiters: (() => void)[] = [];

  async insertNative({ token, bytes }: { token: string; bytes: readonly Uint8Array[] }): Promise<void> {
    this.attempts.push(token);
    const step = this.plan.shift();
    if (step instanceof Error) throw step;
    this.inserted.set(token, Buffer.concat(bytes));
    if (step === "lost") throw new Error("connection reset");
    for (const wake of this.#waiters.splice(0)) wake();
  }

  isPermanent(error: unknown): boolean {
    return error instanceof TypeError;
  }

  whenReady(): Promise<void> {
    return this.ready;
  }

  async select<T>(): Promise<readonly T[]> {
    if (this.isAway) throw new Error("connection refused");
    return this.rows as readonly T[];
  }

  async untilInserted(count: number): Promise<void> {
    while (this.inserted.size < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}

let directory: string;
let storage: FakeStorage;
let observed: Map<string, SpendObservation>;
let observeFailures: number;
let notices: Notice[];
let running: ClickhouseExporter[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-exporter-"));
  storage = new FakeStorage();
  observed = new Map();
  observeFailures = 0;
  notices = [];
  running = [];
});

afterEach(async () => {
  for (const exporter of running) await exporter.stop();
  await rm(directory, { recursive: true });
});

async function startExporter(config: object = {}): Promise<ClickhouseExporter> {
  const parsed = clickhouseExporterFactory.config.parse({
    retry_on_failure: { initial_interval_ms: 1, max_interval_ms: 2 },
    ...config,
  });
  const exporter = clickhouseExporterFactory.create(parsed, {
    directory,
    storage,
    clock: new SystemClock(),
    notify: (notice) => notices.push(notice),
    observe: async (observation) => {
      if (observeFailures > 0) {
        observeFailures -= 1;
        throw new Error("ledger is away");
      }
      observed.set(observation.token, observation);
    },
  });
  running.push(exporter);
  await exporter.start();
  return exporter;
}

const TOKENS = { inputTokens: 1, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 } as const;
const spending = (index: number) =>
  makeSpan(index, {
    facts: {
      costStatus: "exact",
      spend: { labels: { agent: "a" }, leaseId: "", nanoUsd: 10n, ...TOKENS, of: "call" },
    },
  });
const sumObserved = (): bigint =>
  [...observed.values()].flatMap((item) => item.entries).reduce((sum, entry) => sum + entry.amounts.nanoUsd, 0n);
const leftBlocks = async (): Promise<string[]> => (await readdir(directory)).filter((name) => name.endsWith(".block"));

describe("the ClickHouse exporter", () => {
  it("says that it refuses what comes to a full spool, and does not say it of every batch", async () => {
    const exporter = await startExporter({ spool: { max_bytes: 1 } });
    for (let index = 1; index <= 50; index += 1) {
      expect(await exporter.consume(makeBatch([makeSpan(index)]))).toMatchObject({ kind: "retryable" });
    }
    expect(exporter.stats()).toMatchObject({ received: 50, refused: 50 });
    const told = notices.filter(({ event }) => event === "spool_write_refused");
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(10);
  });

  it("delivers what it acknowledged, to ClickHouse and to the ledger under one token", async () => {
    const exporter = await startExporter();
    expect((await exporter.consume(makeBatch([spending(1), spending(2)]))).kind).toBe("success");
    await exporter.stop();
    expect(exporter.stats()).toMatchObject({ received: 2, stored: 2, inFlight: 0 });
    expect([...observed.keys()]).toEqual([...storage.inserted.keys()]);
    expect(sumObserved()).toBe(20n);
    expect(await leftBlocks()).toEqual([]);
  });

  it("tells the ledger before ClickHouse is there", async () => {
    storage.plan.push(...Array.from({ length: 5 }, () => new Error("connection refused")));
    const exporter = await startExporter();
    await exporter.consume(makeBatch([spending(1)]));
    expect(sumObserved()).toBe(10n);
    await exporter.stop();
  });

  it("sends a block again under the same token when the answer to the first try was lost", async () => {
    storage.plan.push("lost", new Error("busy"));
    const exporter = await startExporter();
    await exporter.consume(makeBatch([spending(1)]));
    await exporter.stop();
    expect(new Set(storage.attempts).size).toBe(1);
    expect(storage.attempts).toHaveLength(3);
    expect(exporter.stats()).toMatchObject({ stored: 1, inFlight: 0 });
  });

  it("sets a block that ClickHouse refuses for good aside, counts its spend, and delivers the next", async () => {
    storage.plan.push(...Array.from({ length: 3 }, () => new TypeError("Cannot parse")));
    const exporter = await startExporter();
    await exporter.consume(makeBatch([spending(1)]));
    await exporter.consume(makeBatch([spending(2)]));
    await exporter.stop();
    expect(exporter.stats()).toMatchObject({ stored: 1, dropped: { poison: 1 }, inFlight: 0 });
    expect(flowImbalance(exporter.stats())).toBe(0);
    expect(sumObserved()).toBe(20n);
    expect(await readdir(join(directory, "set-aside"))).toHaveLength(1);
    expect(notices).toContainEqual(expect.objectContaining({ level: "error", event: "block_set_aside" }));
  });

  it("keeps a block until the ledger has its spend", async () => {
    observeFailures = 4;
    const exporter = await startExporter();
    await exporter.consume(makeBatch([spending(1)]));
    await exporter.stop();
    expect(sumObserved()).toBe(10n);
    expect(exporter.stats()).toMatchObject({ stored: 1 });
  });

  it("leaves what it can't deliver in time on disk, and the next start delivers it once", async () => {
    storage.plan.push(...Array.from({ length: 10_000 }, () => new Error("connection refused")));
    const first = await startExporter({ drain_timeout_ms: 0 });
    await first.consume(makeBatch([spending(1), spending(2)]));
    await first.stop();
    expect(first.stats()).toMatchObject({ stored: 0, inFlight: 2 });
    storage.plan.length = 0;
    const second = await startExporter();
    await second.consume(makeBatch([spending(2), spending(3)]));
    await second.stop();
    expect(second.stats()).toMatchObject({ recovered: 2, received: 2, stored: 3, dropped: { duplicate: 1 } });
    expect(sumObserved()).toBe(30n);
  });

  it("knows the spans that ClickHouse took before the start", async () => {
    const { traceId, spanId } = makeSpan(1);
    storage.rows = [{ identities: Buffer.from(traceId + spanId, "hex").toString("base64") }];
    const exporter = await startExporter();
    await exporter.consume(makeBatch([spending(1), spending(2)]));
    await exporter.stop();
    expect(exporter.stats()).toMatchObject({ received: 2, stored: 1, dropped: { duplicate: 1 } });
    expect(sumObserved()).toBe(10n);
  });

  it("starts without ClickHouse, and says what that costs where there was a start before", async () => {
    await (await startExporter()).stop();
    expect(notices).toEqual([]);
    storage.isAway = true;
    const exporter = await startExporter({ deduplication: { load_timeout_ms: 5 } });
    storage.isAway = false;
    expect(notices).toContainEqual(expect.objectContaining({ level: "warn", event: "recent_spans_not_loaded" }));
    expect((await exporter.consume(makeBatch([spending(1)]))).kind).toBe("success");
    await storage.untilInserted(1);
  });

  it("asks nothing of a store that is still being made, and is not afraid of resends where nothing was taken before; it goes on when the store is there", async () => {
    const made = Promise.withResolvers<void>();
    storage.ready = made.promise;
    storage.isAway = true;
    const exporter = await startExporter({ deduplication: { load_timeout_ms: 5 } });
    expect((await exporter.consume(makeBatch([spending(1)]))).kind).toBe("success");
    expect(notices).toEqual([]);
    expect(storage.attempts).toEqual([]);
    storage.isAway = false;
    made.resolve();
    await storage.untilInserted(1);
    expect(notices).toEqual([]);
  });

  it("stops at once when the store never was there, with what it took on disk", async () => {
    const made = Promise.withResolvers<void>();
    storage.ready = made.promise;
    const exporter = await startExporter({ deduplication: { load_timeout_ms: 5 } });
    await exporter.consume(makeBatch([spending(1)]));
    await exporter.stop();
    made.resolve();
    await made.promise;
    expect(exporter.stats()).toMatchObject({ stored: 0, inFlight: 1 });
    expect(await leftBlocks()).toHaveLength(1);
    expect(storage.attempts).toEqual([]);
  });
});
