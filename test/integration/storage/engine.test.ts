/**
 * Goal: the embedded engine is ClickHouse to any HTTP client: bytes unchanged both ways, nothing set for one query is
 * there for the next, rights hold, errors are ClickHouse's. Method: the real engine in its own process, plain HTTP.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply, type Send } from "./plain-http.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-engine-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    bodyBytesMax: 64 * 1024 * 1024,
    users: [
      { name: "default" },
      { name: "owner", password: "s3cret" },
      { name: "reader", password: "look", isReadOnly: true },
    ],
  });
  const started = performance.now();
  ({ url } = await engine.start());
  console.info(`engine start: ${Math.round(performance.now() - started)} ms`);
  await sql("CREATE DATABASE t");
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const send = (options: Send): Promise<Reply> => sendTo(url, options);

/** Runs a statement that has to succeed. */
async function sql(statement: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const reply = await send({ body: statement, parameters });
  expect(reply.status, reply.text).toBe(200);
  return reply;
}

const asReader = { user: "reader", password: "look" };

test("ping and replicas_status answer without a user, by GET and HEAD", async () => {
  expect((await send({ method: "GET", path: "/ping" })).text).toBe("Ok.\n");
  expect((await send({ method: "HEAD", path: "/ping" })).status).toBe(200);
  expect((await send({ method: "GET", path: "/replicas_status" })).text).toBe("Ok.\n");
  expect((await send({ method: "GET", path: "/nope" })).status).toBe(404);
});

test("a select answers in the format of its FORMAT, of default_format, or tab-separated", async () => {
  const select = "SELECT 1 AS a, 'x' AS b";
  expect((await sql(select)).text).toBe("1\tx\n");
  expect((await sql(select, { default_format: "CSV" })).text).toBe('1,"x"\n');
  const json = await sql(`${select} FORMAT JSON`);
  expect(JSON.parse(json.text)).toMatchObject({ data: [{ a: 1, b: "x" }], rows: 1 });
  expect(json.headers["content-type"]).toBe("application/json; charset=UTF-8");
  expect((await sql(`${select} FORMAT Parquet`)).body.subarray(0, 4).toString()).toBe("PAR1");
  const byGet = await send({ method: "GET", parameters: { query: `${select} FORMAT TSV` } });
  expect(byGet.text).toBe("1\tx\n");
  expect(byGet.headers["x-clickhouse-format"]).toBe("TSV");
  expect(byGet.headers["x-clickhouse-timezone"]).toBeTruthy();
  expect(JSON.parse(String(byGet.headers["x-clickhouse-summary"]))).toHaveProperty("elapsed_ns");
});

test.each(["Native", "RowBinary", "Parquet", "ArrowStream", "JSONEachRow", "CSV", "TabSeparated"])(
  "rows that were read as %s and inserted as that are the same rows",
  async (format) => {
    const table = `t.round_${format.toLowerCase()}`;
    const columns = "id UInt64, bytes String, tags Map(String, String), price Decimal(18, 9)";
    await sql(`CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY id`);
    const source = `SELECT number AS id, concat('é;\\'\\n', if(number % 2 = 0, unhex('E28099'), '')) AS bytes,
      map('k', toString(number), '; DROP', '-- ') AS tags, toDecimal64(number, 9) / 7 AS price FROM numbers(3000)`;
    const { body } = await sql(`${source} FORMAT ${format}`);
    const inserted = await send({ parameters: { query: `INSERT INTO ${table} FORMAT ${format}` }, body });
    expect(inserted.status, inserted.text).toBe(200);
    const hash = "count(), sum(sipHash64(id, bytes, toString(tags), price))";
    expect((await sql(`SELECT ${hash} FROM ${table}`)).text).toBe((await sql(`SELECT ${hash} FROM (${source})`)).text);
  },
);

test("Native bytes with any byte value in them arrive whole, with the statement in the body too", async () => {
  await sql("CREATE TABLE t.raw (id UInt64, b String) ENGINE = MergeTree ORDER BY id");
  const rows = "SELECT number AS id, unhex(hex(char(number % 256, 0, 10, 59, 39))) AS b FROM numbers(50000)";
  const { body } = await sql(`${rows} FORMAT Native`);
  const withHead = Buffer.concat([Buffer.from("INSERT INTO t.raw (b, id) FORMAT Native\n"), body]);
  const started = performance.now();
  expect((await send({ body: withHead })).status).toBe(200);
  console.info(`insert of 50,000 rows, ${body.length} bytes: ${Math.round(performance.now() - started)} ms`);
  const hash = "SELECT count(), sum(sipHash64(id, b)) FROM";
  expect((await sql(`${hash} t.raw`)).text).toBe((await sql(`${hash} (${rows})`)).text);
});

