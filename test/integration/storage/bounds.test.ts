/**
 * Goal: what nobody should send costs the engine nothing; what is allowed in size passes. Method: the real engine, plain HTTP.
 */
import { connect } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { gzipSync } from "node:zlib";
import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply, type Send } from "./plain-http.ts";

let directory = "";
let url = "";
let engine: EmbeddedEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-bounds-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    bodyBytesMax: 16 * 1024 * 1024,
    memoryMaxBytes: 1_500_000_000,
    users: [{ name: "default" }, { name: "reader", isReadOnly: true }],
  });
  ({ url } = await engine.start());
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const send = (options: Send): Promise<Reply> => sendTo(url, options);

test("a long URL passes, one beyond a mebibyte is refused", async () => {
  const long = "x".repeat(500_000);
  const reply = await send({ body: "SELECT length({text:String})", parameters: { param_text: long } });
  expect(reply.text).toBe("500000\n");
  const beyond = await send({ body: "SELECT 1", parameters: { param_text: long.repeat(3) } }).catch(() => undefined);
  expect(beyond?.status ?? 431).toBe(431);
  expect((await send({ body: "SELECT 1" })).text).toBe("1\n");
});

test("a bomb is unpacked no further than the bound, and leaves nothing", async () => {
  await send({ body: "CREATE TABLE bombed (text String) ENGINE = Memory" });
  const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024, 0x20));
  const before = (await engine.stats())?.rssBytes ?? 0;
  const reply = await send({
    parameters: { query: "INSERT INTO bombed FORMAT TSV" },
    headers: { "content-encoding": "gzip" },
    body: bomb,
  });
  expect(reply.status).toBe(413);
  expect(((await engine.stats())?.rssBytes ?? Infinity) - before).toBeLessThan(128 * 1024 * 1024);
  expect((await send({ body: "SELECT count() FROM bombed" })).text).toBe("0\n");
});

test.each([
  ["more memory than a query may have", "SELECT groupArray(repeat('x', 1000)) FROM numbers(10000000)", "241"],
  [
    "more time than it asked for",
    "SELECT sum(cityHash64(number)) FROM numbers(100000000000) SETTINGS max_execution_time = 1",
    "159",
  ],
  ["more rows than it asked for", "SELECT number FROM numbers(1000000) SETTINGS max_result_rows = 10", "396"],
  [
    "more to read than it asked for",
    "SELECT sum(number) FROM numbers(1000000000) SETTINGS max_rows_to_read = 10",
    "158",
  ],
])("a query that takes %s fails alone", async (_, body, code) => {
  const { pid } = engine;
  const reply = await send({ body, parameters: { user: "reader", wait_end_of_query: "1" } });
  expect(reply.headers["x-clickhouse-exception-code"], reply.text.slice(0, 300)).toBe(code);
  expect(engine.pid).toBe(pid);
  expect((await send({ body: "SELECT 1" })).text).toBe("1\n");
});

test("queries that together would take more memory than there is fail, and the engine lives", async () => {
  const { pid } = engine;
  const body = "SELECT length(groupArray(repeat('x', 1000))) FROM numbers(10000000) SETTINGS max_memory_usage = 0";
  const replies = await Promise.all(Array.from({ length: 4 }, () => send({ body })));
  expect(replies.map(({ headers }) => headers["x-clickhouse-exception-code"])).toEqual(Array(4).fill("241"));
  expect(engine.pid).toBe(pid);
  expect(engine.crashes).toBe(0);
  const stats = await engine.stats();
  expect(stats?.memoryMaxBytes).toBe(1_500_000_000);
  expect(stats?.memoryTrackedBytes).toBeLessThan(1_500_000_000);
});

test("caches leave most of the memory to queries", async () => {
  const body =
    "SELECT sum(toUInt64(value)) FROM system.server_settings WHERE name LIKE '%\\_cache\\_size' AND name NOT LIKE '%mmap%' " +
    "AND name NOT LIKE 's3%' AND name NOT LIKE '%metadata\\_files%'";
  const { text } = await send({ body });
  expect(Number(text)).toBeGreaterThan(0);
  expect(Number(text)).toBeLessThan(1_500_000_000 * 0.6);
});

test("OPTIONS is told what there is, other methods are no methods here, and a role is not there", async () => {
  const options = await send({ method: "OPTIONS" });
  expect([options.status, options.headers.allow]).toEqual([204, "GET, HEAD, POST, PUT"]);
  expect((await send({ method: "DELETE" })).status).toBe(501);
  const role = await send({ body: "SELECT 1", parameters: { role: "auditor" } });
  expect([role.status, role.headers["x-clickhouse-exception-code"]]).toEqual([404, "511"]);
});

test("bytes that are no HTTP close one connection", async () => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end("\0\0\0\0 not http\r\n\r\n");
  socket.resume();
  await once(socket, "close");
  expect((await send({ body: "SELECT 1" })).text).toBe("1\n");
});

test("inserts go on beside heavy queries that take all places for reads", async () => {
  const client = createClient({ url });
  await client.command({ query: "CREATE TABLE busy (id UInt64) ENGINE = MergeTree ORDER BY id" });
  const insertMs = async (): Promise<number> => {
    const started = performance.now();
    await client.insert({ table: "busy", values: [{ id: 1 }], format: "JSONEachRow" });
    return performance.now() - started;
  };
  const p99 = (times: readonly number[]): number =>
    times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
  const idle: number[] = [];
  for (let count = 0; count < 50; count += 1) idle.push(await insertMs());

  let isHeavy = true;
  const heavy = Promise.all(
    Array.from({ length: 6 }, () =>
      send({ body: "SELECT sum(cityHash64(number)) FROM numbers(100000000000) SETTINGS max_execution_time = 4" }),
    ),
  ).finally(() => {
    isHeavy = false;
  });
  const busy: number[] = [];
  while (isHeavy) busy.push(await insertMs());
  const replies = await heavy;
  await client.close();
  console.info(
    `insert p99 idle ${p99(idle).toFixed(0)} ms, beside ${replies.length} heavy queries ${p99(busy).toFixed(0)} ms ` +
      `(ratio ${(p99(busy) / p99(idle)).toFixed(1)}, ${busy.length} inserts)`,
  );
  // Each heavy query runs for four seconds; an insert that had waited for one would have taken as long.
  expect(busy.length).toBeGreaterThan(5);
  expect(replies.map(({ headers }) => headers["x-clickhouse-exception-code"])).toEqual(Array(6).fill("159"));
});
