/**
 * Goal: rows go when their time is over and not before, by label and decision, and spend stays what it was. Method: the real
 * engine, rows dated back, and merges asked for (`OPTIMIZE … FINAL`), which is when the engine carries a TTL out.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { applyRetention, type Retention } from "../../../src/storage/retention.ts";

const FOREVER: Retention = { spans: "off", events: "off", spend: "off", byLabel: [] };
const DAY = 24;

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let storage: Storage;
let database = "";
let databases = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-retention-"));
  engine = new EmbeddedEngine({ dataDir: directory });
  ({ url } = await engine.start());
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A database with a call every third day of the last 60 for each of two teams, one in twenty denied. */
async function filledDatabase(): Promise<void> {
  databases += 1;
  database = `r${databases}`;
  await migrate({ url, database });
  storage = createStorage({ url, database });
  await storage.command(`INSERT INTO span_log (trace_id, span_id, start, end, received_at, agent, team, labels, cost_status, cost_nano_usd, decision)
    SELECT lower(hex(sipHash128(number))), lower(hex(sipHash64(number))), now64(9) - toIntervalDay(3 * intDiv(number, 2)) - INTERVAL 1 HOUR AS s, s, s,
      'planner', if(number % 2 = 0, 'red', 'sandbox'), map('env', if(number % 2 = 0, 'production', 'test')), 'exact', 1000 + number, if(number % 20 = 0, 'deny', '')
    FROM numbers(40) SETTINGS max_partitions_per_insert_block = 0`);
}

async function carryOut(): Promise<void> {
  for (const table of ["span_log", "trace_log", "spend_log", "spend_hour_log"]) {
    await storage.command(`OPTIMIZE TABLE ${table} FINAL SETTINGS mutations_sync = 2`);
  }
}

async function count(where = "1"): Promise<number> {
  const [row] = await storage.query<{ n: string }>(`SELECT count() AS n FROM spans WHERE ${where}`);
  return Number(row?.n);
}

async function spend(): Promise<unknown> {
  return storage.query(
    "SELECT (SELECT sum(cost_nano_usd) FROM spend_by_minute) AS minutes, (SELECT sum(cost_nano_usd) FROM spend_by_hour) AS hours",
  );
}

test("spans go after their time, and what they cost stays", async () => {
  await filledDatabase();
  const before = await spend();
  expect(await applyRetention({ url, database, retention: { ...FOREVER, spans: 30 * DAY } })).toEqual([
    "span_log",
    "trace_log",
    "refusal_log",
  ]);
  await carryOut();
  expect(await count()).toBe(20);
  expect(await count("start < now() - INTERVAL 31 DAY")).toBe(0);
  expect(await spend()).toEqual(before);
});

test("a label's spans go earlier, and decisions stay longer", async () => {
  await filledDatabase();
  const retention: Retention = {
    ...FOREVER,
    spans: 30 * DAY,
    decisions: "off",
    byLabel: [
      { match: { team: "sandbox" }, spans: 3 * DAY },
      { match: { env: "production", team: "blue" }, spans: 1 },
    ],
  };
  await applyRetention({ url, database, retention });
  await carryOut();
  expect(await count("team = 'sandbox'")).toBe(1);
  expect(await count("team = 'red' AND decision = ''")).toBe(9);
  expect(await count("decision = 'deny'")).toBe(2);
});

test("the same retention changes nothing, another one does, and none keeps what is left", async () => {
  await filledDatabase();
  const retention = { ...FOREVER, spans: 30 * DAY, spend: 400 * DAY, events: 7 * DAY };
  expect(await applyRetention({ url, database, retention: FOREVER })).toEqual([]);
  expect((await applyRetention({ url, database, retention })).length).toBe(10);
  expect(await applyRetention({ url, database, retention })).toEqual([]);
  expect(await applyRetention({ url, database, retention: { ...retention, spend: 500 * DAY } })).toEqual([
    "spend_log",
    "spend_hour_log",
    "settled_minute_log",
    "lease_log",
    "decision_hour_log",
    "call_duration_log",
  ]);
  expect((await applyRetention({ url, database, retention: FOREVER })).length).toBe(10);
  const left = await count();
  await carryOut();
  expect(await count()).toBe(left);
});

test("a label with quotes in it stays a label", async () => {
  await filledDatabase();
  const byLabel = [{ match: { "it's": "\\' OR 1 --" }, spans: 1 }];
  await applyRetention({ url, database, retention: { ...FOREVER, byLabel } });
  await carryOut();
  expect(await count()).toBe(40);
});