test("data cut short inserts nothing and is a 400", async () => {
  await sql("CREATE TABLE t.cut (id UInt64) ENGINE = MergeTree ORDER BY id");
  const { body } = await sql("SELECT number AS id FROM numbers(1000) FORMAT Native");
  const reply = await send({
    parameters: { query: "INSERT INTO t.cut FORMAT Native" },
    body: body.subarray(0, body.length - 3),
  });
  expect(reply.status).toBe(400);
  expect(reply.headers["x-clickhouse-exception-code"]).toBe("33");
  expect((await sql("SELECT count() FROM t.cut")).text).toBe("0\n");
});

test("inline VALUES with expressions, comments and a semicolon at the end work", async () => {
  await sql("CREATE TABLE t.inline (id UInt64, b String) ENGINE = MergeTree ORDER BY id");
  await sql("-- why\nINSERT INTO t.inline VALUES (1, 'a;b'), (1 + 1, upper('c'));");
  await sql("/* x */ INSERT INTO t.inline SELECT 3, 'd'");
  await sql('INSERT INTO t.inline FORMAT JSONEachRow {"id":4,"b":"e"}');
  expect((await sql("SELECT * FROM t.inline ORDER BY id")).text).toBe("1\ta;b\n2\tC\n3\td\n4\te\n");
});

test("a deduplication token set for one insert is gone for the next", async () => {
  await sql(
    "CREATE TABLE t.dedup (id UInt64) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000",
  );
  const insert = (id: number, settings: Record<string, string> = {}): Promise<Reply> =>
    send({ parameters: { query: "INSERT INTO t.dedup FORMAT JSONEachRow", ...settings }, body: `{"id":${id}}` });
  await insert(1, { insert_deduplication_token: "once" });
  await insert(2, { insert_deduplication_token: "once" });
  for (let id = 3; id < 33; id += 1) await insert(id);
  expect((await sql("SELECT count(), sum(id = 2) FROM t.dedup")).text).toBe("31\t0\n");
});

test("settings, USE, SET and temporary tables end with their request", async () => {
  await sql("SELECT 1", { max_block_size: "77", database: "t" });
  await sql("SET max_block_size = 78");
  await sql("USE t");
  await sql("CREATE TEMPORARY TABLE passing (a UInt8)");
  const state = "SELECT getSetting('max_block_size') IN (77, 78), currentDatabase()";
  const replies = await Promise.all(Array.from({ length: 12 }, () => sql(state)));
  for (const reply of replies) expect(reply.text).toBe("0\tdefault\n");
  expect((await send({ body: "SELECT * FROM passing" })).status).toBe(404);
  expect((await sql("SELECT getSetting('max_block_size')", { max_block_size: "77" })).text).toBe("77\n");
});

test("parameters are values, whatever is in them, and don't mix between queries that run side by side", async () => {
  const hostile = ["' OR 1=1 --", "\\", "a\\'b", "é ’ “", "; DROP DATABASE t; --", "{x:String}", "$$", "`"];
  const replies = await Promise.all(
    hostile.map((value) =>
      sql("SELECT {x:String} AS x, sleep(0.05) FORMAT JSONEachRow", { param_x: value.replaceAll("\\", "\\\\") }),
    ),
  );
  expect(replies.map(({ text }) => (JSON.parse(text) as { x: string }).x)).toEqual(hostile);
  expect((await sql("SELECT {a:Array(UInt8)}[2]", { param_a: "[1,2]" })).text).toBe("2\n");
});

test("a setting's name or value can't carry a second statement", async () => {
  const bad = await send({ parameters: { "max_threads = 1; DROP DATABASE t; --": "1" }, body: "SELECT 1" });
  expect([bad.status, bad.headers["x-clickhouse-exception-code"]]).toEqual([404, "115"]);
  const value = await send({
    parameters: { log_comment: "x'; DROP DATABASE t; --\\" },
    body: "SELECT getSetting('log_comment') FORMAT TSVRaw",
  });
  expect(value.text).toBe("x'; DROP DATABASE t; --\\\n");
  const two = await send({ body: "SELECT 1; DROP DATABASE t" });
  expect([two.status, two.headers["x-clickhouse-exception-code"]]).toEqual([400, "62"]);
  expect(
    (await send({ body: "SELECT 1", parameters: { database: "x`; DROP DATABASE t" } })).headers[
      "x-clickhouse-exception-code"
    ],
  ).toBe("81");
  expect((await sql("SELECT count() FROM system.databases WHERE name = 't'")).text).toBe("1\n");
});

