/**
 * Goal: what the exporter relies on holds on the real engine: a repeated insert changes neither the table nor what its views
 * fill; an insert that was cut off between the two is made up for; spans whose token is forgotten are not inserted again; and of a
 * refused block only the wrong rows stay out.
 * Method: the exporter in this process against the embedded engine, whose tables are bent for the case at hand.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Notice } from "../../../src/component/notice.ts";
import { flowImbalance } from "../../../src/component/flow.ts";
import type { TableStorage } from "../../../src/exporters/clickhouse/dependencies.ts";
import { clickhouseExporterFactory } from "../../../src/exporters/clickhouse/factory.ts";
import { rowPresence } from "../../../src/exporters/clickhouse/row-presence.ts";
import type { Span } from "../../../src/pdata/span.ts";
import {
  createStorage,
  type NativeBlock,
  PAST_VIEWS,
  type Storage,
  type StorageSettings,
} from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { StorageError } from "../../../src/storage/errors.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { queryText } from "../../../src/storage/queries/catalog.ts";
import { SystemClock } from "../../../src/support/clock.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";

const COST_NANO_USD = 7_000_003n;
/** For a machine that has other work. */
const LONG_MS = 180_000;

let root: string;
let engine: EmbeddedEngine;
let storage: Storage;
let directory: string;
let noticed: Notice[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tollgate-clickhouse-delivery-"));
  engine = new EmbeddedEngine({ dataDir: join(root, "clickhouse") });
  const { url } = await engine.start();
  await migrate({ url, database: "tollgate" });
  storage = createStorage({ url, database: "tollgate" });
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  noticed = [];
  directory = await mkdtemp(join(root, "spool-"));
  for (const table of ["span_log", "spend_log"]) await storage.command(`TRUNCATE TABLE ${table}`);
});

type Insert = (block: NativeBlock, attempt: number) => Promise<void>;

interface Run {
  readonly consume: (spans: readonly Span[]) => Promise<void>;
  /** Waits for the rest, and returns the last figures. */
  readonly stop: () => Promise<ReturnType<ReturnType<typeof clickhouseExporterFactory.create>["stats"]>>;
}

async function start(insert: Insert = (block) => storage.insertNative(block), drainMs = 60_000): Promise<Run> {
  let attempts = 0;
  const spans: TableStorage = {
    insertNative: (block) => insert(block, (attempts += 1)),
    isPermanent: (error) => error instanceof StorageError && error.kind === "permanent",
    whenReady: async () => {},
    select: (query, parameters) => storage.query(queryText(query), parameters),
  };
  const config = clickhouseExporterFactory.config.parse({
    drain_timeout_ms: drainMs,
    retry_on_failure: { initial_interval_ms: 1, max_interval_ms: 5, permanent_attempts: 1 },
  });
  const exporter = clickhouseExporterFactory.create(config, {
    directory,
    storage: spans,
    clock: new SystemClock(),
    notify: (notice) => noticed.push(notice),
    observe: async () => {},
  });
  await exporter.start();
  return {
    consume: async (batch) => {
      const outcome = await exporter.consume({ spans: batch, sender: undefined, receivedUnixMs: Date.now() });
      expect(outcome.kind).toBe("success");
    },
    stop: async () => {
      await exporter.stop();
      expect(flowImbalance(exporter.stats())).toBe(0);
      return exporter.stats();
    },
  };
}

const calls = (from: number, count: number, lateMs = 0): Span[] =>
  Array.from({ length: count }, (_, index) =>
    makeSpan(from + index, {
      name: `call ${from + index}`,
      startUnixNano: BigInt(Date.now() - lateMs) * 1_000_000n,
      facts: { agent: "a", costStatus: "exact", costNanoUsd: COST_NANO_USD },
    }),
  );

async function books(): Promise<{ spans: number; ids: number; calls: number; nanoUsd: bigint }> {
  const [row] = await storage.query<Record<string, string>>(
    `SELECT (SELECT count() FROM span_log) AS spans, (SELECT uniqExact(trace_id, span_id) FROM span_log) AS ids,
       (SELECT sum(l.calls) FROM spend_log AS l) AS calls, (SELECT sum(cost_nano_usd) FROM spend_log) AS nano_usd`,
  );
  return {
    spans: Number(row?.["spans"]),
    ids: Number(row?.["ids"]),
    calls: Number(row?.["calls"]),
    nanoUsd: BigInt(row?.["nano_usd"] ?? 0),
  };
}

const booksOf = (count: number): Awaited<ReturnType<typeof books>> => ({
  spans: count,
  ids: count,
  calls: count,
  nanoUsd: BigInt(count) * COST_NANO_USD,
});

