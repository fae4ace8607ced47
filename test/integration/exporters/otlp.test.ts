/**
 * Goal: every span reaches the backend, over both protocols and whatever the backend does; what it does not want is
 * counted by reason; and what the specification says a client must do, is done.
 * Method: the real exporter with its queue on disk against a bare OTLP server that is told how to answer.
 */
import { afterEach, describe, expect, it } from "vitest";
import { SUCCESS } from "../../../src/component/outcome.ts";
import { BACKLOG_BLOCKS } from "../../../src/pipeline/spool/linger.ts";
import { factAttributes } from "../../../src/exporters/otlp/fact-attributes.ts";
import { makeBatch, makeSpan } from "../../fixtures/otlp/make-span.ts";
import { plainSpan } from "../../support/plain-span.ts";
import { drained, eventually, startOtlp, stopOtlp } from "./otlp-rig.ts";

afterEach(stopOtlp);

const spans = (first: number, count: number) => Array.from({ length: count }, (_, index) => makeSpan(first + index));
const names = (all: readonly { readonly spanId: string }[]): string[] => all.map((span) => span.spanId).toSorted();

const PROTOCOLS = ["http", "grpc"] as const;
const UNAVAILABLE = { http: 503, grpc: 14 };
const INVALID = { http: 400, grpc: 3 };

