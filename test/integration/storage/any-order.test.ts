/**
 * Goal: what is told of rows does not depend on the order in which they came. Method: the same rows, few in an insert, into two databases of
 * the real engine, into the second one backwards; every question that names one of several is asked of both, before merges and after.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { type QueryName, queryText } from "../../../src/storage/queries/catalog.ts";

const BEGIN_MS = Date.UTC(2026, 10, 20);
const TIME = { since_ms: BEGIN_MS - 1_000, until_ms: BEGIN_MS + 60_000 };
const FILTERS = { agent: "", session: "", decision: "", error: 0, min_cost_nano_usd: "-1" };
const AGENTS = 18;
const ROWS_OF_AN_INSERT = 3;
const TABLES = ["span_log", "audit_link_log", "budget_states"];

type Row = Readonly<Record<string, string | number | Readonly<Record<string, string>>>>;

/** Many agents of one trace and session that begin in one millisecond, without a root; a chain whose link is there twice. */
const SPANS: readonly Row[] = Array.from({ length: AGENTS }, (_, index) => {
  const name = String((index * 7) % AGENTS).padStart(2, "0");
  return {
    trace_id: "t".repeat(32),
    span_id: `s${name}`,
    parent_span_id: "elsewhere",
    name: `act ${name}`,
    start: iso(BEGIN_MS),
    end: iso(BEGIN_MS + 10),
    received_at: iso(BEGIN_MS + Number(name)),
    agent: `agent-${name}`,
    user: `user-${name}`,
    team: `team-${name}`,
    session: "session",
    cost_status: "exact",
    labels: { tenant: "acme" },
    attributes: {
      "tollgate.audit.chain": "chain",
      "tollgate.audit.seq": "7",
      "tollgate.audit.hash": `hash-${name}`,
    },
  };
});
const STATES: readonly Row[] = [0, 1, 2].map((day) => ({
  ts: iso(BEGIN_MS),
  name: "daily",
  scope: "fleet",
  measure: "usd",
  window_start: iso(BEGIN_MS - day * 86_400_000),
  settled: day,
  reserved: day + 1,
}));

let directory = "";
let engine: EmbeddedEngine;
let forwards: Storage;
let backwards: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-any-order-"));
  engine = new EmbeddedEngine({ dataDir: join(directory, "db") });
  const { url } = await engine.start();
  forwards = await databaseOf(url, "forwards");
  backwards = await databaseOf(url, "backwards");
  await fill(forwards, SPANS, STATES);
  await fill(backwards, SPANS.toReversed(), STATES.toReversed());
}, 60_000);

afterAll(async () => {
  await forwards?.close();
  await backwards?.close();
  await engine?.stop();
  await rm(directory, { recursive: true, force: true });
});

const QUESTIONS = {
  sessions: named("sessions", { ...TIME, agent: "", tenant: "", limit: 10 }),
  "a tenant's traces": named("tenant-traces", { ...FILTERS, ...TIME, tenant: "acme", limit: 10 }),
  "where chains end": named("audit-chain-ends", { since_ms: BEGIN_MS, limit: 10 }),
  "a link of a chain": named("audit-chain-links", { chain: "chain", from: 7, to: 7, limit: 10 }),
  "what leases hold": named("budgets-reserved", { since: 0, limit: 10 }),
  "the view sessions": { sql: "SELECT * FROM sessions", parameters: {} },
  "the view budgets_now": { sql: "SELECT * FROM budgets_now", parameters: {} },
} as const;

test.each(Object.entries(QUESTIONS))("%s: the same, whatever came first", async (_name, { sql, parameters }) => {
  const told = await forwards.query(sql, parameters);
  expect(told).toHaveLength(1);
  expect(await backwards.query(sql, parameters)).toEqual(told);
});

test("of windows of a budget that were written in one millisecond the latest is told", async () => {
  for (const storage of [forwards, backwards]) {
    expect(await storage.query("SELECT toString(settled) AS settled FROM budgets_now")).toEqual([{ settled: "0" }]);
    const held = await storage.query(queryText("budgets-reserved"), { since: 0, limit: 10 });
    expect(held).toEqual([{ name: "daily", scope: "fleet", reserved: "1" }]);
  }
});

test("links of a chain are told by their numbers, not by the letters of these", async () => {
  for (const seq of [10, 9]) {
    const attributes = {
      "tollgate.audit.chain": "long",
      "tollgate.audit.seq": String(seq),
      "tollgate.audit.hash": "h",
    };
    await insert(forwards, "span_log", { ...SPANS[0], span_id: String(seq), attributes });
  }
  const rows = await forwards.query<{ seq: string }>(queryText("audit-chain-links"), {
    chain: "long",
    from: 9,
    to: 10,
    limit: 10,
  });
  expect(rows.map(({ seq }) => seq)).toEqual(["9", "10"]);
});