it(
  "counts an insert once, in the table and in the view, whose answer got lost twice",
  { timeout: LONG_MS },
  async () => {
    const run = await start(async (block, attempt) => {
      await storage.insertNative(block);
      if (attempt <= 2) throw new Error("connection reset");
    });
    await run.consume(calls(1, 50));
    expect(await run.stop()).toMatchObject({ stored: 50 });
    expect(await books()).toEqual(booksOf(50));
  },
);

it("makes up for the view when an insert was cut off between the table and it", { timeout: LONG_MS }, async () => {
  const run = await start(async (block, attempt) => {
    if (attempt === 1) await storage.command("DETACH TABLE spend_log_view SYNC");
    await storage.insertNative(block);
    if (attempt > 1) return;
    await storage.command("ATTACH TABLE spend_log_view");
    throw new Error("the engine was killed here");
  });
  await run.consume(calls(1, 20));
  await run.stop();
  expect(await books()).toEqual(booksOf(20));
});

it(
  "folds late and reordered spans into the minute of their start, and knows them when they come again",
  { timeout: LONG_MS },
  async () => {
    const run = await start();
    const late = calls(1, 10, 3 * 3_600_000);
    await run.consume(calls(11, 10));
    await run.consume(late.toReversed());
    await run.consume([...calls(21, 10, 3 * 3_600_000), ...late]);
    expect(await run.stop()).toMatchObject({ received: 40, stored: 30, dropped: { duplicate: 10 } });
    expect(await books()).toEqual(booksOf(30));
    const minutes = await storage.query(
      "SELECT toUInt32(sum(l.calls)) AS calls FROM spend_log AS l GROUP BY minute > now() - INTERVAL 1 HOUR ORDER BY calls",
    );
    expect(minutes).toEqual([{ calls: 10 }, { calls: 20 }]);
  },
);

it("delivers blocks that waited as one insert, and that insert once over a restart", { timeout: LONG_MS }, async () => {
  const before = await start(async () => {
    throw new Error("connection refused");
  }, 200);
  for (let batch = 0; batch < 8; batch += 1) await before.consume(calls(batch * 10 + 1, 10));
  await before.stop();
  const shipments: number[] = [];
  const after = await start(async (block) => {
    await storage.insertNative(block);
    shipments.push(Buffer.concat(block.bytes as readonly Uint8Array[]).length);
    if (shipments.length % 2 === 1) throw new Error("connection reset");
  });
  expect(await after.stop()).toMatchObject({ recovered: 80, stored: 80, inFlight: 0 });
  expect(shipments.length).toBeLessThanOrEqual(6);
  expect(await books()).toEqual(booksOf(80));
});

it("does not insert again what is there when the engine has forgotten its token", { timeout: LONG_MS }, async () => {
  await storage.command("ALTER TABLE span_log MODIFY SETTING non_replicated_deduplication_window = 3");
  try {
    const before = await start(async (block) => {
      await storage.insertNative(block);
      throw new Error("connection reset");
    }, 300);
    await before.consume(calls(1, 30));
    expect(await before.stop()).toMatchObject({ stored: 0, inFlight: 30 });
    const others = join(root, "others");
    const ours = directory;
    directory = others;
    for (let insert = 0; insert < 6; insert += 1) {
      const other = await start();
      await other.consume(calls(1_000 + insert, 1));
      await other.stop();
    }
    directory = ours;
    const after = await start();
    expect(await after.stop()).toMatchObject({ recovered: 30, stored: 30, inFlight: 0 });
    expect(await books()).toEqual(booksOf(36));
  } finally {
    await storage.command("ALTER TABLE span_log MODIFY SETTING non_replicated_deduplication_window = 1000");
  }
});

it(
  "sends again what a server takes for done and has not got, and nothing else, past the views, which had it",
  { timeout: LONG_MS },
  async () => {
    const run = await start(async (block, attempt) => {
      await storage.insertNative(block);
      if (attempt > 1) return;
      // What a kill between the record of an insert and its part leaves behind, but for one row that keeps the part alive.
      const settings = { mutations_sync: 2 };
      await storage.command("ALTER TABLE span_log DELETE WHERE name != 'call 7'", { settings });
      throw new Error("the server was killed here");
    });
    await run.consume(calls(1, 30));
    expect(await run.stop()).toMatchObject({ stored: 30, inFlight: 0 });
    expect(await books()).toEqual(booksOf(30));
    expect(noticed).toContainEqual(expect.objectContaining({ level: "error", event: "rows_not_there" }));
  },
);

