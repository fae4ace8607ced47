/**
 * Goal: the receiver answers as the OTLP specification says, whatever it is sent, and says 200 only for what was taken.
 * Method: real HTTP on a free port against a consumer that records or refuses; the real exporters of the OpenTelemetry SDK.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import { type Socket, connect } from "node:net";
import { join } from "node:path";
import { deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { flowImbalance } from "../../../src/component/flow.ts";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { Authenticate } from "../../../src/receivers/otlp/authenticate.ts";
import { request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/otlp");
const sdkProtobuf = readFileSync(join(FIXTURES, "sdk-3.1.0.bin"));
const sdkJson = readFileSync(join(FIXTURES, "sdk-3.1.0.json"));
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

afterEach(stopReceivers);

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function send(
  rig: Rig,
  options: {
    body?: Buffer;
    type?: string;
    headers?: Record<string, string>;
    method?: string;
    path?: string;
    agent?: Agent;
  },
): Promise<Reply> {
  const { body = Buffer.alloc(0), type = PROTOBUF, headers = {}, method = "POST", path = "/v1/traces" } = options;
  const request = httpRequest(`${rig.receiver.httpUrl}${path}`, {
    method,
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    headers: { "content-type": type, ...headers },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** The end of a connection, by whatever: `once` rejects where it is reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** More than the buffers between two sockets hold: a server that hangs up on it resets the connection, its answer included. */
const UNREAD_BYTES = 24 * 1_048_576;

