/**
 * Goal: at a start, people are told what is wrong, and nothing when nothing is: tables that take their time on a busy machine are no trouble.
 * Method: the store against a server that holds its answers, or is not there, by a clock that stands still until it is moved.
 */
import { once } from "node:events";
import { truncateSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { ClickhouseStore } from "../../../src/service/clickhouse-store.ts";
import { createStorage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { Telemetry } from "../../../src/telemetry/telemetry.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** As long as a start waits, and as an answer may take that needs no work. */
const START_MS = 4_000;
const QUESTION_MS = 10_000;

const cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
});

const RETENTION = { spans: 24, events: 24, spend: 24, byLabel: [] } as const;

async function holdingServer() {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(async () => void server.close());
  const letGo = (): void => {
    for (const response of held.splice(0)) response.destroy();
  };
  cleanup.push(async () => letGo());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, held, letGo };
}

/** Started, with `told` growing as it tells. */
function startStore(url: string, kind: "clickhouse" | "embedded" = "clickhouse") {
  const clock = new ManualClock();
  const told: string[] = [];
  const failed = Promise.withResolvers<void>();
  const write = (line: string): void => {
    const { event, level } = JSON.parse(line) as { event: string; level: string };
    if (event === "migration_failed") failed.resolve();
    if (level !== "debug") told.push(event);
  };
  const store = new ClickhouseStore({
    server: {
      kind,
      user: { username: "default", password: "" },
      readOnlyUser: undefined,
      closeReads: () => {},
      url: () => url,
      start: async () => {},
      stop: async () => {},
    },
    database: "tollgate",
    tables: { cluster: undefined, retention: RETENTION },
    clock,
    telemetry: new Telemetry({ level: "debug", encoding: "json", write }),
  });
  cleanup.push(() => store.stop());
  return { clock, store, told, failed: failed.promise, started: store.start() };
}

it("says of a ClickHouse that takes its time that it is being set up, and no more, also when it is left in that", async () => {
  const { url, held, letGo } = await holdingServer();
  const { clock, store, told, failed, started } = startStore(url);
  await expect.poll(() => held.length).toBe(1);
  clock.advance(START_MS);
  await started;
  expect(told).toEqual(["storage_preparing"]);
  const stopped = store.stop();
  letGo();
  await Promise.all([stopped, failed]);
  expect(told).toEqual(["storage_preparing"]);
});

it("says once that it cannot be reached when it fails, before the start is over or after", async () => {
  const { url, held, letGo } = await holdingServer();
  const late = startStore(url);
  await expect.poll(() => held.length).toBe(1);
  late.clock.advance(START_MS);
  await late.started;
  letGo();
  await expect.poll(() => late.told).toEqual(["storage_preparing", "storage_unavailable"]);

  const early = startStore(url);
  await expect.poll(() => held.length).toBe(1);
  letGo();
  await early.failed;
  early.clock.advance(START_MS);
  await early.started;
  expect(early.told).toEqual(["storage_unavailable"]);
});

it("gives a server up that takes a question and never answers, one question at a time", async () => {
  const { url, held } = await holdingServer();
  const { clock, told, started } = startStore(url);
  await expect.poll(() => held.length).toBe(1);
  clock.advance(START_MS);
  await started;
  clock.advance(START_MS);
  expect(held).toHaveLength(1);
  clock.advance(QUESTION_MS);
  await expect.poll(() => told).toEqual(["storage_preparing", "storage_unavailable"]);
});

it("does not wait for a migrator that was killed in its own engine, and has what is no longer as the migrations made it among its findings, and what it therefore does not start with", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-store-"));
  cleanup.push(() => rm(directory, { recursive: true, force: true }));
  const engine = new EmbeddedEngine({ dataDir: directory });
  cleanup.push(() => engine.stop());
  const { url } = await engine.start();
  const storage = createStorage({ url, database: "default" });
  cleanup.push(() => storage.close());
  await storage.command("CREATE DATABASE tollgate");
  await storage.command("CREATE TABLE tollgate.schema_migrations_lock (at DateTime) ENGINE = MergeTree ORDER BY at");
  // Its clock was an hour ahead.
  await storage.command("INSERT INTO tollgate.schema_migrations_lock VALUES (now() + 3600)");
  const asMade = startStore(url, "embedded");
  await asMade.started;
  expect([asMade.told, asMade.store.findings]).toEqual([["storage_ready"], []]);

  await storage.command("CREATE OR REPLACE VIEW tollgate.llm_calls AS SELECT * FROM tollgate.spans WHERE 0");
  const replaced = startStore(url);
  await replaced.started;
  expect(replaced.store.findings).toEqual(["the view `llm_calls` is not the one that was made"]);
  expect(replaced.told).toEqual(["storage_drifted", "storage_ready"]);

  await storage.command("ALTER TABLE tollgate.approval_log DROP COLUMN user");
  const refused = startStore(url);
  const reason = "the database `tollgate` is not as the migrations made it: `approval_log` has lost its column `user`";
  await expect(refused.started).rejects.toThrow(reason);
  expect(refused.store.findings).toEqual([reason]);
  expect(refused.told).toEqual(["storage_refused"]);
});

it("says which table has lost records, once, where ClickHouse put a part aside that is not whole", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-broken-"));
  cleanup.push(() => rm(directory, { recursive: true, force: true }));
  let engine = new EmbeddedEngine({ dataDir: directory });
  let { url } = await engine.start();
  const first = startStore(url);
  await first.started;
  expect([first.told, first.store.findings]).toEqual([["storage_ready"], []]);
  await first.store.insertRows("audit_checkpoint_log", [{ log: "l", number: 1, time: "2026-11-23 00:00:00.000" }]);
  const storage = createStorage({ url });
  const sql = "SELECT path FROM system.parts WHERE table = 'audit_checkpoint_log' AND active";
  const [part] = await storage.query<{ readonly path: string }>(sql);
  await storage.close();
  await first.store.stop();
  await engine.stop();
  truncateSync(join(part?.path ?? "", "data.bin"), 1);

  engine = new EmbeddedEngine({ dataDir: directory });
  ({ url } = await engine.start());
  cleanup.push(() => engine.stop());
  const { store, told, started } = startStore(url);
  await started;
  await expect.poll(() => told).toEqual(["storage_ready", "storage_broken"]);
  expect(store.findings).toEqual([
    expect.stringMatching(/^`audit_checkpoint_log` has lost 1 part that .*audit verify/),
  ]);
});