it("fills no view with what is sent past them: none was forgotten", { timeout: LONG_MS }, async () => {
  const views = await storage.query<{ readonly target: string }>(
    `SELECT extract(create_table_query, ' TO \\w+\\.(\\w+)') AS target FROM system.tables
     WHERE database = 'tollgate' AND engine = 'MaterializedView' AND position(as_select, 'span_log') > 0 ORDER BY target`,
  );
  expect(views.length).toBeGreaterThanOrEqual(9);
  const rowsAfter = async (settings: StorageSettings): Promise<readonly number[]> => {
    for (const { target } of views) await storage.command(`TRUNCATE TABLE ${target}`);
    // A call that each of them has a row of: refused by a policy, charged all the same, and a link of a chain.
    await storage.command(
      `INSERT INTO span_log (trace_id, span_id, start, end, received_at, cost_status, cost_nano_usd, lease_id, decision, attributes)
       VALUES ('5', '0000000000000005', now64(9), now64(9), now64(3), 'exact', 1, 'lease', 'deny', map('tollgate.audit.hash', 'h'))`,
      { settings },
    );
    const counts = views.map(({ target }) => `SELECT '${target}' AS name, count() AS rows FROM ${target}`);
    const rows = await storage.query<{ readonly rows: string }>(`${counts.join(" UNION ALL ")} ORDER BY name`);
    return rows.map((row) => Number(row.rows));
  };
  expect(await rowsAfter({})).toEqual(views.map(() => 1));
  expect(await rowsAfter(PAST_VIEWS)).toEqual(views.map(() => 0));
  expect(await storage.query("SELECT span_id FROM span_log")).toHaveLength(2);
});

it("looks log records up by their one column as it does spans by two", { timeout: LONG_MS }, async () => {
  // More than a URL holds, and than one query takes.
  const rowCount = 2_000;
  const identities = Buffer.alloc(rowCount * 24);
  for (let row = 0; row < rowCount; row += 1) identities.writeUInt32BE(row, row * 24);
  const there = [0, 2, 1_999];
  const ids = there.map((row) => identities.toString("hex", row * 24, (row + 1) * 24));
  await storage.command(
    `INSERT INTO event_log (id, time, received_at) VALUES ${ids.map((id) => `('${id}', now(), now())`).join(", ")}`,
  );
  const block = {
    token: "t",
    createdUnixMs: Date.now(),
    rowCount,
    identities,
    spend: [],
    payload: Buffer.alloc(0),
  };
  const table: TableStorage = {
    insertNative: (insert) => storage.insertNative(insert),
    isPermanent: () => false,
    whenReady: async () => {},
    select: (query, parameters) => storage.query(queryText(query), parameters),
  };
  const options = { storage: table, table: "event_log", query: "events-present" } as const;
  const isThere = new Uint8Array(rowCount);
  for (const row of there) isThere[row] = 1;
  expect(await rowPresence(options, block)).toEqual({ isThere, isForgotten: false, isCertain: true });
});

it("leaves only those rows out that the table refuses, and keeps them aside", { timeout: LONG_MS }, async () => {
  await storage.command("ALTER TABLE span_log ADD CONSTRAINT no_poison CHECK name NOT IN ('call 7', 'call 31')");
  try {
    const run = await start();
    await Promise.all([run.consume(calls(1, 20)), run.consume(calls(21, 20))]);
    expect(await run.stop()).toMatchObject({ stored: 38, dropped: { poison: 2 }, inFlight: 0, setAsideBlocks: 2 });
    expect(await books()).toEqual(booksOf(38));
    expect(await readdir(join(directory, "set-aside"))).toHaveLength(2);
  } finally {
    await storage.command("ALTER TABLE span_log DROP CONSTRAINT no_poison");
  }
});

it("gives the attributes of a resource back as they came, odd texts too, and those of blocks of before", async () => {
  const odd = {
    "service.name": 'a "shop" \\ ü 🚀',
    "10": "ten",
    "2": "two",
    "": "no key",
    nul: "a\u0000b\n\u2028",
    pid: 7n,
  };
  const run = await start();
  await run.consume([
    makeSpan(1, { resource: odd }),
    makeSpan(2, { resource: { "half\ud800": "\udc00" } }),
    makeSpan(3, { resource: {} }),
  ]);
  await run.stop();
  await storage.command(
    `INSERT INTO span_log (trace_id, span_id, start, end, received_at, resource_attributes)
     VALUES ('4', '0000000000000004', now64(9), now64(9), now64(3), map('host', 'h'))`,
  );
  const rows = await storage.query<{ readonly keys: readonly string[]; readonly texts: readonly string[] }>(
    `SELECT mapKeys(resource_attributes) AS keys, mapValues(resource_attributes) AS texts, cost_usd, duration_ns
     FROM spans ORDER BY span_id`,
  );
  expect(rows.map(({ keys, texts }) => keys.map((key, index) => [key, texts[index]]))).toEqual([
    Object.entries(odd).map(([key, value]) => [key, String(value)]),
    [["half\ufffd", "\ufffd"]],
    [],
    [["host", "h"]],
  ]);
});
