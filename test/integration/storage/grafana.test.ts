/**
 * Goal: Grafana's ClickHouse data source (4.20, over HTTP) finds its way about as the read-only user: the statements that its
 * schema browser, variables, suggestions, filters and Explore send, each answered with the columns that it reads. Method:
 * statements of the same form as the plugin's sources build, sent as its driver sends them; the real engine with the
 * Collector's tables of traces and logs. Connecting, paging and errors are in clients.test.ts.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply } from "./plain-http.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-grafana-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    users: [
      { name: "admin", password: "s3cret" },
      { name: "readonly", isReadOnly: true },
    ],
  });
  ({ url } = await engine.start());
  const fixture = new URL("fixtures/clickhouse-go-collector.json", import.meta.url);
  const exchange = JSON.parse(await readFile(fixture, "utf8")) as readonly {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }[];
  for (const { url: target, headers, body } of exchange) {
    const parameters = Object.fromEntries(new URL(target, url).searchParams);
    await sendTo(url, { parameters, headers, body: Buffer.from(body, "base64") });
  }
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const PARAMETERS = { database: "otel", max_execution_time: "65", user: "readonly", limit: "1000" };

/** As the driver sends it: Native is refused by no query, and its text twin tells what it holds. */
async function panel(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const native: Reply = await sendTo(url, {
    body: sql,
    parameters: { ...PARAMETERS, default_format: "Native", client_protocol_version: "54460" },
    headers: { "accept-encoding": "gzip" },
  });
  expect(native.status, native.text).toBe(200);
  expect(native.body.length).toBeGreaterThan(0);
  const json = await sendTo(url, { body: sql, parameters: { ...PARAMETERS, default_format: "JSONEachRow" } });
  return json.text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

const TIME =
  "Timestamp >= fromUnixTimestamp64Milli(1795000000000) AND Timestamp <= fromUnixTimestamp64Milli(1796000000000)";

test.each([
  ["databases", "SHOW DATABASES", { name: "otel" }],
  ["tables", 'SHOW TABLES FROM "otel"', { name: "otel_traces" }],
  ["a table's columns", 'DESC TABLE "otel"."otel_traces"', { name: "TraceId", type: "String" }],
  ["databases for a variable", "SELECT name FROM system.databases ORDER BY name", { name: "otel" }],
  [
    "tables for a variable",
    "SELECT name FROM system.tables WHERE database = 'otel' ORDER BY name",
    { name: "otel_logs" },
  ],
  [
    "columns for filters",
    "SELECT name, type, table FROM system.columns WHERE database IN ('otel') AND table = 'otel_logs'",
    { name: "Body", table: "otel_logs" },
  ],
  [
    "functions for suggestions",
    "SELECT name, is_aggregate, case_insensitive, alias_to, origin, description, syntax, arguments, returned_value, examples, categories FROM system.functions LIMIT 10000",
    { name: "quantile", is_aggregate: 1 },
  ],
  [
    "keys of a map",
    "SELECT DISTINCT arrayJoin(mapKeys(`SpanAttributes`)) as keys FROM `otel`.`otel_traces` LIMIT 1000",
    { keys: "gen_ai.request.model" },
  ],
  ["values of a column", "select distinct ServiceName from otel.otel_traces limit 1000", { ServiceName: "shop" }],
  ["the server's version", "SELECT version()", {}],
])("it browses %s", async (_, sql, row) => {
  // Functions are more than the data source's own limit of rows shows.
  expect(
    await panel(sql.replace("FROM system.functions", "FROM system.functions WHERE name = 'quantile'")),
  ).toContainEqual(expect.objectContaining(row));
});

test("Explore lists traces and opens one, with the look-up of its time and spans as the trace view reads them", async () => {
  const list = `SELECT "TraceId" as traceID, "ServiceName" as "serviceName", "SpanName" as "operationName", "Timestamp" as "startTime", multiply("Duration", 0.000001) as "duration" FROM "otel"."otel_traces" WHERE ( ${TIME} ) AND ( ParentSpanId = '' ) AND ( Duration > 0 ) ORDER BY Timestamp DESC, Duration DESC LIMIT 20`;
  expect((await panel(list))[0]).toMatchObject({
    traceID: "18".padStart(32, "0"),
    serviceName: "shop",
  });
  const one = `WITH '${"1".padStart(32, "0")}' as trace_id, (SELECT min(Start) FROM "otel"."otel_traces_trace_id_ts" WHERE TraceId = trace_id) as trace_start, (SELECT max(End) + 1 FROM "otel"."otel_traces_trace_id_ts" WHERE TraceId = trace_id) as trace_end SELECT "TraceId" as traceID, "SpanId" as spanID, "ParentSpanId" as parentSpanID, "ServiceName" as serviceName, "SpanName" as operationName, multiply(toUnixTimestamp64Nano("Timestamp"), 0.000001) as startTime, multiply("Duration", 0.000001) as duration, arrayMap(key -> map('key', key, 'value',"SpanAttributes"[key]), mapKeys("SpanAttributes")) as tags, arrayMap(key -> map('key', key, 'value',"ResourceAttributes"[key]), mapKeys("ResourceAttributes")) as serviceTags, if("StatusCode" IN ('Error', 'STATUS_CODE_ERROR'), 2, 0) as statusCode, arrayMap((name, timestamp, attributes) -> tuple(name, toString(toUnixTimestamp64Milli(timestamp)), arrayMap( key -> map('key', key, 'value', attributes[key]), mapKeys(attributes)))::Tuple(name String, timestamp String, fields Array(Map(String, String))), \`Events.Name\`, \`Events.Timestamp\`, \`Events.Attributes\`) AS logs FROM "otel"."otel_traces" WHERE traceID = trace_id AND "Timestamp" >= trace_start AND "Timestamp" <= trace_end LIMIT 1000`;
  const spans = await panel(one);
  expect(spans).toHaveLength(4);
  expect(spans[1]).toMatchObject({ spanID: "0000000000000005", serviceTags: [{ key: "service.name", value: "shop" }] });
});

test("logs come with their volume, and ad hoc filters narrow any table", async () => {
  const volume = `SELECT toStartOfInterval("Timestamp", INTERVAL 5 second) as "time", sum(toInt64(multiSearchAny(lower("SeverityText"), ['info','informational']))) as info FROM "otel"."otel_logs" WHERE ( ${TIME} ) GROUP BY time ORDER BY time ASC LIMIT 10000`;
  expect((await panel(volume)).length).toBeGreaterThan(5);
  const filtered = `SELECT "Timestamp" as "timestamp", "Body" as "body", "SeverityText" as "level" FROM "otel"."otel_logs" WHERE ( ${TIME} ) AND ( body ILIKE '%log%' ) ORDER BY timestamp DESC LIMIT 1000 settings additional_table_filters={'otel.otel_logs' : ' LogAttributes[\\'n\\'] = \\'7\\' '}`;
  expect(await panel(filtered)).toHaveLength(1);
});
