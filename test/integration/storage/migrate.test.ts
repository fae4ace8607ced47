/** Goal: migrations bring any database forward once, survive a half-way failure, and refuse drift. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createStorage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { MIGRATIONS_DIR } from "../../../src/storage/migration-files.ts";
import { withMigrationLock } from "../../../src/storage/migration-lock.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let files = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-migrate-"));
  engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  ({ url } = await engine.start());
});

beforeEach(async () => {
  files = await mkdtemp(join(directory, "sql-"));
  await writeFile(
    join(files, "0001-first.sql"),
    "-- both;\nCREATE TABLE IF NOT EXISTS {database}.a (x String DEFAULT 'a;b') ENGINE = MergeTree ORDER BY x;\n\nCREATE TABLE IF NOT EXISTS {database}.b AS {database}.a;\n",
  );
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

async function tablesOf(database: string): Promise<readonly string[]> {
  const storage = createStorage({ url, database });
  const rows = await storage.query<{ name: string }>("SHOW TABLES");
  await storage.close();
  return rows.map(({ name }) => name);
}

test("what is new is applied in order, once", async () => {
  const options = { url, database: "once", directory: files };
  expect(await migrate(options)).toEqual(["0001-first"]);
  expect(await tablesOf("once")).toEqual(["a", "b", "schema_migrations", "schema_snapshots"]);
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.b");
  expect(await migrate(options)).toEqual(["0002-second"]);
  expect(await migrate(options)).toEqual([]);
  expect(await tablesOf("once")).toEqual(["a", "schema_migrations", "schema_snapshots"]);
});

test("a file that failed half way is not recorded and runs again when it is mended", async () => {
  const options = { url, database: "half", directory: files };
  const file = join(files, "0002-half.sql");
  await writeFile(file, "CREATE TABLE IF NOT EXISTS {database}.c AS {database}.a;\nCREATE NONSENSE;\n");
  await expect(migrate(options)).rejects.toMatchObject({ kind: "permanent", code: 62 });
  await writeFile(file, "CREATE TABLE IF NOT EXISTS {database}.c AS {database}.a;\n");
  expect(await migrate(options)).toEqual(["0002-half"]);
});

test("a statement with a condition runs only while it holds", async () => {
  const options = { url, database: "guarded", directory: files };
  await writeFile(
    join(files, "0002-guarded.sql"),
    [
      "-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'b'",
      "RENAME TABLE {database}.b TO {database}.c;",
      "-- only if: SELECT count() FROM system.tables WHERE database = '{database}' AND name = 'b'",
      "DROP TABLE {database}.a;",
      "-- in a cluster only",
      "DROP TABLE {database}.a;",
    ].join("\n"),
  );
  await migrate(options);
  expect(await tablesOf("guarded")).toEqual(["a", "c", "schema_migrations", "schema_snapshots"]);
});

test("processors that start at once apply each migration once", async () => {
  // Not idempotent on purpose: whoever ran it second would fail.
  await writeFile(join(files, "0002-once.sql"), "CREATE TABLE {database}.c AS {database}.a;\n");
  const options = { url, database: "together", directory: files };
  const done = await Promise.all([migrate(options), migrate(options), migrate(options)]);
  expect(done.flat().toSorted()).toEqual(["0001-first", "0002-once"]);
  expect(await tablesOf("together")).not.toContain("schema_migrations_lock");
});

test("a lock whose holder died is taken over; one that is alive is waited for, then told of", async () => {
  const database = "locked";
  await migrate({ url, database, directory: files });
  const storage = createStorage({ url, database });
  await storage.command("CREATE TABLE schema_migrations_lock (at DateTime) ENGINE = MergeTree ORDER BY at");
  const refused = withMigrationLock({ storage, database, waitMsMax: 0 }, () => Promise.resolve("ran"));
  await expect(refused).rejects.toMatchObject({ kind: "retryable", type: "MIGRATION_LOCKED" });
  expect(await withMigrationLock({ storage, database, staleSeconds: 0 }, () => Promise.resolve("ran"))).toBe("ran");
  await storage.close();
});

test("a column that somebody dropped is refused by name, one of another type is told", async () => {
  const options = { url, database: "drifted", directory: files };
  await migrate(options);
  const storage = createStorage({ url, database: "drifted" });
  await storage.command("ALTER TABLE b ADD COLUMN own String");
  await storage.command("DROP TABLE b");
  await storage.command("CREATE TABLE b (x LowCardinality(String)) ENGINE = MergeTree ORDER BY x");
  const told: string[] = [];
  await migrate({ ...options, onDrift: (message) => told.push(message) });
  expect(told).toEqual(["`b.x` is LowCardinality(String), and was made as String"]);
  await storage.command("DROP TABLE b");
  await expect(migrate(options)).rejects.toThrow("the table `b` is gone");
  await storage.close();
});

test("a view that somebody replaced is told, in a database of a version that wrote no views down from the second start on; one that is gone is refused", async () => {
  const options = { url, database: "replaced", directory: files };
  const views =
    "CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.sums TO {database}.b AS SELECT x FROM {database}.a;\nCREATE OR REPLACE VIEW {database}.shown AS SELECT x FROM {database}.a;\n";
  await writeFile(join(files, "0002-views.sql"), views);
  await migrate(options);
  const storage = createStorage({ url, database: "replaced" });
  const told: string[] = [];
  const startAgain = async (): Promise<readonly string[]> => {
    told.length = 0;
    await migrate({ ...options, onDrift: (message) => told.push(message) });
    return told;
  };
  expect(await startAgain()).toEqual([]);
  await storage.command("CREATE OR REPLACE VIEW shown AS SELECT concat(x, '') AS x FROM a");
  await storage.command("DROP TABLE sums");
  await storage.command("CREATE MATERIALIZED VIEW sums TO b AS SELECT x FROM a WHERE x != ''");
  const both = ["shown", "sums"].map((view) => `the view \`${view}\` is not the one that was made`);
  expect(await startAgain()).toEqual(both);
  expect(await startAgain()).toEqual(both);
  await storage.command("ALTER TABLE schema_snapshots DROP COLUMN views");
  expect(await startAgain()).toEqual([]);
  await storage.command("CREATE OR REPLACE VIEW shown AS SELECT x FROM a");
  expect(await startAgain()).toEqual(both.slice(0, 1));
  // Another server's words are not compared, and the next start compares with this one's.
  await storage.command(
    "INSERT INTO schema_snapshots (version, columns, views) SELECT version, columns, replace(views, version(), '1.1') FROM schema_snapshots ORDER BY taken_at DESC LIMIT 1",
  );
  expect(await startAgain()).toEqual([]);
  await storage.command("CREATE OR REPLACE VIEW shown AS SELECT concat(x, x) AS x FROM a");
  expect(await startAgain()).toEqual(both.slice(0, 1));
  await storage.command("DROP TABLE sums");
  await expect(startAgain()).rejects.toThrow("the table `sums` is gone");
  await storage.close();
});

/** The first migrations of this package, as a version before had them. */
async function earlierMigrations(versionMax: number): Promise<void> {
  await rm(join(files, "0001-first.sql"), { force: true });
  for (const file of await readdir(MIGRATIONS_DIR)) {
    if (Number(file.slice(0, 4)) <= versionMax) await copyFile(join(MIGRATIONS_DIR, file), join(files, file));
  }
}

