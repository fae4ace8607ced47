/**
 * Goal: what the queries for a trace, a session and a list of traces answer is what a plain look at the spans says, and an
 * attribute is looked for by its index. Against the real engine, with spans that were merged.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newestTraces } from "../../../src/api/newest-traces.ts";
import { type SeenTrace, tracesSeen } from "../../../src/api/traces-seen.ts";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { QUERY_NAMES, type QueryName, queryText } from "../../../src/storage/queries/catalog.ts";
import { labelValues, withLabels } from "../../../src/storage/queries/label-values.ts";

const BEGIN_MS = Date.UTC(2026, 10, 20);
/** Three granules of spans; an agent's calls name its own system. The last span of each trace is a closing link. */
const SPANS = `INSERT INTO span_log (trace_id, span_id, parent_span_id, name, start, end, received_at, agent, session, cost_status, cost_nano_usd, attributes)
  SELECT lower(hex(sipHash128(intDiv(number, 6)))), lower(hex(sipHash64(number))), if(number % 6 = 0, '', 'p'),
    if(number % 6 = 5, 'audit close', 'chat'),
    fromUnixTimestamp64Milli(${BEGIN_MS} + toInt64(number) * 1000, 'UTC') AS at, at, toDateTime64(at, 3, 'UTC'),
    concat('a', toString(intDiv(number, 6000))), concat('s', toString(intDiv(number, 60))),
    if(number % 6 = 1, 'exact', ''), if(number % 6 = 1, number, 0), map('tollgate.tool.system', concat('crm-', toString(intDiv(number, 6000))))
  FROM numbers(24000)`;
const FILTERS = { agent: "", session: "", decision: "", error: 0, min_cost_nano_usd: "-1", limit: 10_000 };
const TIME = { since_ms: BEGIN_MS, until_ms: BEGIN_MS + 86_400_000 };

let directory = "";
let engine: EmbeddedEngine;
let storage: Storage;
let reader: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-spans-"));
  const users = [{ name: "default" }, { name: "reader", isReadOnly: true }];
  engine = new EmbeddedEngine({ dataDir: join(directory, "db"), users });
  const { url } = await engine.start();
  await migrate({ url, database: "tollgate" });
  storage = createStorage({ url, database: "tollgate" });
  reader = createStorage({ url, database: "tollgate", username: "reader" });
  await storage.command(SPANS);
  await storage.command("OPTIMIZE TABLE span_log FINAL");
});

afterAll(async () => {
  await reader?.close();
  await storage?.close();
  await engine?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Of each type that parameters have. */
const VALUES: Readonly<Record<string, unknown>> = { String: "", "Array(String)": [] };

test.each(QUERY_NAMES)("the engine takes the query %s", async (name) => {
  const labels = labelValues(["agent", "customer"]);
  const text = withLabels(queryText(name), labels).replace("{{where}}", "1");
  const asked = [...text.matchAll(/\{(\w+): ([\w()]+)\}/g)].map(([, key = "", type = ""]) => [key, VALUES[type] ?? 1]);
  const rows = await storage.query(text, { ...Object.fromEntries(asked), ...labels.parameters });
  expect(rows).toBeInstanceOf(Array);
});

type Ids = readonly { readonly span_id: string }[];

test.each([
  ["trace", "trace_id", "lower(hex(sipHash128(toUInt64(7))))"],
  ["session", "session", "'s12'"],
] as const)("a %s is all of its spans in order, and no closing link", async (query, column, value) => {
  const [key] = await storage.query<{ key: string }>(`SELECT ${value} AS key`);
  const rows = await storage.query<Ids[number]>(queryText(query), { [column]: key?.key, tenant: "", limit: 10_000 });
  const plain = await storage.query<Ids[number]>(
    `SELECT span_id FROM spans WHERE ${column} = ${value} ORDER BY start, span_id`,
  );
  expect(rows.length).toBe(query === "trace" ? 5 : 50);
  expect(rows.map(({ span_id: id }) => id)).toEqual(plain.map(({ span_id: id }) => id));
});

test.each(["traces", "traces-seen"] as const)("%s with an attribute are found by the index over it", async (name) => {
  const where = "attributes['tollgate.tool.system'] = 'crm-3'";
  const sql = queryText(name).replace("{{where}}", where);
  const found = await storage.query<{ trace_id: string; spans: string }>(sql, { ...FILTERS, ...TIME });
  const plain = await storage.query<{ trace_id: string }>(`SELECT DISTINCT trace_id FROM spans WHERE ${where}`);
  expect(plain.length).toBe(1000);
  expect(new Set(found.map(({ trace_id: id }) => id))).toEqual(new Set(plain.map(({ trace_id: id }) => id)));
  const inner =
    name === "traces" ? /SELECT trace_id\s+FROM spans[^]*?\{\{where\}\}\)/ : /SELECT[^]*\{\{where\}\}\)\nGROUP BY \w+/;
  const [text = ""] = inner.exec(queryText(name)) ?? [];
  const settings = /\nSETTINGS .*/.exec(sql)?.[0] ?? "";
  const plan = await storage.query<{ explain: string }>(
    `EXPLAIN indexes = 1 ${text.replace("{{where}}", where)}${settings}`,
    { ...FILTERS, ...TIME },
  );
  expect(granulesByAttribute(plan)).toEqual(["1", "3"]);
});

