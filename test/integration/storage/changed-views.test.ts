/**
 * Goal: a shipment that was sent before a restart of the server and is repeated after it counts once in whatever views fill, also where
 * their queries were changed by migrations of that server's life. Method: the real engine and all migrations; a row that every view takes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
