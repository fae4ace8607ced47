/** Goal: the storage client, and `@clickhouse/client` as other programs use it, on the real engine. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createStorage, type Storage } from "../../../src/storage/client.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let storage: Storage;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-client-"));
  engine = new EmbeddedEngine({ dataDir: directory });
  ({ url } = await engine.start());
  storage = createStorage({ url });
});

afterAll(async () => {
  await storage.close();
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

async function nativeBytes(query: string): Promise<Uint8Array> {
  const response = await fetch(url, { method: "POST", body: `${query} FORMAT Native` });
  return new Uint8Array(await response.arrayBuffer());
}

test("64-bit integers and decimals come back as strings, exactly", async () => {
  const rows = await storage.query(
    "SELECT {n:Int64} AS n, toDecimal128('123456789012.123456789', 9) AS d, toUInt32(7) AS small",
    {
      n: "9223372036854775807",
    },
  );
  expect(rows).toEqual([{ n: "9223372036854775807", d: "123456789012.123456789", small: 7 }]);
});

test("parameters of every kind reach the query as they are", async () => {
  const params = { s: "it's \\ \t\n; -- é", list: ["a'b", "c"], n: 5, none: null };
  const rows = await storage.query(
    "SELECT {s:String} AS s, {list:Array(String)} AS list, {n:UInt8} AS n, {none:Nullable(String)} AS none",
    params,
  );
  expect(rows).toEqual([params]);
});

test("a Native block is inserted once per token, however often it is sent", async () => {
  await storage.command(
    "CREATE TABLE blocks (id UInt64, name String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 1000",
  );
  const bytes = await nativeBytes("SELECT number AS id, toString(number) AS name FROM numbers(50000)");
  const started = performance.now();
  await storage.insertNative({ table: "blocks", token: "a", bytes });
  console.info(`50,000 rows, ${bytes.length} bytes: ${Math.round(performance.now() - started)} ms`);
  await storage.insertNative({ table: "blocks", token: "a", bytes });
  await storage.insertNative({ table: "default.blocks", columns: ["name", "id"], token: "b", bytes });
  expect(await storage.query("SELECT count() AS n, sum(id) = 2 * 1249975000 AS ok FROM blocks")).toEqual([
    { n: "100000", ok: 1 },
  ]);
});

test("errors say what to do: permanent for what is wrong, retryable for what passes, aborted for the caller", async () => {
  await expect(storage.query("SELECT * FROM nope")).rejects.toMatchObject({
    kind: "permanent",
    code: 60,
    type: "UNKNOWN_TABLE",
  });
  await expect(
    storage.insertNative({ table: "blocks; DROP", token: "x", bytes: new Uint8Array() }),
  ).rejects.toMatchObject({
    kind: "permanent",
    type: "BAD_IDENTIFIER",
  });
  const heavy = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1";
  await expect(storage.query(heavy, {}, { limits: { secondsMax: 1 } })).rejects.toMatchObject({
    kind: "retryable",
    code: 159,
  });
  const signal = AbortSignal.timeout(50);
  await expect(storage.query(heavy, {}, { signal })).rejects.toMatchObject({ kind: "aborted" });
  const memory = storage.query(
    "SELECT groupArray(number) FROM numbers(10000000)",
    {},
    { settings: { max_memory_usage: 1_000_000 } },
  );
  await expect(memory).rejects.toMatchObject({ kind: "retryable", code: 241 });
  const nobody = createStorage({ url: "http://127.0.0.1:1" });
  await expect(nobody.ping()).rejects.toMatchObject({ kind: "retryable", type: "ECONNREFUSED" });
  await nobody.close();
  const stranger = createStorage({ url, username: "nobody" });
  await expect(stranger.query("SELECT 1")).rejects.toMatchObject({ kind: "permanent", code: 516 });
  await stranger.close();
});

test("limits bound what is read and refuse writes", async () => {
  const limits = { rowsMax: 10, secondsMax: 5 };
  await expect(storage.query("SELECT number FROM numbers(11)", {}, { limits })).rejects.toMatchObject({ code: 396 });
  expect(await storage.query("SELECT number FROM numbers(10)", {}, { limits })).toHaveLength(10);
  await expect(storage.query("INSERT INTO blocks VALUES (1, '')", {}, { limits })).rejects.toMatchObject({
    kind: "permanent",
  });
});

test.each([false, true])("@clickhouse/client works as it is, compression %s", async (compress) => {
  const client = createClient({
    url,
    compression: { request: compress, response: compress },
    log: { level: ClickHouseLogLevel.OFF },
  });
  const table = `plain_${compress ? 1 : 0}`;
  expect(await client.ping()).toEqual({ success: true });
  expect(await client.ping({ select: true })).toMatchObject({ success: true });
  await client.command({
    query: `CREATE TABLE ${table} (id UInt64, tags Map(String, String)) ENGINE = MergeTree ORDER BY id`,
  });
  const values = Array.from({ length: 1000 }, (_, id) => ({ id: String(id), tags: { k: `v${id}` } }));
  const { summary } = await client.insert({
    table,
    values,
    format: "JSONEachRow",
    clickhouse_settings: { async_insert: 0 },
  });
  expect(summary?.written_rows).toBe("1000");
  const result = await client.query({
    query: `SELECT * FROM ${table} WHERE id >= {from:UInt64} ORDER BY id LIMIT 2`,
    query_params: { from: 7 },
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
  });
  expect(await result.json()).toEqual(values.slice(7, 9));
  await expect(client.query({ query: "SELECT * FROM nope" })).rejects.toMatchObject({
    code: "60",
    type: "UNKNOWN_TABLE",
  });
  await client.close();
});