/** This migration a step more each time, then the process is gone: nothing was recorded. */
async function cutOffAtEveryStep(database: string, version: number): Promise<void> {
  await earlierMigrations(version);
  const text = (await readdir(MIGRATIONS_DIR)).find((file) => Number(file.slice(0, 4)) === version) ?? "";
  const whole = await readFile(join(MIGRATIONS_DIR, text), "utf8");
  const ends = [...whole.matchAll(/;\n/g)].map(({ index }) => index + 2);
  for (const end of ends) {
    await writeFile(join(files, text), `${whole.slice(0, end)}\nCREATE NONSENSE;\n`);
    await expect(migrate({ url, database, directory: files })).rejects.toMatchObject({ code: 62 });
  }
}

const SUMS = `SELECT
  (SELECT count() FROM spans) AS spans, (SELECT sum(duration_ns) FROM spans) AS ns,
  (SELECT sum(cost_nano_usd) FROM spans) AS cost, (SELECT sum(cost_nano_usd) FROM spend_by_minute) AS by_minute`;

test("spans of an earlier version are carried over, also when that was cut off at any step", async () => {
  await earlierMigrations(6);
  const database = "carried";
  await migrate({ url, database, directory: files });
  const storage = createStorage({ url, database });
  const insert = `INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, session, labels, cost_status, cost_nano_usd)
    SELECT lower(hex(sipHash128(intDiv(number, 5)))), lower(hex(sipHash64(number))), now64(9) - toIntervalDay(number % 3) AS s,
      s + toIntervalMillisecond(number), s, 'planner', toString(number % 7), map('team', toString(number % 4)), 'exact', number FROM numbers(1000)`;
  await storage.command(insert);
  const before = await storage.query(
    SUMS.replace("sum(duration_ns)", "sum(toUnixTimestamp64Nano(end) - toUnixTimestamp64Nano(start))"),
  );
  await cutOffAtEveryStep(database, 7);
  await migrate({ url, database });
  expect(await storage.query(SUMS)).toEqual(before);
  expect(await storage.query("SELECT sum(cost_nano_usd) AS cost FROM spend_by_hour")).toEqual([{ cost: "499500" }]);
  expect(await storage.query("SELECT sum(cost_nano_usd) AS cost, sum(spans) AS n FROM trace_log")).toEqual([
    { cost: "499500", n: "1000" },
  ]);
  await storage.command(insert.replace("numbers(1000)", "numbers(1000, 10)"));
  const [sums] = await storage.query<{ cost: string; by_minute: string }>(SUMS);
  expect(sums?.by_minute).toBe(sums?.cost);
  expect(sums?.cost).not.toBe("499500");
  expect(await tablesOf(database)).not.toContain("span_log_0001");
  await storage.close();
});