test("HTTP-only parameters are not settings, and what is not served is refused by name", async () => {
  const quiet = {
    client_protocol_version: "54460",
    wait_end_of_query: "1",
    buffer_size: "1",
    decompress: "0",
    query_id: "q-1",
  };
  expect((await sql("SELECT 1", quiet)).headers["x-clickhouse-query-id"]).toBe("q-1");
  expect((await send({ body: "SELECT 1", parameters: { nosuch: "1" } })).headers["x-clickhouse-exception-code"]).toBe(
    "115",
  );
});

test("a wrong password, an unknown user and no password are code 516", async () => {
  for (const parameters of [{ user: "owner", password: "no" }, { user: "nobody" }, { user: "owner" }]) {
    const reply = await send({ body: "SELECT 1", parameters });
    expect([reply.status, reply.headers["x-clickhouse-exception-code"]]).toEqual([403, "516"]);
  }
  const basic = `Basic ${Buffer.from("owner:s3cret").toString("base64")}`;
  expect((await send({ body: "SELECT 1", headers: { authorization: basic } })).text).toBe("1\n");
  expect(
    (await send({ body: "SELECT 1", headers: { "X-ClickHouse-User": "owner", "X-ClickHouse-Key": "s3cret" } })).text,
  ).toBe("1\n");
});

test("a read-only user reads, changes settings, and can neither write nor lift the limit", async () => {
  await sql("CREATE TABLE t.held (id UInt64) ENGINE = MergeTree ORDER BY id");
  for (const statement of [
    "SELECT 1",
    "WITH 1 AS x SELECT x SETTINGS max_threads = 1",
    "SHOW TABLES FROM t",
    "DESCRIBE t.held",
    "EXPLAIN SELECT 1",
    "EXISTS t.held",
    "(SELECT 1)",
  ]) {
    const reply = await send({ body: statement, parameters: { ...asReader, max_block_size: "77" } });
    expect(reply.status, `${statement}: ${reply.text}`).toBe(200);
  }
  const refused = [
    "INSERT INTO t.held VALUES (1)",
    "INSERT INTO t.held SETTINGS readonly = DEFAULT SELECT 1",
    "WITH 1 AS x INSERT INTO t.held SELECT x",
    "WITH 1 AS x INSERT INTO t.held SELECT x SETTINGS readonly = DEFAULT",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS `readonly` = /**/DEFAULT",
    "SET readonly = DEFAULT",
    "SET readonly = 0",
    "DROP TABLE t.held",
    "ALTER TABLE t.held DELETE WHERE 1",
    "CREATE TEMPORARY TABLE x (a UInt8)",
    "SYSTEM STOP MERGES",
    "KILL QUERY WHERE 1",
    "OPTIMIZE TABLE t.held",
    "TRUNCATE TABLE t.held",
    "EXPLAIN SELECT 1 INTO OUTFILE '/tmp/x'",
  ];
  for (const statement of refused) {
    for (const extra of [{}, { readonly: "0" }]) {
      const reply = await send({ body: statement, parameters: { ...asReader, ...extra } });
      expect(reply.status, statement).toBeGreaterThanOrEqual(400);
    }
  }
  const inserted = await send({
    parameters: { ...asReader, query: "INSERT INTO t.held FORMAT JSONEachRow" },
    body: '{"id":1}',
  });
  expect(inserted.headers["x-clickhouse-exception-code"]).toBe("164");
  expect((await sql("SELECT count() FROM t.held")).text).toBe("0\n");
  const byGet = await send({ method: "GET", parameters: { query: "INSERT INTO t.held SELECT 1" } });
  expect(byGet.headers["x-clickhouse-exception-code"]).toBe("164");
});

test("a reader ends nobody's query, the admin anybody's", async () => {
  const heavy = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
  const start = (user: Readonly<Record<string, string>>, query_id: string): Promise<Reply> =>
    send({ body: heavy, parameters: { ...user, query_id } });
  const queries = [start({}, "of-admin"), start(asReader, "of-reader")];
  const kept = "KILL QUERY WHERE query LIKE 'SELECT count() FROM numbers(1000000000000)%' TEST";
  const running = async (): Promise<number> => (await sql(kept)).text.split("\n").length - 1;
  while ((await running()) < queries.length);
  for (const condition of ["query_id = 'of-admin'", "query_id IN ('of-reader')", "user != ''", "1"]) {
    for (const ending of ["", " SYNC", " TEST"]) {
      const refused = await send({ body: `KILL QUERY WHERE ${condition}${ending}`, parameters: asReader });
      expect(refused.headers["x-clickhouse-exception-code"], `${condition}${ending}`).toBe("164");
    }
  }
  expect(await running()).toBe(queries.length);
  for (const [index, id] of ["of-reader", "of-admin"].entries()) {
    await sql(`KILL QUERY WHERE query_id = '${id}' SYNC`);
    expect(await running()).toBe(1 - index);
  }
  const codes = (await Promise.all(queries)).map(({ headers }) => headers["x-clickhouse-exception-code"]);
  expect(codes).toEqual(["394", "394"]);
});