describe.each(PROTOCOLS)("over %s", (protocol) => {
  it("sends spans as they are, with headers and compression", async () => {
    const rig = await startOtlp({ protocol, config: { headers: { "X-Api-Key": "k-123" } } });
    const span = makeSpan(1, { attributes: { text: "ü", big: 2n ** 60n, list: ["a", 1.5, null] } });
    expect(await rig.exporter.consume(makeBatch([span]))).toEqual(SUCCESS);
    await drained(rig);
    expect(rig.backend.spans.map(plainSpan)).toEqual([plainSpan(span)]);
    const [request] = rig.backend.requests;
    expect(request?.headers["x-api-key"]).toBe("k-123");
    expect(request?.headers["user-agent"]).toContain("Tollgate/1.2.3");
    expect(request?.headers[protocol === "http" ? "content-encoding" : "grpc-encoding"]).toBe("gzip");
    expect(request?.path).toBe(
      protocol === "http" ? "/v1/traces" : "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    );
    expect(rig.exporter.stats()).toMatchObject({ received: 1, stored: 1, dropped: {}, inFlight: 0 });
  });

  it("adds what the processors found, unless told not to", async () => {
    const facts = { agent: "shop", costStatus: "exact", costNanoUsd: 1_500_000n, decision: "deny" } as const;
    const rig = await startOtlp({ protocol });
    await rig.exporter.consume(makeBatch([makeSpan(1, { attributes: { "tollgate.decision": "allow" }, facts })]));
    await drained(rig);
    expect(Object.fromEntries(rig.backend.spans[0]?.attributes ?? [])).toEqual({
      "tollgate.decision": "allow",
      "tollgate.agent.name": "shop",
      "tollgate.cost.status": "exact",
      "tollgate.cost.usd": "0.001500000",
      "tollgate.cost.nano_usd": 1_500_000n,
    });
    await rig.restart({ add_facts: false });
    await rig.exporter.consume(makeBatch([makeSpan(2, { facts })]));
    await drained(rig);
    expect([...(rig.backend.spans[1]?.attributes.keys() ?? [])]).toEqual([]);
    expect(factAttributes(makeSpan(3))).toEqual([]);
  });

  it("keeps the memory of spans that it reads after it has answered, and of no others", async () => {
    const rig = await startOtlp({ protocol, config: { sending_queue: { on_full: "drop_oldest" } } });
    rig.backend.otherwise = "hang";
    let kept = 0;
    const consume = async (index: number): Promise<void> => {
      const keep = (): void => void (kept += 1);
      expect(await rig.exporter.consume({ ...makeBatch([makeSpan(index)]), keep })).toEqual(SUCCESS);
    };
    for (let index = 1; index <= BACKLOG_BLOCKS; index += 1) await consume(index);
    expect(kept).toBe(0);
    await consume(BACKLOG_BLOCKS + 1);
    expect(kept).toBe(1);
  });

  it("keeps requests within their bounds, and sends a span that is too large alone", async () => {
    const bounds = { send_batch_max_size: 10, max_request_bytes: 2_000 };
    const rig = await startOtlp({ protocol, config: { batch: bounds, compression: "none" } });
    const large = makeSpan(1_000, { attributes: { large: "x".repeat(5_000) } });
    await rig.exporter.consume(makeBatch([...spans(1, 60), large, ...spans(101, 7)]));
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(68);
    const { requests } = rig.backend;
    expect(Math.max(...requests.map(({ spans: sent }) => sent.length))).toBe(10);
    const together = requests.filter(({ spans: sent }) => sent.length > 1);
    expect(Math.max(...together.map(({ bytes }) => bytes))).toBeLessThan(2_100);
    expect(requests.filter(({ bytes }) => bytes > 5_000).map(({ spans: sent }) => sent.length)).toEqual([1]);
  });

  it("holds everything while the backend is away, and sends it once it is back", async () => {
    const rig = await startOtlp({ protocol });
    await rig.backend.stop();
    for (let first = 1; first <= 50; first += 10) {
      expect(await rig.exporter.consume(makeBatch(spans(first, 10)))).toEqual(SUCCESS);
    }
    await eventually(() => rig.notices.some(({ event }) => event === "forward_failed"), "a failure");
    expect(rig.exporter.stats()).toMatchObject({ inFlight: 50 });
    await rig.backend.start();
    await drained(rig);
    expect(names(rig.backend.spans)).toEqual(names(spans(1, 50)));
  });

  it("sends what came while it waited for an answer together, so that a distant backend is not left behind", async () => {
    const rig = await startOtlp({ protocol });
    rig.backend.otherwise = UNAVAILABLE;
    for (let index = 1; index <= 40; index += 1) await rig.exporter.consume(makeBatch(spans(index, 1)));
    const before = rig.backend.requests.length;
    rig.backend.otherwise = "ok";
    await drained(rig);
    expect(names(rig.backend.spans)).toEqual(names(spans(1, 40)));
    const after = rig.backend.requests.slice(before).filter((request) => request.spans.length > 1);
    expect(after.map((request) => request.spans.length)).toEqual([39]);
    expect(rig.exporter.stats()).toMatchObject({ received: 40, stored: 40, dropped: {}, inFlight: 0 });
  });

  it("sends what a backend refuses for good once more in the parts that it came in: one of them may be to blame", async () => {
    const rig = await startOtlp({ protocol });
    rig.backend.otherwise = UNAVAILABLE;
    for (const first of [1, 11, 21, 31]) await rig.exporter.consume(makeBatch(spans(first, 2)));
    await eventually(() => rig.backend.requests.length > 0, "a first try");
    rig.backend.otherwise = "ok";
    rig.backend.answers.push("ok", INVALID, "ok", INVALID, { rejected: 1, message: "no" });
    await drained(rig);
    expect(names(rig.backend.spans)).toEqual(names([...spans(1, 2), ...spans(11, 2), ...spans(31, 2)]));
    const dropped = { refused_by_backend: 2, rejected_by_backend: 1 };
    expect(rig.exporter.stats()).toMatchObject({ received: 8, stored: 5, dropped, inFlight: 0 });
    expect(rig.notices.filter(({ event }) => event === "forward_dropped")).toHaveLength(1);
  });

  it("survives connections that break and answers that never come", async () => {
    const rig = await startOtlp({ protocol, config: { timeout_ms: 200 } });
    rig.backend.answers.push("reset", "hang", "reset", UNAVAILABLE);
    await rig.exporter.consume(makeBatch(spans(1, 5)));
    await drained(rig);
    expect(rig.backend.requests).toHaveLength(5);
    expect(names(rig.backend.spans)).toEqual(names(spans(1, 5)));
  });

  it("does not come back before the backend wants it to", async () => {
    const rig = await startOtlp({ protocol });
    rig.backend.answers.push({ http: 429, grpc: 8, retryAfterMs: 1_000 });
    await rig.exporter.consume(makeBatch(spans(1, 2)));
    await drained(rig);
    const [first, second] = rig.backend.requests;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(990);
    expect(rig.backend.spans).toHaveLength(2);
  });

  it("does not send again what the backend refuses for good, and counts it", async () => {
    const rig = await startOtlp({ protocol });
    rig.backend.answers.push(INVALID);
    await rig.exporter.consume(makeBatch(spans(1, 3)));
    await drained(rig);
    await rig.exporter.consume(makeBatch(spans(4, 2)));
    await drained(rig);
    expect(rig.backend.requests).toHaveLength(2);
    expect(rig.exporter.stats()).toMatchObject({ stored: 2, dropped: { refused_by_backend: 3 } });
    expect(rig.notices).toContainEqual(
      expect.objectContaining({
        level: "error",
        event: "forward_dropped",
        fields: expect.objectContaining({
          exporter: "otlp/test",
          items: 3,
          reason: expect.stringContaining("as told"),
        }),
      }),
    );
  });

  it("counts what the backend rejects of a request it takes, and says so once a minute", async () => {
    const rig = await startOtlp({ protocol });
    rig.backend.answers.push({ rejected: 2, message: "span too old" }, { rejected: 1, message: "span too old" });
    await rig.exporter.consume(makeBatch(spans(1, 5)));
    await drained(rig);
    await rig.exporter.consume(makeBatch(spans(6, 5)));
    await drained(rig);
    expect(rig.backend.requests).toHaveLength(2);
    expect(rig.exporter.stats()).toMatchObject({ stored: 7, dropped: { rejected_by_backend: 3 } });
    const told = rig.notices.filter(({ event }) => event === "forward_partly_rejected");
    expect(told.map(({ fields }) => fields["reason"])).toEqual(["2 rejected: span too old"]);
  });

  it("gives up a request after `max_elapsed_time_ms`, when that is set", async () => {
    const rig = await startOtlp({
      protocol,
      config: { retry_on_failure: { initial_interval_ms: 5, max_interval_ms: 10, max_elapsed_time_ms: 60 } },
    });
    rig.backend.otherwise = UNAVAILABLE;
    await rig.exporter.consume(makeBatch(spans(1, 4)));
    await drained(rig);
    expect(rig.exporter.stats()).toMatchObject({ stored: 0, dropped: { expired: 4 } });
  });

  it("sends what an earlier process left, and nothing that was answered", async () => {
    const rig = await startOtlp({ protocol });
    await rig.exporter.consume(makeBatch(spans(1, 4)));
    await drained(rig);
    rig.backend.otherwise = UNAVAILABLE;
    await rig.exporter.consume(makeBatch(spans(5, 6)));
    await eventually(() => rig.backend.requests.length > 2, "a second try");
    rig.backend.otherwise = "ok";
    const before = rig.exporter.stats();
    await rig.restart();
    await drained(rig);
    expect(before.inFlight).toBe(6);
    expect(names(rig.backend.spans)).toEqual(names(spans(1, 10)));
  });

  it("stops at once when the backend does not answer anyway", async () => {
    const rig = await startOtlp({ protocol, config: { drain_timeout_ms: 600_000, timeout_ms: 100 } });
    rig.backend.otherwise = "hang";
    await rig.exporter.consume(makeBatch(spans(1, 1)));
    await eventually(() => rig.notices.some(({ event }) => event === "forward_failed"), "a failure");
    await rig.exporter.stop();
    expect(rig.exporter.stats().inFlight).toBe(1);
  });

  it("takes a span that is sent again once", async () => {
    const rig = await startOtlp({ protocol });
    await rig.exporter.consume(makeBatch(spans(1, 3)));
    await rig.exporter.consume(makeBatch(spans(1, 4)));
    await drained(rig);
    expect(rig.backend.spans).toHaveLength(4);
    expect(rig.exporter.stats()).toMatchObject({ stored: 4, dropped: { duplicate: 3 } });
  });

  it("drops what waited longest when its queue is full, and nobody who sends notices", async () => {
    const rig = await startOtlp({ protocol, config: { sending_queue: { max_bytes: 20_000 }, timeout_ms: 600_000 } });
    rig.backend.otherwise = "hang";
    for (let first = 1; first <= 1_000; first += 50) {
      expect(await rig.exporter.consume(makeBatch(spans(first, 50)))).toEqual(SUCCESS);
    }
    await eventually(() => (rig.exporter.stats().dropped["queue_full"] ?? 0) > 0, "a drop");
    expect(rig.exporter.stats()).toMatchObject({ received: 1_000, refused: 0 });
    expect(rig.exporter.stats().bytes).toBeLessThanOrEqual(20_000);
    expect(rig.notices.filter(({ event }) => event === "spool_dropped_oldest")).toHaveLength(1);
  });

  it("refuses when its queue is full and it may not drop", async () => {
    const rig = await startOtlp({
      protocol,
      config: { sending_queue: { max_bytes: 4_000, on_full: "refuse" }, timeout_ms: 600_000 },
    });
    rig.backend.otherwise = "hang";
    await rig.exporter.consume(makeBatch(spans(1, 20)));
    const outcome = await rig.exporter.consume(makeBatch(spans(101, 50)));
    expect(outcome).toMatchObject({ kind: "retryable", reason: "the spool is full" });
    expect(rig.exporter.stats()).toMatchObject({ refused: 50, dropped: {} });
  });
});

describe("over HTTP alone", () => {
  it.each(["gzip", "zstd", "none"] as const)("speaks JSON, with compression `%s`", async (compression) => {
    const rig = await startOtlp({ protocol: "http", config: { encoding: "json", compression } });
    const span = makeSpan(1, { attributes: { bytes: Uint8Array.from([1, 2]), int: -5n } });
    await rig.exporter.consume(makeBatch([span]));
    await drained(rig);
    expect(rig.backend.requests[0]?.headers["content-type"]).toBe("application/json");
    expect(rig.backend.requests[0]?.headers["content-encoding"]).toBe(compression === "none" ? undefined : compression);
    expect(rig.backend.spans.map(plainSpan)).toEqual([plainSpan(span)]);
  });

  it("sends a block in the encoding it was made in, also when the setting has changed since", async () => {
    const rig = await startOtlp({ protocol: "http", config: { encoding: "json" } });
    rig.backend.otherwise = UNAVAILABLE;
    await rig.exporter.consume(makeBatch(spans(1, 2)));
    await eventually(() => rig.backend.requests.length > 0, "a request");
    await rig.restart({ encoding: "proto" });
    rig.backend.otherwise = "ok";
    await drained(rig);
    expect(rig.backend.requests.at(-1)?.headers["content-type"]).toBe("application/json");
    expect(rig.backend.spans).toHaveLength(2);
  });

  it("keeps its connections", async () => {
    const rig = await startOtlp({ protocol: "http" });
    for (let index = 1; index <= 5; index += 1) {
      await rig.exporter.consume(makeBatch(spans(index, 1)));
      await drained(rig);
    }
    expect(rig.backend.requests).toHaveLength(5);
    expect(rig.backend.connections).toBe(1);
  });

  it("uses `traces_endpoint` as it is, and adds the path to `endpoint`", async () => {
    const rig = await startOtlp({ protocol: "http" });
    await rig.restart({ endpoint: `${rig.backend.endpoint}/otlp/` });
    await rig.exporter.consume(makeBatch(spans(1, 1)));
    await drained(rig);
    await rig.restart({ traces_endpoint: `${rig.backend.endpoint}/intake?x=1` });
    await rig.exporter.consume(makeBatch(spans(2, 1)));
    await drained(rig);
    expect(rig.backend.requests.map(({ path }) => path)).toEqual(["/otlp/v1/traces", "/intake?x=1"]);
  });

  it.each([
    [500, "permanent"],
    [401, "permanent"],
    [301, "permanent"],
    [413, "permanent"],
    [502, "again"],
    [504, "again"],
  ])("takes %i as %s", async (status, meaning) => {
    const rig = await startOtlp({ protocol: "http" });
    rig.backend.answers.push({ http: status, grpc: 2 });
    await rig.exporter.consume(makeBatch(spans(1, 1)));
    await drained(rig);
    expect(rig.backend.requests).toHaveLength(meaning === "again" ? 2 : 1);
    expect(rig.exporter.stats().stored).toBe(meaning === "again" ? 1 : 0);
  });
});

describe("over gRPC alone", () => {
  it.each([
    ["RESOURCE_EXHAUSTED without a time", 8, "permanent"],
    ["PERMISSION_DENIED", 7, "permanent"],
    ["UNIMPLEMENTED", 12, "permanent"],
    ["INTERNAL", 13, "permanent"],
    ["ABORTED", 10, "again"],
    ["DATA_LOSS", 15, "again"],
  ])("takes %s as it should", async (_name, code, meaning) => {
    const rig = await startOtlp({ protocol: "grpc" });
    rig.backend.answers.push({ http: 0, grpc: code });
    await rig.exporter.consume(makeBatch(spans(1, 1)));
    await drained(rig);
    expect(rig.backend.requests).toHaveLength(meaning === "again" ? 2 : 1);
    expect(rig.exporter.stats().stored).toBe(meaning === "again" ? 1 : 0);
  });
});