test("unpriced calls of traces that are there are counted once, however often that was cut off, and nothing else changes", async () => {
  await earlierMigrations(34);
  const database = "unpriced";
  await migrate({ url, database, directory: files });
  const storage = createStorage({ url, database });
  const insert = `INSERT INTO span_log (trace_id, span_id, name, start, end, received_at, agent, session, cost_status, cost_nano_usd)
    SELECT lower(hex(sipHash128(intDiv(number, 5)))), lower(hex(sipHash64(number))), concat('n', toString(number)),
      toDateTime64('2026-11-20 00:00:00', 9, 'UTC') + toIntervalHour(number % 60) AS s, s + toIntervalMillisecond(number), s,
      concat('a', toString(number % 3)), if(number % 2 = 0, 's', ''),
      ['exact', 'exact', 'unpriced', 'missing'][1 + sipHash64(number, 1) % 4] AS status, if(status = 'exact', number, 0) FROM numbers(1000)`;
  await storage.command(insert);
  const shown = `SELECT trace_id, min(first_start), max(last_start), max(last_end), argMinMerge(name), argMinMerge(agent), argMinMerge(session),
    arraySort(groupUniqArrayArray(agents)), sum(spans), sum(calls), sum(denied), sum(errors), sum(cost_nano_usd) FROM trace_log GROUP BY trace_id ORDER BY trace_id`;
  const before = await storage.query(shown);
  const counts =
    "SELECT trace_id, sum(unpriced_calls) AS n FROM trace_summaries GROUP BY trace_id HAVING n > 0 ORDER BY trace_id";
  const spans =
    "SELECT trace_id, countIf(cost_status IN ('unpriced', 'missing')) AS n FROM spans GROUP BY trace_id HAVING n > 0 ORDER BY trace_id";
  await cutOffAtEveryStep(database, 35);
  await migrate({ url, database });
  expect(await storage.query(shown)).toEqual(before);
  expect((await storage.query(spans)).length).toBeGreaterThan(100);
  expect(await storage.query(counts)).toEqual(await storage.query(spans));
  await storage.command(insert.replace("numbers(1000)", "numbers(990, 50)"));
  expect(await storage.query(counts)).toEqual(await storage.query(spans));
  await storage.close();
});

test("trace_log is made in small steps while it is empty, whenever that is cut off, and left alone once it holds traces", async () => {
  await earlierMigrations(35);
  for (const database of ["steps_empty", "steps_filled"]) await migrate({ url, database, directory: files });
  const filled = createStorage({ url, database: "steps_filled" });
  await filled.command(
    "INSERT INTO span_log (trace_id, span_id, start, end, received_at) SELECT 't', 's', now64(9) AS at, at, at",
  );
  await cutOffAtEveryStep("steps_empty", 36);
  for (const database of ["steps_empty", "steps_filled"]) await migrate({ url, database });
  const steps = await filled.query<{ database: string; steps: string }>(
    `SELECT database, extract(engine_full, 'index_granularity = (\\d+)') AS steps FROM system.tables
     WHERE name = 'trace_log' AND database LIKE 'steps%' ORDER BY database`,
  );
  expect(steps).toEqual([
    { database: "steps_empty", steps: "512" },
    { database: "steps_filled", steps: "8192" },
  ]);
  for (const database of ["steps_empty", "steps_filled"]) {
    await filled.command(
      `INSERT INTO ${database}.span_log (trace_id, span_id, start, end, received_at, cost_status) SELECT 't', 's2', now64(9) AS at, at, at, 'missing'`,
    );
    const [row] = await filled.query<{ spans: string; unpriced: string }>(
      `SELECT sum(spans) AS spans, sum(unpriced_calls) AS unpriced FROM ${database}.trace_log`,
    );
    expect(row).toEqual({ spans: database === "steps_empty" ? "1" : "2", unpriced: "1" });
  }
  await filled.close();
});

