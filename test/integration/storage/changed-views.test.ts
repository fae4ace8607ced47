/**
 * Goal: a shipment that was sent before a restart of the server and is repeated after it counts once in whatever views fill, also where
 * their queries were changed by migrations of that server's life. Method: the real engine and all migrations; a row that every view takes.
 */
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";

const DATABASE = "tollgate";
/** A call that was refused by a policy and charged all the same, and is a link of a chain. */
const INSERT = `INSERT INTO span_log (trace_id, span_id, start, end, received_at, cost_status, cost_nano_usd, lease_id, decision, attributes)
  VALUES ('1', '0000000000000001', '2026-11-20 10:00:00', '2026-11-20 10:00:01', '2026-11-20 10:00:02', 'exact', 1, 'lease', 'deny',
    map('tollgate.audit.hash', 'h'))`;
const ONCE = { insert_deduplication_token: "shipment", deduplicate_blocks_in_dependent_materialized_views: 1 };

async function rowsInViews(storage: Storage): Promise<Readonly<Record<string, number>>> {
  const views = await storage.query<{ readonly target: string }>(
    `SELECT extract(create_table_query, ' TO \\\\w+\\\\.(\\\\w+)') AS target FROM system.tables
     WHERE database = '${DATABASE}' AND engine = 'MaterializedView' AND position(as_select, 'span_log') > 0`,
  );
  const counts = views.map(({ target }) => `SELECT '${target}' AS name, count() AS rows FROM ${target}`);
  const rows = await storage.query<{ readonly name: string; readonly rows: string }>(counts.join(" UNION ALL "));
  return Object.fromEntries(rows.map((row) => [row.name, Number(row.rows)]));
}

test("a shipment repeated after a restart counts once in each view, in the first life of its tables too", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-changed-views-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const seen: Readonly<Record<string, number>>[] = [];
  for (const _life of ["migrated", "restarted"]) {
    const engine = new EmbeddedEngine({ dataDir: directory });
    const { url } = await engine.start();
    const storage = createStorage({ url, database: DATABASE });
    try {
      await migrate({ url, database: DATABASE });
      await storage.command("SYSTEM STOP MERGES");
      await storage.command(INSERT, { settings: ONCE });
      seen.push(await rowsInViews(storage));
    } finally {
      await storage.close();
      await engine.stop();
    }
  }
  const [migrated = {}] = seen;
  expect(Object.keys(migrated).length).toBeGreaterThanOrEqual(9);
  expect(new Set(Object.values(migrated))).toEqual(new Set([1]));
  expect(seen).toEqual([migrated, migrated]);
});

test("a view that a killed migrator left under its other name is the view again, and the only one", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-changed-views-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  onTestFinished(() => engine.stop());
  const { url } = await engine.start();
  const storage = createStorage({ url, database: DATABASE });
  onTestFinished(() => storage.close());
  const made = [
    "CREATE TABLE IF NOT EXISTS {database}.a (x UInt8) ENGINE = MergeTree ORDER BY x",
    "CREATE TABLE IF NOT EXISTS {database}.b AS {database}.a ENGINE = MergeTree ORDER BY x",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.v TO {database}.b AS SELECT x FROM {database}.a",
    "ALTER TABLE {database}.v MODIFY QUERY SELECT x FROM {database}.a WHERE x > 1",
  ];
  const files = join(directory, "sql");
  await mkdir(files);
  await writeFile(join(files, "0001-view.sql"), made.map((statement) => `${statement};\n`).join(""));
  await migrate({ url, database: DATABASE, directory: files });
  await storage.command("RENAME TABLE v TO v_renewed");
  await storage.command("TRUNCATE TABLE schema_migrations");
  expect(await migrate({ url, database: DATABASE, directory: files })).toEqual(["0001-view"]);
  await storage.command("INSERT INTO a VALUES (1), (2)");
  expect(await storage.query("SELECT x FROM b")).toEqual([{ x: 2 }]);
  expect(
    await storage.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'v%'"),
  ).toEqual([{ name: "v" }]);
});

test("a database whose tables are written down elsewhere is migrated without renaming its views", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tollgate-changed-views-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  onTestFinished(() => engine.stop());
  const { url } = await engine.start();
  const storage = createStorage({ url, database: "default" });
  onTestFinished(() => storage.close());
  // As a cloud's, it has no files of its own that say what is in it.
  await storage.command(`CREATE DATABASE ${DATABASE} ENGINE = Memory`);
  const files = join(directory, "sql");
  await mkdir(files);
  await writeFile(
    join(files, "0001-view.sql"),
    `CREATE TABLE IF NOT EXISTS {database}.a (x UInt8) ENGINE = MergeTree ORDER BY x;
CREATE TABLE IF NOT EXISTS {database}.b AS {database}.a ENGINE = MergeTree ORDER BY x;
CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.v TO {database}.b AS SELECT x FROM {database}.a;
ALTER TABLE {database}.v MODIFY QUERY SELECT x FROM {database}.a WHERE x > 1;
`,
  );
  const sent: string[] = [];
  const recorder = await startRecorder(url, sent);
  onTestFinished(() => void recorder.close());
  const recorded = `http://127.0.0.1:${(recorder.address() as AddressInfo).port}`;
  expect(await migrate({ url: recorded, database: DATABASE, directory: files })).toEqual(["0001-view"]);
  await storage.command(`INSERT INTO ${DATABASE}.a VALUES (1), (2)`);
  expect(await storage.query(`SELECT x FROM ${DATABASE}.b`)).toEqual([{ x: 2 }]);
  expect(sent.filter((statement) => statement.startsWith("RENAME"))).toEqual([]);
  expect(sent.some((statement) => statement.startsWith("ALTER TABLE"))).toBe(true);
});

/** In front of an engine: writes down the statements that it passes on. */
async function startRecorder(engineUrl: string, sent: string[]): Promise<Server> {
  const server = createServer((request, response) => {
    void buffer(request).then(async (body) => {
      sent.push(body.toString("utf8"));
      const answer = await fetch(new URL(request.url ?? "/", engineUrl), {
        method: request.method ?? "POST",
        headers: { authorization: request.headers.authorization ?? "" },
        body,
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(await answer.text());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
