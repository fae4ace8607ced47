/**
 * Goal: clients that nobody here wrote work against the embedded engine. Method: the real `@clickhouse/client`, and
 * the requests of clickhouse-go 2.47.0 as it makes them for Grafana's data source and the Collector, byte for byte, over
 * plain HTTP to the real engine. (The Go client itself was run by hand: docs/decisions/0003.)
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packFrames, unpackFrames } from "../../../src/storage/embedded/compressed-frames.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply, type Send } from "./plain-http.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-clients-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    users: [{ name: "default" }, { name: "reader", password: "look", isReadOnly: true }],
  });
  ({ url } = await engine.start());
  client = createClient({
    url,
    compression: { request: true, response: true },
    log: { level: ClickHouseLogLevel.OFF },
  });
});

afterAll(async () => {
  await client.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const send = (options: Send): Promise<Reply> => sendTo(url, options);

async function sql(statement: string, parameters: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const reply = await send({ body: statement, parameters });
  expect(reply.status, reply.text).toBe(200);
  return reply;
}

/** What clickhouse-go puts into the URL of every request. */
const GO = { database: "default", default_format: "Native", client_protocol_version: "54460" };

async function unpacked(bytes: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  async function* source(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  for await (const chunk of unpackFrames(source())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const HEAVY = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
const COUNT_HEAVY =
  "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000)%' AND query NOT LIKE '%processes%'";

describe("clickhouse-go, as Grafana's data source uses it", () => {
  test("connects: the hello at the client's revision, reporting revision 0 and the true version", async () => {
    const version = (await sql("SELECT version()")).text.trim();
    const { body, headers } = await sql("SELECT displayName(), version(), revision(), timezone()", GO);
    expect(headers["x-clickhouse-format"]).toBe("Native");
    expect(body.subarray(0, 10).toString("hex")).toBe("010002ffffffff000401");
    expect(body.toString("latin1")).toContain(`version()\x06String\0${String.fromCharCode(version.length)}${version}`);
    expect(body.toString("latin1")).toContain("revision()\x06UInt32\0\0\0\0\0");
  });

  test("pings: SELECT 1 with a column of that name, in blocks of revision 0", async () => {
    expect((await sql("SELECT 1", GO)).body.toString("hex")).toBe("010101310555496e743801");
  });

  test.each([
    ["SELECT 1 AS a, 'x' AS `b c` WHERE 0", "\x02\x00\x01a\x05UInt8\x03b c\x06String"],
    [
      "SELECT number FROM numbers(3) WHERE number > {x:UInt8} FORMAT Native SETTINGS max_threads = 1 -- end",
      "\x01\x00\x06number\x06UInt64",
    ],
    ["WITH 1 AS x SELECT x WHERE 0;", "\x01\x00\x01x\x05UInt8"],
    ["(SELECT 1 AS u WHERE 0) UNION ALL (SELECT 2 WHERE 0)", "\x01\x00\x01u\x05UInt8"],
    ["SHOW TABLES FROM system LIKE 'nosuch%'", "\x01\x00\x04name\x06String"],
  ])("%j without rows still has its columns", async (statement, block) => {
    const { body } = await sql(statement, { ...GO, param_x: "9" });
    expect(body.toString("latin1")).toBe(block);
  });

  test("a statement that gives no rows by its nature gives no bytes", async () => {
    const { body, headers } = await sql("CREATE TABLE ddl (a UInt8) ENGINE = MergeTree ORDER BY a", GO);
    expect([body.length, headers["content-length"]]).toEqual([0, "0"]);
    expect((await sql("KILL QUERY WHERE query_id = 'none'", GO)).body).toHaveLength(0);
  });

  test("browses the schema, filters ad hoc, and limits rows by setting", async () => {
    for (const statement of [
      "SHOW DATABASES",
      "SHOW TABLES FROM `system`",
      'DESC TABLE "system"."one"',
      "SELECT name, type FROM system.columns WHERE database = 'system' AND table = 'one'",
      "SELECT name FROM system.functions",
      "SELECT version()",
      "EXPLAIN SELECT 1",
    ]) {
      expect((await sql(statement, GO)).body.length, statement).toBeGreaterThan(0);
    }
    const filtered =
      "SELECT count() FROM numbers(10) settings additional_table_filters={'system.numbers' : ' number > 6 '}";
    expect(
      (await sql(`SELECT dummy FROM system.one settings additional_table_filters={'system.one' : ' dummy = 1 '}`)).text,
    ).toBe("");
    expect((await sql(filtered)).status).toBe(200);
    expect((await sql("SELECT number FROM numbers(10)", { limit: "2" })).text).toBe("0\n1\n");
  });

  test("asks for more time than a reader has, and gets what there is", async () => {
    const asReader = { ...GO, user: "reader", password: "look", max_execution_time: "65", max_memory_usage: "0" };
    const settings = "SELECT getSetting('max_execution_time'), getSetting('max_memory_usage')";
    expect((await sql(`${settings} FORMAT TSV`, asReader)).text).toBe("60\t2000000000\n");
  });

  test("an answer has a tag for errors in its midst, without which any data with the marker in it would be one", async () => {
    expect((await sql("SELECT 1", GO)).headers["x-clickhouse-exception-tag"]).toMatch(/^[0-9a-f]{16}$/);
    expect((await sql("SELECT 1")).headers["x-clickhouse-exception-tag"]).toBeUndefined();
  });

  test("errors have their status, code and text", async () => {
    const reply = await send({ body: "SELECT * FROM nope", parameters: GO });
    expect([reply.status, reply.headers["x-clickhouse-exception-code"]]).toEqual([404, "60"]);
    expect(reply.text).toMatch(/^Code: 60\. DB::Exception: .*\(UNKNOWN_TABLE\)/s);
  });
});

describe("ClickHouse's own frames", () => {
  test("answers and errors are packed by compress=1, and unpack to the plain ones", async () => {
    const statement = "SELECT number, toString(number) FROM numbers(300000)";
    const plain = await sql(statement, GO);
    const packed = await sql(statement, { ...GO, compress: "1" });
    expect(packed.body.length).toBeLessThan(plain.body.length);
    expect((await unpacked(packed.body)).equals(plain.body)).toBe(true);
    const both = await send({
      body: statement,
      parameters: { ...GO, compress: "1", enable_http_compression: "1" },
      headers: { "Accept-Encoding": "gzip" },
    });
    expect(both.headers["content-encoding"]).toBe("gzip");
    const error = await send({ body: "SELECT * FROM nope", parameters: { ...GO, compress: "1" } });
    expect((await unpacked(error.body)).toString()).toContain("(UNKNOWN_TABLE)");
  });

  test.each(["lz4", "zstd"])("a batch that clickhouse-go sent by %s arrives", async (method) => {
    await sql(
      `CREATE TABLE go_${method} (id UInt64, name String, tags Map(LowCardinality(String), String)) ENGINE = MergeTree ORDER BY id`,
    );
    const path = `../../unit/storage/embedded/fixtures/clickhouse-go-insert.${method}.bin`;
    const reply = await send({
      parameters: { ...GO, compress: "1", decompress: "1", query: `INSERT INTO go_${method} FORMAT Native` },
      body: await readFile(new URL(path, import.meta.url)),
      headers: { "Content-Type": "application/octet-stream" },
    });
    expect(reply.status, reply.text).toBe(200);
    const seen =
      "count(), sum(id), countIf(name = concat('row ', toString(id % 10))), countIf(tags['k'] = toString(id))";
    expect((await sql(`SELECT ${seen} FROM go_${method}`)).text).toBe("100\t4950\t100\t100\n");
  });

  test("a damaged frame inserts nothing and is a 400", async () => {
    await sql("CREATE TABLE damaged (id UInt64) ENGINE = MergeTree ORDER BY id");
    const { body } = await sql("SELECT number AS id FROM numbers(1000) FORMAT Native", { compress: "1" });
    const query = { decompress: "1", query: "INSERT INTO damaged FORMAT Native" };
    const broken = Buffer.from(body);
    broken[40] = (broken[40] ?? 0) ^ 1;
    const reply = await send({ parameters: query, body: broken });
    expect([reply.status, reply.headers["x-clickhouse-exception-code"]]).toEqual([400, "40"]);
    expect((await sql("SELECT count() FROM damaged")).text).toBe("0\n");
    expect((await send({ parameters: query, body })).status).toBe(200);
    expect((await sql("SELECT count() FROM damaged")).text).toBe("1000\n");
  });

  test("a statement, too, may come packed", async () => {
    const body = await packFrames(Buffer.from("SELECT 40 + 2"));
    expect((await send({ parameters: { decompress: "1" }, body })).text).toBe("42\n");
  });
});

describe("@clickhouse/client", () => {
  test("inserts and selects with compression and streaming", async () => {
    await client.command({ query: "CREATE TABLE streamed (id UInt64, s String) ENGINE = MergeTree ORDER BY id" });
    const values = Array.from({ length: 5_000 }, (_, id) => ({ id, s: `row "${id}" é\n` }));
    await client.insert({ table: "streamed", values, format: "JSONEachRow" });
    const result = await client.query({ query: "SELECT * FROM streamed ORDER BY id", format: "JSONEachRow" });
    let count = 0;
    for await (const rows of result.stream<{ id: string; s: string }>()) {
      for (const row of rows) {
        expect(row.json().s).toBe(values[count]?.s);
        count += 1;
      }
    }
    expect(count).toBe(5_000);
  });

  test("sends long parameters as a form, or all of them where it is told to", async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `it's \\ "${index}" é`);
    const result = await client.query({
      query: "SELECT length({names:Array(String)}) AS count, {names:Array(String)}[8] AS eighth, {n:UInt8} AS n",
      query_params: { names, n: 7 },
      use_multipart_params: true,
      format: "JSONEachRow",
    });
    expect(await result.json()).toEqual([{ count: 2000, eighth: names[7], n: 7 }]);
  });

  test("kills a query by the id that it gave it, when all places are taken", async () => {
    const heavy = Array.from({ length: 6 }, (_, index) =>
      client.query({ query: HEAVY, query_id: `heavy-${index}` }).then(
        () => "answered",
        (error: unknown) => String((error as { readonly code?: string }).code),
      ),
    );
    // All places of reads are taken, so a read could not ask whether they are; inserts still have theirs.
    const test = "KILL QUERY WHERE query LIKE 'SELECT count() FROM numbers(1000000000000)%' TEST";
    while ((await sql(test)).text.split("\n").length < 5);
    await client.command({ query: "CREATE TABLE beside (id UInt64) ENGINE = MergeTree ORDER BY id" });
    await client.insert({ table: "beside", values: [{ id: 1 }], format: "JSONEachRow" });
    const ended = new Set<number>();
    for (const [index, query] of heavy.entries()) void query.then(() => ended.add(index));
    while (ended.size < heavy.length) {
      for (let index = 0; index < heavy.length; index += 1) {
        await client.command({
          query: `KILL QUERY WHERE query_id = {id:String}`,
          query_params: { id: `heavy-${index}` },
        });
      }
    }
    expect(await Promise.all(heavy)).toEqual(heavy.map(() => "394"));
    expect((await sql(COUNT_HEAVY)).text).toBe("0\n");
  });
});

describe("forms", () => {
  test.each(["default", "reader"])("%s may send external tables, which end with the query", async (user) => {
    const form = new FormData();
    form.set("query", "SELECT sum(id), groupUniqArray(w) FROM ids WHERE id > {least:UInt8}");
    form.set("param_least", "1");
    form.set("ids", new File(["1\ta\n2\tb\n3\tb\n"], "ids"));
    const encoded = new Response(form);
    const parameters = { ids_structure: "id UInt64, w String", user, password: "look" };
    const reply = await send({
      parameters,
      body: Buffer.from(await encoded.arrayBuffer()),
      headers: { "Content-Type": encoded.headers.get("content-type") ?? "" },
    });
    expect(reply.text).toBe("5\t['b']\n");
    expect((await send({ body: "SELECT * FROM ids" })).status).toBe(404);
  });

  test("a reader's structure can't do more than describe columns", async () => {
    for (const structure of ["a UInt8) AS SELECT 1 --", "a UInt8') ENGINE = File(CSV) --"]) {
      const form = new FormData();
      form.set("query", "SELECT count() FROM ids");
      form.set("ids", new File(["1\n"], "ids"));
      const encoded = new Response(form);
      const reply = await send({
        parameters: { ids_structure: structure, user: "reader", password: "look" },
        body: Buffer.from(await encoded.arrayBuffer()),
        headers: { "Content-Type": encoded.headers.get("content-type") ?? "" },
      });
      expect(["62", "497"], `${structure}: ${reply.text}`).toContain(reply.headers["x-clickhouse-exception-code"]);
    }
  });
});

test("a reader can't raise its limits from within a statement", async () => {
  const parameters = { user: "reader", password: "look" };
  for (const statement of [
    "SELECT 1 SETTINGS max_memory_usage = 9000000000",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT 1 SETTINGS max_execution_time = 3600",
    "SELECT 1 SETTINGS max_memory_usage = DEFAULT",
    "SELECT 1 SETTINGS profile = 'default', max_memory_usage = 9000000000",
    "SELECT 1 SETTINGS `pro\\x66ile` = 'default', max_memory_usage = 9000000000",
    "EXPLAIN SELECT 1 SETTINGS max_temporary_data_on_disk_size_for_query = 0",
  ]) {
    const reply = await send({ body: statement, parameters });
    expect([400, 403], `${statement}: ${reply.text}`).toContain(reply.status);
  }
  // A subquery may say so, and it has no effect: the limits are those of the whole query.
  const inside = "SELECT number FROM (SELECT number FROM numbers(30000) SETTINGS max_result_bytes = 0)";
  const held = await send({ body: inside, parameters: { ...parameters, max_result_bytes: "1000" } });
  expect(held.headers["x-clickhouse-exception-code"]).toBe("396");
  expect((await sql("SELECT 1 SETTINGS max_memory_usage = 1000000000, max_execution_time = 5", parameters)).text).toBe(
    "1\n",
  );
  expect((await sql("SELECT 1 SETTINGS max_memory_usage = 9000000000")).text).toBe("1\n");
});

test("no query is logged: nothing grows but the data", async () => {
  expect((await sql("SELECT count() FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'")).text).toBe(
    "0\n",
  );
});

test("a GET without a query is answered Ok, as ClickHouse does to health checks", async () => {
  expect((await send({ method: "GET" })).text).toBe("Ok.\n");
});