test.each([
  {
    version: 37,
    projection: "by_day",
    costSum: (2000 * 1999) / 2,
    sql: "SELECT toDate(hour) AS day, model, sum(calls) AS n, sum(cost_nano_usd) AS cost FROM spend_hour_log GROUP BY day, model ORDER BY day, model",
  },
  {
    version: 39,
    projection: "by_rule",
    costSum: 0,
    sql: "SELECT decision_rule, decision, sum(decisions) AS n FROM decisions_by_hour GROUP BY ALL ORDER BY ALL",
  },
])(
  "sums $projection are those of what was there, of what comes, and of nothing twice, whenever the migration is cut off",
  async ({ version, projection, costSum, sql }) => {
    await earlierMigrations(version - 1);
    const database = projection;
    await migrate({ url, database, directory: files });
    const storage = createStorage({ url, database });
    const insert = async (from: number): Promise<void> =>
      storage.command(
        `INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, session, model, labels, cost_status, cost_nano_usd, decision, decision_rule)
         SELECT toString(number), toString(number), toDateTime64('2026-11-18 00:00:00', 9, 'UTC') + toIntervalMinute(number * 7) AS s, s, s,
           concat('a', toString(number % 3)), toString(number % 11), ['x', 'y'][1 + number % 2],
           map('customer', toString(number % 5), 'session', toString(number % 11)), 'exact', number,
           ['allow', 'require_approval'][1 + number % 2], toString(number % 4) FROM numbers(${from}, 1000)`,
        {
          settings: {
            insert_deduplication_token: `block ${from}`,
            deduplicate_blocks_in_dependent_materialized_views: 1,
            deduplicate_insert_select: "force_enable",
          },
        },
      );
    await insert(0);
    await cutOffAtEveryStep(database, version);
    await migrate({ url, database });
    await insert(0);
    await insert(1000);
    await insert(1000);
    const table = projection === "by_day" ? "spend_hour_log" : "decision_hour_log";
    const parts = `SELECT has(projections, '${projection}') AS made FROM system.parts WHERE database = '${database}' AND table = '${table}' AND active ORDER BY max_block_number`;
    // What was there has it, what came since gets it by a merge; as parts of both kinds are never merged, all are given it here.
    for (const merged of [false, true]) {
      if (merged) {
        for (const name of projection === "by_day" ? ["by_day", "by_day_and_labels"] : [projection]) {
          const settings = { mutations_sync: "2" } as const;
          await storage.command(`ALTER TABLE ${table} MATERIALIZE PROJECTION ${name}`, { settings });
        }
        await storage.command(`OPTIMIZE TABLE ${table} FINAL`);
      }
      const made = (await storage.query<{ made: number }>(parts)).map((part) => part.made);
      expect(made).toEqual(merged ? [1] : [1, 0]);
      const plan = await storage.query<{ explain: string }>(`EXPLAIN ${sql}`);
      expect(plan.map(({ explain }) => explain).join("\n")).toContain(`ReadFromMergeTree (${projection})`);
      const sums = await storage.query<{ n: string; cost?: string }>(sql);
      expect(sums).toEqual(await storage.query(`${sql} SETTINGS optimize_use_projections = 0`));
      expect(sums.reduce((sum, { n }) => sum + Number(n), 0)).toBe(2000);
      expect(sums.reduce((sum, { cost }) => sum + Number(cost ?? 0), 0)).toBe(costSum);
    }
    await storage.close();
  },
);

test("a changed file and a database of a newer version are refused by name", async () => {
  const options = { url, database: "drift", directory: files };
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.b;\n");
  await migrate(options);
  await writeFile(join(files, "0002-second.sql"), "DROP TABLE {database}.a;\n");
  await expect(migrate(options)).rejects.toThrow("`0002-second` was changed after it was applied");
  await rm(join(files, "0002-second.sql"));
  await expect(migrate(options)).rejects.toThrow("`0002-second`, which this version does not know");
  expect(await tablesOf("drift")).toContain("a");
});

test("this package's own migrations apply to an empty database, twice", async () => {
  expect((await migrate({ url, database: "tollgate" })).length).toBeGreaterThan(0);
  expect(await migrate({ url, database: "tollgate" })).toEqual([]);
});

test("what an insert of spans writes is merged late: roll-ups by sixteen parts, spans and events by more, none with statistics", async () => {
  await migrate({ url, database: "tollgate" });
  const storage = createStorage({ url, database: "tollgate" });
  const filled = await storage.query<{ name: string; settings: string }>(
    `SELECT name, engine_full AS settings FROM system.tables
     WHERE database = 'tollgate' AND (name IN ('span_log', 'event_log') OR name IN (
       SELECT extract(create_table_query, 'TO tollgate\\.(\\w+)') FROM system.tables
       WHERE database = 'tollgate' AND engine = 'MaterializedView'))`,
  );
  await storage.close();
  expect(filled.length).toBe(11);
  const late = ["event_log", "span_log"];
  for (const { name, settings } of filled) {
    expect(settings, name).toContain(`merge_selector_base = ${late.includes(name) ? 128 : 16},`);
    expect(settings, name).toContain("auto_statistics_types = ''");
  }
});