test("and after merges", async () => {
  const told = await Promise.all(
    Object.values(QUESTIONS).map(({ sql, parameters }) => forwards.query(sql, parameters)),
  );
  for (const table of TABLES) {
    await forwards.command(`SYSTEM START MERGES ${table}`);
    await forwards.command(`OPTIMIZE TABLE ${table} FINAL`);
  }
  for (const [index, { sql, parameters }] of Object.values(QUESTIONS).entries()) {
    expect(await forwards.query(sql, parameters)).toEqual(told[index]);
  }
});

test("a day's roll-ups that have lost rows, or have them twice, are filled anew from its spans, and the days around it stay", async () => {
  const day = 86_400_000;
  // A trace and a lease that go on after midnight, and before, where nothing is lost.
  for (const [index, days] of [-1, 0, 1].entries()) {
    const at = BEGIN_MS + days * day;
    const life = { start: iso(at), end: iso(at + 10), received_at: iso(at) };
    const span = {
      ...SPANS[0],
      ...life,
      trace_id: "over-midnight",
      span_id: `m${index}`,
      lease_id: "lease",
      cost_nano_usd: 5,
      decision: "deny",
    };
    await insert(forwards, "span_log", span);
  }
  for (const table of TABLES) await forwards.command(`SYSTEM START MERGES ${table}`);
  const before = await rollUps(forwards);
  expect(Object.keys(before).length).toBeGreaterThanOrEqual(9);
  for (const [table, rows] of Object.entries(before)) expect([table, rows.length > 0]).toEqual([table, true]);
  for (const [index, table] of Object.keys(before).entries()) {
    const onDay = `toDate(${table === "audit_link_log" ? "received_at" : "received_on"}) = '2026-11-20'`;
    const lost = `ALTER TABLE ${table} DELETE WHERE ${onDay} SETTINGS mutations_sync = 2`;
    const twice = `INSERT INTO ${table} SELECT * FROM ${table} WHERE ${onDay} SETTINGS insert_deduplicate = 0`;
    // A merged row of a trace or a lease is of its first day, whatever else it holds.
    if (table === "trace_log" || table === "lease_log") await forwards.command(`TRUNCATE TABLE ${table}`);
    else await forwards.command(index % 2 === 0 ? lost : twice);
  }
  const generator = await readFile(new URL("../../../deploy/clickhouse/roll-ups-anew.sql", import.meta.url), "utf8");
  const sql = generator.replace(/FORMAT TSVRaw\s*$/, "");
  const statements = await forwards.query<{ readonly statement: string }>(sql, { day: "2026-11-20" });
  expect(statements).toHaveLength(2 * Object.keys(before).length);
  // Cut off after the first table, and begun anew.
  for (const { statement } of [...statements.slice(0, 2), ...statements]) {
    await forwards.command(statement.replace(/;$/, ""));
  }
  expect(await rollUps(forwards)).toEqual(before);
});

/** What roll-ups hold, with states of aggregates finished, and sets that are full, which keep any 16, left out. */
async function rollUps(storage: Storage): Promise<Readonly<Record<string, readonly Row[]>>> {
  const columns = await storage.query<{ readonly table: string; readonly name: string; readonly type: string }>(
    `SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table IN (
       SELECT extract(create_table_query, ' TO \\\\w+\\\\.(\\\\w+)') FROM system.tables
       WHERE database = currentDatabase() AND engine = 'MaterializedView' AND endsWith(name, '_log_view')) ORDER BY table, position`,
  );
  const content: Record<string, readonly Row[]> = {};
  for (const [table, of] of Map.groupBy(columns, (column) => column.table)) {
    const shown = of.map(({ name, type }) => {
      if (type.includes("Array(")) return `arraySort(arrayFilter(x -> length(${name}) < 16, ${name}))`;
      return type.startsWith("AggregateFunction") ? `finalizeAggregation(${name})` : name;
    });
    await storage.command(`OPTIMIZE TABLE ${table} FINAL`);
    content[table] = await storage.query(`SELECT ${shown.join(", ")} FROM ${table} ORDER BY ALL`);
  }
  return content;
}

function named(name: QueryName, parameters: Readonly<Record<string, string | number>>) {
  return { sql: queryText(name).replace("{{where}}", "1"), parameters };
}

async function databaseOf(url: string, database: string): Promise<Storage> {
  await migrate({ url, database });
  const storage = createStorage({ url, database });
  for (const table of TABLES) await storage.command(`SYSTEM STOP MERGES ${table}`);
  return storage;
}

async function fill(storage: Storage, spans: readonly Row[], states: readonly Row[]): Promise<void> {
  for (let at = 0; at < spans.length; at += ROWS_OF_AN_INSERT) {
    await insert(storage, "span_log", ...spans.slice(at, at + ROWS_OF_AN_INSERT));
  }
  for (const row of states) await insert(storage, "budget_states", row);
}

async function insert(storage: Storage, table: string, ...rows: readonly Row[]): Promise<void> {
  await storage.command(
    `INSERT INTO ${table} FORMAT JSONEachRow ${rows.map((row) => JSON.stringify(row)).join("\n")}`,
    {
      settings: { date_time_input_format: "best_effort" },
    },
  );
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
