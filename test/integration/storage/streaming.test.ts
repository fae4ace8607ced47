/**
 * Goal: an answer is sent while its query runs, whatever its format and size, and costs no memory for its length; an error
 * in its midst can't be taken for an end; nobody who does not read, or leaves, keeps a query. Method: the real engine in its
 * own process; plain HTTP for bytes, @clickhouse/client for what a client makes of them.
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unpackFrames } from "../../../src/storage/embedded/compressed-frames.ts";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply, type Send } from "./plain-http.ts";

const STALL_MS = 3_000;

let directory = "";
let url = "";
let engine: EmbeddedEngine;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-streaming-"));
  engine = new EmbeddedEngine({ dataDir: directory, stallMsMax: STALL_MS });
  ({ url } = await engine.start());
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

const send = (options: Send): Promise<Reply> => sendTo(url, options);

/** The answer's head, its body not yet read. */
async function begin(body: string, parameters: Readonly<Record<string, string>> = {}): Promise<IncomingMessage> {
  const request = httpRequest(new URL(`/?${new URLSearchParams(parameters).toString()}`, url), { method: "POST" });
  request.on("error", () => undefined); // of an answer that is destroyed
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

/** Queries that run and have `text` in them. */
async function running(text: string): Promise<number> {
  const { text: answer } = await send({
    body: `SELECT count() FROM system.processes WHERE position(query, '${text}') > 0 AND position(query, 'system.processes') = 0`,
  });
  return Number(answer);
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}

const WIDE = "SELECT number, repeat('x', 1000) AS text FROM numbers";
const LATE_ERROR = "SELECT number, throwIf(number = 450000, 'too late') AS fine FROM numbers(500000)";

test("rows arrive while the query still runs", async () => {
  // A megabyte each: as in ClickHouse, what is shorter waits for company.
  const query = "SELECT sleepEachRow(0.1), 'early bird', repeat('x', 1000000) FROM numbers(100)";
  const response = await begin(query, { buffer_size: "0", max_block_size: "1" });
  await once(response, "data");
  expect(await running("early bird")).toBe(1);
  response.destroy();
  await waitUntil(async () => (await running("early bird")) === 0);
});

test("an answer of a gigabyte is counted byte for byte and takes no gigabyte of memory", async () => {
  const before = (await engine.stats())?.rssBytes ?? 0;
  const response = await begin(`${WIDE}(1000000) FORMAT RowBinary`);
  let length = 0;
  let rssMax = 0;
  let chunks = 0;
  for await (const chunk of response) {
    length += (chunk as Buffer).length;
    chunks += 1;
    if (chunks % 1000 === 0) rssMax = Math.max(rssMax, (await engine.stats())?.rssBytes ?? 0);
  }
  console.info(`${length} bytes, engine from ${before >> 20} to ${rssMax >> 20} MiB`);
  expect(length).toBe(1_000_000 * (8 + 2 + 1000));
  expect(rssMax).toBeGreaterThan(0);
  expect(rssMax - before).toBeLessThan(length / 2);
});

test("a streamed answer is one document, in formats that have a head and an end", async () => {
  const json = await send({ body: `${WIDE}(5000) FORMAT JSON` });
  expect(json.headers["transfer-encoding"]).toBe("chunked");
  expect(json.headers["x-clickhouse-format"]).toBe("JSON");
  expect((JSON.parse(json.text) as { rows: number }).rows).toBe(5000);
  const csv = await send({ body: `${WIDE}(5000)`, parameters: { default_format: "CSVWithNames" } });
  expect(csv.text.split("\n")).toHaveLength(5002);
  expect(csv.text.split('"number"')).toHaveLength(2);
  const native = await send({ body: `${WIDE}(5000) FORMAT Native SETTINGS max_block_size = 1000` });
  await send({ body: "CREATE TABLE copy (number UInt64, text String) ENGINE = Memory" });
  const inserted = await send({ parameters: { query: "INSERT INTO copy FORMAT Native" }, body: native.body });
  expect(inserted.text).toBe("");
  expect((await send({ body: "SELECT count(), sum(number) FROM copy" })).text).toBe("5000\t12497500\n");
});

test("gzip and ClickHouse's own frames are streamed as well, and unpack to the plain answer", async () => {
  const body = `${WIDE}(4000)`;
  const plain = await send({ body });
  const gzip = await send({
    body,
    parameters: { enable_http_compression: "1" },
    headers: { "accept-encoding": "gzip" },
  });
  expect(gzip.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  const packed = await send({ body, parameters: { compress: "1" } });
  const frames: Buffer[] = [];
  for await (const frame of unpackFrames(chunksOf(packed.body))) frames.push(frame);
  expect(Buffer.concat(frames).equals(plain.body)).toBe(true);
});

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

test("an error in the midst is written with the tag that the head told, and the answer has no end", async () => {
  const response = await begin(LATE_ERROR);
  expect(response.statusCode).toBe(200);
  const tag = String(response.headers["x-clickhouse-exception-tag"]);
  let tail = "";
  const reading = (async () => {
    for await (const chunk of response) tail = (tail + (chunk as Buffer).toString("latin1")).slice(-2000);
  })();
  await expect(reading).rejects.toThrow("aborted");
  const block =
    /\r\n__exception__\r\n(\w+)\r\n(Code: 395\. DB::Exception: too late[^]*\n)(\d+) (\w+)\r\n__exception__\r\n$/;
  const [, first, text = "", length, second] = block.exec(tail) ?? [];
  expect(first).toBe(tag);
  expect(second).toBe(tag);
  expect(Number(length)).toBe(Buffer.byteLength(text));
});

test("within ClickHouse's own frames an error in the midst can be read before and after unpacking", async () => {
  const response = await begin(LATE_ERROR, { compress: "1" });
  const chunks: Buffer[] = [];
  await expect(
    (async () => {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    })(),
  ).rejects.toThrow("aborted");
  const bytes = Buffer.concat(chunks);
  const tag = String(response.headers["x-clickhouse-exception-tag"]);
  const marker = `\r\n__exception__\r\n${tag}\r\nCode: 395. DB::Exception: too late`;
  expect(bytes.includes(marker)).toBe(true);
  let last = Buffer.alloc(0);
  for await (const frame of unpackFrames(chunksOf(bytes))) last = Buffer.from(frame);
  expect(last.toString()).toContain(marker);
});

test.each([true, false])(
  "@clickhouse/client throws the error in the midst, response compression %s",
  async (response) => {
    const client = createClient({ url, compression: { response }, log: { level: ClickHouseLogLevel.OFF } });
    try {
      const result = await client.query({ query: LATE_ERROR, format: "JSONEachRow" });
      let rows = 0;
      const reading = (async () => {
        for await (const chunk of result.stream<unknown>()) rows += chunk.length;
      })();
      await expect(reading).rejects.toMatchObject({ code: "395" });
      expect(rows).toBeGreaterThan(0);
    } finally {
      await client.close();
    }
  },
);

test("with wait_end_of_query the error has its status, and a long answer is whole", async () => {
  const failed = await send({ body: LATE_ERROR, parameters: { wait_end_of_query: "1" } });
  expect(failed.status).toBe(500);
  expect(failed.headers["x-clickhouse-exception-code"]).toBe("395");
  const whole = await send({ body: `${WIDE}(5000)`, parameters: { wait_end_of_query: "1" } });
  expect(whole.text.split("\n")).toHaveLength(5001);
});

test("a client that never reads its answer is cut off, and its query and place are free again", async () => {
  const address = new URL(url);
  const sockets: Socket[] = [];
  for (let index = 0; index < 6; index += 1) {
    const socket = connect(Number(address.port), address.hostname).pause();
    socket.on("error", () => undefined);
    const query = `${WIDE}(100000000) WHERE 'never read' != ''`;
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${query.length}\r\n\r\n${query}`);
    sockets.push(socket);
  }
  // Beside them the engine's own channel answers; the place of one of them is had by waiting.
  expect((await send({ body: "SELECT 'after the stall'" })).text).toBe("after the stall\n");
  await waitUntil(async () => (await running("never read")) === 0);
  expect(await engine.stats()).toMatchObject({ readsRunning: 0, readsWaiting: 0 });
  for (const socket of sockets) socket.destroy();
});

test("a client that leaves in the middle of an answer takes its query along", async () => {
  const response = await begin(`${WIDE}(100000000) WHERE 'left alone' != ''`);
  await once(response, "data");
  response.destroy();
  await waitUntil(async () => (await running("left alone")) === 0);
  expect((await send({ body: "SELECT 1" })).text).toBe("1\n");
});