const WHERES = ["1", "attributes['tollgate.tool.system'] = 'crm-1'", "cost_usd > 0.000020", "span_id < '01'", "0"];

test.each(WHERES)("the traces that were seen last are the list of all, where %s", async (where) => {
  const looked: string[] = [];
  for (const limit of [1, 7, 200]) {
    const ask = <T>(name: QueryName, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]> => {
      looked.push(name);
      return reader.query<T>(queryText(name).replace("{{where}}", where), { ...FILTERS, limit, ...parameters });
    };
    const listed = await tracesSeen<{ readonly start: string }>({
      range: TIME,
      limit,
      seen: (range, atMost) => ask<SeenTrace>("traces-seen", { ...range, limit: atMost }),
      named: (ids) => ask("traces-named", { trace_ids: ids }),
      all: (range) => ask("traces", { ...range }),
    });
    expect(listed).toEqual(
      await reader.query(queryText("traces").replace("{{where}}", where), { ...FILTERS, ...TIME, limit }),
    );
  }
  expect(looked).not.toContain("traces");
});

test("the newest traces are those of the whole time, by a look at the last hour", async () => {
  const sql = queryText("traces").replace("{{where}}", "1");
  const limit = 40;
  const asked: number[] = [];
  const ask = async (range: typeof TIME): Promise<readonly { readonly start: string }[]> => {
    asked.push(range.since_ms);
    return storage.query(sql, { ...FILTERS, ...range, limit });
  };
  const nowMs = BEGIN_MS + 24_000_000;
  const newest = await newestTraces({ range: { ...TIME, since_ms: 0 }, nowMs, limit, ask });
  expect(newest).toEqual(await ask(TIME));
  expect(newest.length).toBe(limit);
  expect(asked).toEqual([nowMs - 3_600_000, BEGIN_MS]);
});

test("what people write over attributes uses the same index by itself, and may be told not to", async () => {
  const sql = "EXPLAIN indexes = 1 SELECT span_id FROM spans WHERE attributes['tollgate.tool.system'] = 'crm-3'";
  expect(granulesByAttribute(await reader.query(sql))).toEqual(["1", "3"]);
  const told = await reader.query<Plan[number]>(sql, {}, { settings: { optimize_functions_to_subcolumns: 1 } });
  expect(granulesByAttribute(told)).toBeUndefined();
});

test("a day of spans beside which their attributes weigh is read by two threads for who only reads, numbers alone by one for others", async () => {
  await storage.command("CREATE TABLE day (n UInt64) ENGINE = MergeTree ORDER BY n");
  await storage.command("INSERT INTO day SELECT number FROM numbers(12 * 8192)");
  const sql = "EXPLAIN PIPELINE SELECT sum(n) FROM day WHERE n % 3 = 1 SETTINGS max_threads = 2";
  const readsBy = async (asker: Storage): Promise<string | undefined> => {
    const plan = await asker.query<Plan[number]>(sql);
    return /MergeTreeSelect\([^)]*\)( × \d+)?/.exec(plan.map(({ explain }) => explain).join("\n"))?.[1];
  };
  expect([await readsBy(reader), await readsBy(storage)]).toEqual([" × 2", undefined]);
});

type Plan = readonly { readonly explain: string }[];

/** How many granules are read, and of how many, by the index over attributes; `undefined` where it is not asked. */
function granulesByAttribute(plan: Plan): readonly string[] | undefined {
  const text = plan.map(({ explain }) => explain).join("\n");
  return /Name: attribute_values[^]*?Granules: (\d+)\/(\d+)/.exec(text)?.slice(1);
}
