/**
 * Goal: the receiver answers as the OTLP specification says, whatever it is sent, and says 200 only for what was taken.
 * Method: real HTTP on a free port against a consumer that records or refuses; the real exporters of the OpenTelemetry SDK.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../src/component/flow.ts";
import type { Notice } from "../../../src/component/notice.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { SpanBatch } from "../../../src/pdata/span.ts";
import { otlpReceiverFactory } from "../../../src/receivers/otlp/factory.ts";
import type { Authenticate } from "../../../src/receivers/otlp/trace-handler.ts";
import { SystemClock } from "../../../src/support/clock.ts";
import { request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/otlp");
const sdkProtobuf = readFileSync(join(FIXTURES, "sdk-3.1.0.bin"));
const sdkJson = readFileSync(join(FIXTURES, "sdk-3.1.0.json"));
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

type Receiver = ReturnType<typeof otlpReceiverFactory.create>;
const running: Receiver[] = [];

afterEach(async () => {
  for (const receiver of running.splice(0)) await receiver.stop();
});

interface Rig {
  readonly receiver: Receiver;
  readonly batches: SpanBatch[];
  readonly notices: Notice[];
}

async function startReceiver(
  options: { config?: object; outcome?: () => Promise<Outcome>; authenticate?: Authenticate; grpc?: object } = {},
): Promise<Rig> {
  const batches: SpanBatch[] = [];
  const notices: Notice[] = [];
  const config = otlpReceiverFactory.config.parse({
    protocols: {
      http: { endpoint: "127.0.0.1:0", ...options.config },
      ...(options.grpc ? { grpc: options.grpc } : {}),
    },
  });
  const receiver = otlpReceiverFactory.create(config, {
    next: {
      consume: async (batch) => {
        batches.push(batch);
        return options.outcome === undefined ? SUCCESS : await options.outcome();
      },
    },
    clock: new SystemClock(),
    notify: (notice) => notices.push(notice),
    ...(options.authenticate === undefined ? {} : { authenticate: options.authenticate }),
  });
  running.push(receiver);
  await receiver.start();
  return { receiver, batches, notices };
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function send(
  rig: Rig,
  options: { body?: Buffer; type?: string; headers?: Record<string, string>; method?: string; path?: string },
): Promise<Reply> {
  const { body = Buffer.alloc(0), type = PROTOBUF, headers = {}, method = "POST", path = "/v1/traces" } = options;
  const request = httpRequest(`${rig.receiver.httpUrl}${path}`, {
    method,
    headers: { "content-type": type, ...headers },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

describe("POST /v1/traces", () => {
  it("takes protobuf and JSON, plain, gzip and deflate, and answers in the request's encoding", async () => {
    const rig = await startReceiver();
    for (const [type, body] of [
      [PROTOBUF, sdkProtobuf],
      [JSON_TYPE, sdkJson],
      ["application/json; charset=UTF-8", sdkJson],
    ] as const) {
      for (const [encoding, bytes] of [
        ["identity", body],
        ["gzip", gzipSync(body)],
        ["deflate", deflateSync(body)],
      ] as const) {
        const reply = await send(rig, { body: bytes, type, headers: { "content-encoding": encoding } });
        expect(reply.status).toBe(200);
        expect(reply.headers["content-type"]).toBe(type === PROTOBUF ? PROTOBUF : JSON_TYPE);
        expect(reply.body.toString()).toBe(type === PROTOBUF ? "" : "{}");
      }
    }
    expect(rig.batches).toHaveLength(9);
    expect(rig.batches.every((batch) => batch.spans.length === 2)).toBe(true);
    expect(rig.receiver.stats()).toMatchObject({ received: 18, stored: 18, answers: { 200: 9 } });
  });

  it("answers an empty request with success, without troubling the pipeline", async () => {
    const rig = await startReceiver();
    expect(await send(rig, {})).toMatchObject({ status: 200 });
    expect((await send(rig, { type: JSON_TYPE, body: Buffer.from("{}") })).body.toString()).toBe("{}");
    expect(rig.batches).toEqual([]);
  });

  it("takes the good spans and reports the bad ones as a partial success", async () => {
    const rig = await startReceiver();
    const spans = [
      { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", name: "good" },
      { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "00" },
    ];
    const body = Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    const reply = await send(rig, { type: JSON_TYPE, body });
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body.toString())).toEqual({
      partialSuccess: { rejectedSpans: "1", errorMessage: "1 rejected: span_id must be 8 bytes, not all zero" },
    });
    expect(rig.batches[0]?.spans.map((span) => span.name)).toEqual(["good"]);
    expect(rig.receiver.stats()).toMatchObject({ received: 2, stored: 1, dropped: { malformed: 1 } });
    expect(flowImbalance(rig.receiver.stats())).toBe(0);
    const binary = await send(rig, { body: otlpRequest([spanFields(1), []]) });
    expect(binary.body.subarray(0, 1).toString("hex")).toBe("0a");
  });

  it("refuses what is no OTLP with 400 and a google.rpc.Status", async () => {
    const rig = await startReceiver();
    const reply = await send(rig, { type: JSON_TYPE, body: Buffer.from("{") });
    expect(reply).toMatchObject({ status: 400, headers: { "content-type": JSON_TYPE } });
    expect(JSON.parse(reply.body.toString())).toEqual({ code: 3, message: "json: not valid JSON" });
    const binary = await send(rig, { body: Buffer.from([0x0a, 0x7f]) });
    expect(binary).toMatchObject({ status: 400, headers: { "content-type": PROTOBUF } });
    expect(binary.body.subarray(0, 3).toString("hex")).toBe("080312");
    const gzip = await send(rig, { body: sdkProtobuf, headers: { "content-encoding": "gzip" } });
    expect(gzip.status).toBe(400);
    const cut = await send(rig, {
      body: gzipSync(sdkProtobuf).subarray(0, 100),
      headers: { "content-encoding": "gzip" },
    });
    expect(cut.status).toBe(400);
    expect(rig.batches).toEqual([]);
  });

  it.each([
    ["another path", { path: "/v1/metrics" }, 404],
    ["another method", { method: "PUT" }, 405],
    ["another content type", { type: "text/plain" }, 415],
    ["another charset", { type: "application/json; charset=latin1" }, 415],
    ["another content encoding", { headers: { "content-encoding": "br" } }, 415],
  ])("refuses %s", async (_what, options, status) => {
    const rig = await startReceiver();
    expect((await send(rig, { body: Buffer.from("{}"), ...options })).status).toBe(status);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("refuses a body over the limit with 413: announced, streamed, or unpacked from a gzip bomb", async () => {
    const rig = await startReceiver({ config: { max_request_body_size: 10_000 } });
    const large = Buffer.alloc(10_001);
    expect((await send(rig, { body: large })).status).toBe(413);
    expect((await send(rig, { body: large, headers: { "transfer-encoding": "chunked" } })).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    expect(bomb.length).toBeLessThan(10_000);
    expect((await send(rig, { body: bomb, headers: { "content-encoding": "gzip" } })).status).toBe(413);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("passes on when to come back when the pipeline can't take more, and what never will be taken", async () => {
    let outcome: Outcome = { kind: "retryable", reason: "the spool is full", retryAfterMs: 2_500 };
    const rig = await startReceiver({ outcome: async () => outcome });
    const busy = await send(rig, { body: sdkJson, type: JSON_TYPE });
    expect(busy).toMatchObject({ status: 503, headers: { "retry-after": "3" } });
    expect(JSON.parse(busy.body.toString())).toEqual({ code: 14, message: "the spool is full" });
    outcome = { kind: "permanent", reason: "no" };
    expect((await send(rig, { body: sdkJson, type: JSON_TYPE })).status).toBe(400);
    expect(rig.receiver.stats()).toMatchObject({ received: 4, refused: 4, answers: { 400: 1, 503: 1 } });
  });

  it("answers only after the pipeline has", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ outcome: () => gate.promise });
    let isAnswered = false;
    const reply = send(rig, { body: sdkProtobuf }).then((answer) => {
      isAnswered = true;
      return answer;
    });
    while (rig.batches.length === 0) await new Promise(setImmediate);
    expect(isAnswered).toBe(false);
    expect(rig.receiver.stats()).toMatchObject({ inFlight: 2 });
    gate.resolve(SUCCESS);
    expect((await reply).status).toBe(200);
  });

  it("answers 503 and reports it when the pipeline throws, and lives on", async () => {
    let isBroken = true;
    const rig = await startReceiver({
      outcome: async () => {
        if (isBroken) throw new Error("boom");
        return SUCCESS;
      },
    });
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(503);
    expect(rig.notices).toContainEqual(expect.objectContaining({ event: "otlp_request_broken" }));
    isBroken = false;
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("asks for a key when it must, and tells the pipeline whose it was", async () => {
    const authenticate: Authenticate = (header) => (header === "Bearer good" ? { sender: "planner" } : undefined);
    const rig = await startReceiver({ authenticate });
    const refused = await send(rig, { body: sdkProtobuf, headers: { authorization: "Bearer bad" } });
    expect(refused).toMatchObject({ status: 401, headers: { "www-authenticate": "Bearer" } });
    expect((await send(rig, { body: sdkProtobuf, headers: { authorization: "Bearer good" } })).status).toBe(200);
    expect(rig.batches.map((batch) => batch.sender)).toEqual(["planner"]);
  });

  it("refuses when too much is being received at once", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ config: { pending_max_bytes: 1_000 }, outcome: () => gate.promise });
    const first = send(rig, { body: sdkProtobuf });
    while (rig.batches.length === 0) await new Promise(setImmediate);
    const second = await send(rig, { body: sdkProtobuf });
    expect(second).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    gate.resolve(SUCCESS);
    expect((await first).status).toBe(200);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("survives clients that go away in the middle and bytes that are no HTTP", async () => {
    const rig = await startReceiver();
    const { port, hostname } = new URL(rig.receiver.httpUrl ?? "");
    const head = `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: ${PROTOBUF}\r\nContent-Length: 500\r\n\r\n`;
    for (const bytes of [`${head}half`, "\x16\x03\x01 not http\r\n\r\n"]) {
      const socket = connect(Number(port), hostname);
      await once(socket, "connect");
      socket.write(bytes);
      await new Promise(setImmediate);
      socket.destroy();
      await once(socket, "close");
    }
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
    expect(flowImbalance(rig.receiver.stats())).toBe(0);
  });

  it("answers what it holds before it stops", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ outcome: () => gate.promise });
    const reply = send(rig, { body: sdkProtobuf });
    while (rig.batches.length === 0) await new Promise(setImmediate);
    const stopped = rig.receiver.stop();
    gate.resolve(SUCCESS);
    expect((await reply).status).toBe(200);
    await stopped;
  });

  it("says once that gRPC is configured and not served", async () => {
    const rig = await startReceiver({ grpc: { endpoint: "127.0.0.1:0" } });
    expect(rig.notices.map((notice) => notice.event)).toEqual(["otlp_grpc_not_served"]);
  });

  it("rejects its start when the port is taken", async () => {
    const first = await startReceiver();
    const { host } = new URL(first.receiver.httpUrl ?? "");
    await expect(startReceiver({ config: { endpoint: host } })).rejects.toThrow("EADDRINUSE");
  });
});