/** The first words of the answer to a body that was sent as a whole before anything was read; "" when there is none. */
async function answerAfterSending(
  rig: Rig,
  options: { readonly path: string; readonly headers: Readonly<Record<string, string | undefined>> },
): Promise<string> {
  const { hostname, port } = new URL(rig.receiver.httpUrl ?? "");
  const isChunked = "transfer-encoding" in options.headers;
  const length = isChunked ? {} : { "content-length": String(UNREAD_BYTES) };
  const headers = { host: "x", "content-type": PROTOBUF, ...length, ...options.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(Number(port), hostname).on("error", () => {});
  socket.write(`POST ${options.path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  if (isChunked) socket.write(`${UNREAD_BYTES.toString(16)}\r\n`);
  const closed = closeOf(socket);
  socket.write(Buffer.alloc(UNREAD_BYTES));
  const sent = new Promise<void>((resolve) => socket.write(isChunked ? "\r\n0\r\n\r\n" : "", () => resolve()));
  await Promise.race([sent, closed]);
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
  await closed;
  return answer.slice(0, "HTTP/1.1 200".length);
}

/** One raw block in a frame that wants a window of 2^log bytes: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1 */
function zstdFrame(content: Buffer, log: number): Buffer {
  const block = (content.length << 3) | 1;
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, block & 0xff, (block >> 8) & 0xff, block >> 16];
  return Buffer.concat([Buffer.from(head), content]);
}

describe("POST /v1/traces", () => {
  it("takes protobuf and JSON, plain, gzip, deflate and zstd, and answers in the request's encoding", async () => {
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
        ["zstd", zstdCompressSync(body)],
      ] as const) {
        const reply = await send(rig, { body: bytes, type, headers: { "content-encoding": encoding } });
        expect(reply.status).toBe(200);
        expect(reply.headers["content-type"]).toBe(type === PROTOBUF ? PROTOBUF : JSON_TYPE);
        expect(reply.body.toString()).toBe(type === PROTOBUF ? "" : "{}");
      }
    }
    expect(rig.batches).toHaveLength(12);
    expect(rig.batches.every((batch) => batch.spans.length === 2)).toBe(true);
    expect(rig.receiver.stats()).toMatchObject({ received: 24, stored: 24, answers: { 200: 12 } });
  });

  it.each([
    ["x-gzip", gzipSync(sdkProtobuf), 200],
    ["GZIP, identity", gzipSync(sdkProtobuf), 200],
    ["", sdkProtobuf, 200],
    ["gzip, gzip", gzipSync(gzipSync(sdkProtobuf)), 415],
  ])("reads content-encoding as HTTP has it: %j", async (encoding, body, status) => {
    const rig = await startReceiver();
    expect((await send(rig, { body, headers: { "content-encoding": encoding } })).status).toBe(status);
    expect(rig.batches).toHaveLength(status === 200 ? 1 : 0);
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
    expect(JSON.parse(reply.body.toString())).toMatchObject({ code: 3, message: "json: not valid JSON" });
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

  it("refuses a body over the limit with 413: announced, streamed, or unpacked from a bomb", async () => {
    const rig = await startReceiver({ http: { max_request_body_size: 10_000 } });
    const large = Buffer.alloc(10_001);
    expect((await send(rig, { body: large })).status).toBe(413);
    expect((await send(rig, { body: large, headers: { "transfer-encoding": "chunked" } })).status).toBe(413);
    for (const [encoding, bomb] of [
      ["gzip", gzipSync(Buffer.alloc(5_000_000))],
      ["deflate", deflateSync(Buffer.alloc(5_000_000))],
      ["zstd", zstdCompressSync(Buffer.alloc(50_000_000))],
    ] as const) {
      expect(bomb.length).toBeLessThan(10_000);
      expect((await send(rig, { body: bomb, headers: { "content-encoding": encoding } })).status).toBe(413);
    }
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it.each([
    ["is too large", {}, 413],
    ["is announced by nobody and too large", { "transfer-encoding": "chunked" }, 413],
    ["comes without a key", { authorization: "none" }, 401],
    ["is for another path", { path: "/v1/metrics" }, 404],
  ])("tells it a client that sends all of its body before it reads, too: one that %s", async (_what, given, status) => {
    const authenticate: Authenticate = (header) => (header === "none" ? undefined : { sender: undefined });
    const rig = await startReceiver({ http: { max_request_body_size: 100_000 }, authenticate });
    const { path = "/v1/traces", ...headers }: { path?: string; [name: string]: string | undefined } = given;
    expect(await answerAfterSending(rig, { path, headers })).toBe(`HTTP/1.1 ${status}`);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("hangs up on a client that goes on sending a body that was refused", async () => {
    const rig = await startReceiver({ http: { max_request_body_size: 100_000 } });
    const { hostname, port } = new URL(rig.receiver.httpUrl ?? "");
    const socket = connect(Number(port), hostname).on("error", () => {});
    const piece = Buffer.alloc(1_048_576);
    let pieces = 0;
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${PROTOBUF}\r\ncontent-length: 1000000000000\r\n\r\n`,
    );
    const goOn = (error?: Error | null): void => {
      if (error !== undefined && error !== null) return;
      pieces += 1;
      socket.write(piece, goOn);
    };
    goOn();
    await closeOf(socket.resume());
    expect(pieces).toBeLessThan(128);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("refuses a zstd frame that wants a window of more than 8 MiB, and one that is broken", async () => {
    const rig = await startReceiver();
    const headers = { "content-encoding": "zstd" };
    expect((await send(rig, { body: zstdFrame(sdkProtobuf, 23), headers })).status).toBe(200);
    expect((await send(rig, { body: zstdFrame(sdkProtobuf, 27), headers })).status).toBe(400);
    expect((await send(rig, { body: sdkProtobuf, headers })).status).toBe(400);
    expect((await send(rig, { body: zstdCompressSync(sdkProtobuf).subarray(0, 60), headers })).status).toBe(400);
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
    expect(rig.receiver.stats()).toMatchObject({ received: 4, stored: 2, refused: 2, inFlight: 0 });
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
    const rig = await startReceiver({ http: { pending_max_bytes: 1_000 }, outcome: () => gate.promise });
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

  it.each([
    ["header", "POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: "],
    ["body", `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: ${PROTOBUF}\r\nContent-Length: 500\r\n\r\nhalf`],
  ])("hangs up on a client that drips its %s", async (_what, head) => {
    const rig = await startReceiver({ http: { header_timeout_ms: 500, request_timeout_ms: 1000 } });
    const { port, hostname } = new URL(rig.receiver.httpUrl ?? "");
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(head);
    const drip = setInterval(() => socket.write("x"), 20);
    let answer = "";
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    await closeOf(socket);
    clearInterval(drip);
    // What is still on its way when a connection is reset, the answer too, may be lost.
    expect(answer).toMatch(/^(?:HTTP\/1\.1 408 |$)/);
    expect((await send(rig, { body: sdkProtobuf })).status).toBe(200);
  });

  it("drops the connections over its limit and serves the others", async () => {
    const rig = await startReceiver({ http: { connections_max: 2 } });
    const { port, hostname } = new URL(rig.receiver.httpUrl ?? "");
    const idle = connect(Number(port), hostname);
    await once(idle, "connect");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await send(rig, { body: sdkProtobuf, agent })).status).toBe(200);
    const third = connect(Number(port), hostname);
    third.on("error", () => {});
    third.resume();
    await closeOf(third);
    expect((await send(rig, { body: sdkProtobuf, agent })).status).toBe(200);
    agent.destroy();
    idle.destroy();
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

  it("rejects its start when the port is taken", async () => {
    const first = await startReceiver();
    const { host } = new URL(first.receiver.httpUrl ?? "");
    await expect(startReceiver({ http: { endpoint: host } })).rejects.toThrow(
      `\`receivers.otlp.protocols.http.endpoint\`: cannot listen on ${host}: listen EADDRINUSE`,
    );
  });
});