test("errors have ClickHouse's code, text and status", async () => {
  const reply = await send({ body: "SELECT * FROM nope" });
  expect(reply.status).toBe(404);
  expect(reply.headers["x-clickhouse-exception-code"]).toBe("60");
  expect(reply.text).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\)\n$/s);
  expect((await send({ body: "SELEC 1" })).status).toBe(400);
  expect((await send({ body: "" })).status).toBe(400);
});

test("gzip is taken in, and given where it is asked for", async () => {
  await sql("CREATE TABLE t.zipped (id UInt64) ENGINE = MergeTree ORDER BY id");
  const body = gzipSync('{"id":1}\n{"id":2}\n');
  const insert = { query: "INSERT INTO t.zipped FORMAT JSONEachRow" };
  expect((await send({ parameters: insert, body, headers: { "Content-Encoding": "gzip" } })).status).toBe(200);
  const select = { body: "SELECT id FROM t.zipped ORDER BY id", headers: { "Accept-Encoding": "gzip" } };
  const zipped = await send({ ...select, parameters: { enable_http_compression: "1" } });
  expect(zipped.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(zipped.body).toString()).toBe("1\n2\n");
  expect((await send(select)).text).toBe("1\n2\n");
  const damaged = await send({
    parameters: insert,
    body: body.subarray(0, 12),
    headers: { "Content-Encoding": "gzip" },
  });
  expect(damaged.status).toBe(400);
  expect((await send({ parameters: insert, body, headers: { "Content-Encoding": "rot13" } })).status).toBe(501);
});

test("a body beyond the bound, packed or not, is a 413 and leaves nothing", async () => {
  const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024, 10));
  const reply = await send({
    parameters: { query: "INSERT INTO t.zipped FORMAT JSONEachRow" },
    body: bomb,
    headers: { "Content-Encoding": "gzip" },
  });
  expect([reply.status, reply.headers["x-clickhouse-exception-code"]]).toEqual([413, "54"]);
  const plain = await send({
    parameters: { query: "INSERT INTO t.zipped FORMAT JSONEachRow" },
    body: Buffer.alloc(70 * 1024 * 1024, 10),
  });
  expect(plain.headers["x-clickhouse-exception-code"]).toBe("54");
  const stranger = await send({ parameters: { user: "nobody" }, body: Buffer.alloc(20 * 1024 * 1024, 10) });
  expect(stranger.headers["x-clickhouse-exception-code"]).toBe("516");
  const statement = await send({ body: `SELECT '${"x".repeat(17 * 1024 * 1024)}'` });
  expect(statement.headers["x-clickhouse-exception-code"]).toBe("54");
  expect((await sql("SELECT count() FROM t.zipped")).text).toBe("2\n");
});

test("inserts go on beside a heavy query, and a client that goes away takes its query along", async () => {
  await sql("CREATE TABLE t.beside (id UInt64) ENGINE = MergeTree ORDER BY id");
  const away = new AbortController();
  const heavy = fetch(url, {
    method: "POST",
    body: "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
    signal: away.signal,
  });
  const ended = heavy.then(
    () => "answered",
    () => "aborted",
  );
  const isRunning =
    "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000)%' AND query NOT LIKE '%processes%'";
  while ((await sql(isRunning)).text !== "1\n");
  const times: number[] = [];
  for (let id = 0; id < 20; id += 1) {
    const started = performance.now();
    await send({ parameters: { query: "INSERT INTO t.beside FORMAT JSONEachRow" }, body: `{"id":${id}}` });
    times.push(performance.now() - started);
  }
  console.info(`one-row insert beside a heavy query, median: ${times.toSorted((a, b) => a - b)[10]?.toFixed(1)} ms`);
  expect((await sql("SELECT count() FROM t.beside")).text).toBe("20\n");
  away.abort();
  expect(await ended).toBe("aborted");
  while ((await sql(isRunning)).text !== "0\n");
});
