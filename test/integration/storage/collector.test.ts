/**
 * Goal: the OpenTelemetry Collector's clickhouseexporter, and any program that writes as it does, keeps its tables in the
 * embedded engine. Method: what clickhouse-go 2.47.0 sent to this engine, byte for byte, when a program of ours drove it as
 * the exporter does: hello, database, tables with codecs, text and bloom indexes and TTL, the view behind the time look-up,
 * DESCRIBE before each batch, Native blocks in LZ4 frames; as the admin, with a password, over Basic auth. Tables have the
 * exporter's names, columns, keys and indexes.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedEngine } from "../../../src/storage/embedded/engine.ts";
import { sendTo, type Reply } from "./plain-http.ts";

interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const ADMIN = { user: "admin", password: "s3cret" };

let directory = "";
let url = "";
let engine: EmbeddedEngine;
let exchange: readonly Recorded[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "tollgate-collector-"));
  engine = new EmbeddedEngine({
    dataDir: directory,
    users: [
      { name: ADMIN.user, password: ADMIN.password },
      { name: "default", isReadOnly: true },
    ],
  });
  ({ url } = await engine.start());
  const fixture = new URL("fixtures/clickhouse-go-collector.json", import.meta.url);
  exchange = JSON.parse(await readFile(fixture, "utf8")) as readonly Recorded[];
});

afterAll(async () => {
  await engine.stop();
  await rm(directory, { recursive: true, force: true });
});

async function replay({ method, url: target, headers, body }: Recorded): Promise<Reply> {
  const { pathname, searchParams } = new URL(target, url);
  return sendTo(url, {
    method,
    path: pathname,
    parameters: Object.fromEntries(searchParams),
    headers,
    body: Buffer.from(body, "base64"),
  });
}

async function read(sql: string): Promise<readonly unknown[]> {
  const reply = await sendTo(url, { body: sql, parameters: { default_format: "JSONCompactEachRow" } });
  expect(reply.status, reply.text).toBe(200);
  return reply.text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown);
}

test("each recorded request succeeds, and a reader finds every row and what the view made of them", async () => {
  for (const request of exchange) {
    const reply = await replay(request);
    expect(reply.status, `${request.url}: ${reply.text}`).toBe(200);
  }
  const traces = await read(
    "SELECT count(), uniqExact(TraceId), sum(Duration), sum(length(Events.Name)), any(SpanAttributes['text']) FROM otel.otel_traces",
  );
  expect(traces).toEqual([["100", "25", "4950000", "99", "naïve\n'quoted'\t\\"]].map(numbersAsSent));
  expect(await read("SELECT count(), toString(min(Start), 'UTC') FROM otel.otel_traces_trace_id_ts FINAL")).toEqual([
    [25, "2026-11-21 10:00:00"],
  ]);
  expect(await read("SELECT count() FROM otel.otel_logs WHERE LogAttributes['n'] != '' AND Body LIKE '%log%'")).toEqual(
    [[50]],
  );
  // As the exporter's own reader would look one trace up.
  const one = "SELECT SpanId FROM otel.otel_traces WHERE TraceId = leftPad('1', 32, '0') ORDER BY Timestamp LIMIT 1";
  expect(await read(one)).toEqual([["0000000000000004"]]);
});

test("a start of the exporter over existing tables changes nothing", async () => {
  const before = await read("SELECT count() FROM otel.otel_traces");
  for (const request of exchange.filter((each) => !each.url.includes("INSERT"))) {
    expect((await replay(request)).status).toBe(200);
  }
  expect(await read("SELECT count() FROM otel.otel_traces")).toEqual(before);
});

test("as a reader the same requests change nothing and say why", async () => {
  const isWrite = (request: Recorded): boolean =>
    request.url.includes("INSERT") || Buffer.from(request.body, "base64").toString().startsWith("CREATE");
  const anonymous = (request: Recorded): Recorded => ({
    ...request,
    headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== "authorization")),
  });
  for (const request of exchange.filter(isWrite)) {
    const { status, headers } = await replay(anonymous(request));
    expect(status).toBe(403);
    expect(headers["x-clickhouse-exception-code"]).toBe("164");
  }
  for (const request of exchange.filter((each) => !isWrite(each))) {
    expect((await replay(anonymous(request))).status).toBe(200);
  }
});

function numbersAsSent(row: readonly string[]): readonly unknown[] {
  return row.map((value) => (/^\d+$/.test(value) ? Number(value) : value));
}
