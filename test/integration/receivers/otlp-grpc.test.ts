/**
 * Goal: OTLP/gRPC answers as the specification says, whatever it is sent, and says OK only for what was taken.
 * Method: a client that sends any bytes, and bare HTTP/2 where no client would do, against a consumer that records or
 * refuses.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { Authenticate } from "../../../src/receivers/otlp/trace-intake.ts";
import { encode, request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
const MIB = 1_048_576;
/** One well-formed span with a string attribute of this many bytes. */
const spanOf = (bytes: number, index = 1): Buffer =>
  otlpRequest([
    spanFields(index, [
      [
        9,
        [
          [1, "text"],
          [2, [[1, "x".repeat(bytes)]]],
        ],
      ],
    ]),
  ]);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
  await stopReceivers();
});

function senderTo(rig: Rig, compression: 0 | 1 | 2 = 0): GrpcSender {
  const sender = new GrpcSender(rig.receiver.grpcUrl, { compression });
  cleanup.push(() => sender.close());
  return sender;
}

/** A stream on a bare HTTP/2 connection, with the headers of a gRPC call. */
async function bareStream(rig: Rig, headers: Readonly<Record<string, string>> = {}): Promise<ClientHttp2Stream> {
  const session = connectHttp2(rig.receiver.grpcUrl ?? "");
  cleanup.push(() => session.destroy());
  await once(session, "connect");
  return session
    .request({
      ":method": "POST",
      ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    })
    .on("error", () => {});
}

/** A message with its prefix: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function frame(message: Buffer, isCompressed: boolean): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(isCompressed ? 1 : 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function statusOf(stream: ClientHttp2Stream): Promise<string> {
  stream.resume();
  const [headers] = (await once(stream, "response")) as [Readonly<Record<string, string>>];
  if (headers["grpc-status"] !== undefined) return headers["grpc-status"];
  const [trailers] = (await once(stream, "trailers")) as [Readonly<Record<string, string>>];
  return trailers["grpc-status"] ?? "";
}

describe("TraceService/Export", () => {
  it.each([
    ["plain", 0],
    ["deflate", 1],
    ["gzip", 2],
  ] as const)("takes spans, %s, and answers OK with nothing more to say", async (_how, compression) => {
    const rig = await startReceiver();
    const reply = await senderTo(rig, compression).send(sdkProtobuf);
    expect(reply).toMatchObject({ status: "OK", response: Buffer.alloc(0) });
    expect(rig.batches.map((batch) => batch.spans.length)).toEqual([2]);
    expect(rig.receiver.stats()).toMatchObject({ received: 2, stored: 2, grpcAnswers: { OK: 1 }, answers: {} });
  });

  it("answers an empty request with success, without troubling the pipeline", async () => {
    const rig = await startReceiver();
    expect(await senderTo(rig).send(Buffer.alloc(0))).toMatchObject({ status: "OK" });
    expect(rig.batches).toEqual([]);
  });

  it("reads over fields it does not know", async () => {
    const rig = await startReceiver();
    const unknown = Buffer.concat([otlpRequest([spanFields(1, [[999, "later"]])]), encode([[1_000, "more"]])]);
    expect(await senderTo(rig).send(unknown)).toMatchObject({ status: "OK" });
    expect(rig.batches[0]?.spans).toHaveLength(1);
  });

  it("takes the good spans and reports the bad ones as a partial success", async () => {
    const rig = await startReceiver();
    const reply = await senderTo(rig).send(otlpRequest([spanFields(1), [], []]));
    expect(reply.status).toBe("OK");
    const message = "2 rejected: trace_id must be 16 bytes, not all zero";
    expect(reply.response).toEqual(
      encode([
        [
          1,
          [
            [1, 2, "varint"],
            [2, message],
          ],
        ],
      ]),
    );
    expect(rig.receiver.stats()).toMatchObject({ received: 3, stored: 1, dropped: { malformed: 2 } });
  });

  it.each([
    ["a length past the end", Buffer.from([0x0a, 0x7f])],
    ["bytes that are no protobuf", Buffer.from("not protobuf at all")],
  ])("refuses %s with INVALID_ARGUMENT", async (_what, body) => {
    const rig = await startReceiver();
    const sender = senderTo(rig);
    expect(await sender.send(body)).toMatchObject({ status: "INVALID_ARGUMENT", details: undefined });
    expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "OK" });
    expect(rig.receiver.stats().grpcAnswers).toEqual({ INVALID_ARGUMENT: 1, OK: 1 });
  });

  it("says UNAVAILABLE and when to come back, when the pipeline can't take more, and INVALID_ARGUMENT for never", async () => {
    let outcome: Outcome = { kind: "retryable", reason: "the spool is full", retryAfterMs: 2_500 };
    const rig = await startReceiver({ outcome: async () => outcome });
    const sender = senderTo(rig);
    const busy = await sender.send(sdkProtobuf);
    expect(busy).toMatchObject({ status: "UNAVAILABLE", message: "the spool is full" });
    const duration = encode([
      [1, 2, "varint"],
      [2, 500_000_000, "varint"],
    ]);
    const retryInfo = [
      [1, "type.googleapis.com/google.rpc.RetryInfo"],
      [2, encode([[1, duration]])],
    ] as const;
    expect(busy.details).toEqual(
      encode([
        [1, 14, "varint"],
        [2, "the spool is full"],
        [3, retryInfo],
      ]),
    );
    outcome = { kind: "permanent", reason: "never" };
    expect(await sender.send(sdkProtobuf)).toMatchObject({
      status: "INVALID_ARGUMENT",
      message: "never",
      details: undefined,
    });
    expect(rig.receiver.stats()).toMatchObject({ received: 4, refused: 4 });
  });

  it("says UNAVAILABLE and reports it when the pipeline throws, and lives on", async () => {
    let isBroken = true;
    const rig = await startReceiver({
      outcome: async () => {
        if (isBroken) throw new Error("boom");
        return SUCCESS;
      },
    });
    const sender = senderTo(rig);
    const reply = await sender.send(sdkProtobuf);
    expect(reply.status).toBe("UNAVAILABLE");
    expect(reply.message).not.toContain("boom");
    expect(rig.notices).toContainEqual(expect.objectContaining({ event: "otlp_request_broken" }));
    isBroken = false;
    expect((await sender.send(sdkProtobuf)).status).toBe("OK");
    expect(rig.receiver.stats()).toMatchObject({ received: 4, stored: 2, refused: 2, inFlight: 0 });
  });

  it("answers only after the pipeline has", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ outcome: () => gate.promise });
    let isAnswered = false;
    const reply = senderTo(rig)
      .send(sdkProtobuf)
      .finally(() => (isAnswered = true));
    while (rig.batches.length === 0) await new Promise(setImmediate);
    expect(isAnswered).toBe(false);
    expect(rig.receiver.stats()).toMatchObject({ inFlight: 2 });
    gate.resolve(SUCCESS);
    expect((await reply).status).toBe("OK");
  });

  it("asks for a key when it must, before the message is read, and tells the pipeline whose it was", async () => {
    const authenticate: Authenticate = (header) => (header === "Bearer good" ? { sender: "planner" } : undefined);
    const rig = await startReceiver({ authenticate });
    const sender = senderTo(rig);
    expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "UNAUTHENTICATED" });
    const wrong = { authorization: "Bearer bad" };
    expect(await sender.send(sdkProtobuf, { metadata: wrong })).toMatchObject({ status: "UNAUTHENTICATED" });
    const right = { authorization: "Bearer good" };
    expect(await sender.send(sdkProtobuf, { metadata: right })).toMatchObject({ status: "OK" });
    expect(rig.batches.map((batch) => batch.sender)).toEqual(["planner"]);
    // No message was sent on this one.
    expect(await statusOf(await bareStream(rig))).toBe("16");
    expect(rig.receiver.stats().grpcAnswers).toEqual({ UNAUTHENTICATED: 3, OK: 1 });
  });

  it("says UNIMPLEMENTED to another service, and 415 to what is no gRPC", async () => {
    const rig = await startReceiver();
    const path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    expect(await senderTo(rig).send(sdkProtobuf, { path })).toMatchObject({ status: "UNIMPLEMENTED" });
    const stream = await bareStream(rig, { "content-type": "application/json" });
    const [headers] = (await once(stream.resume(), "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(415);
  });
});

describe("bounds", () => {
  it("refuses a message over the limit with RESOURCE_EXHAUSTED: as it is, or unpacked from a bomb", async () => {
    const rig = await startReceiver({ grpc: { max_recv_msg_size_mib: 1 } });
    const large = spanOf(2 * MIB);
    expect(gzipSync(large).length).toBeLessThan(10_000);
    for (const compression of [0, 1, 2] as const) {
      const reply = await senderTo(rig, compression).send(large);
      expect(reply).toMatchObject({ status: "RESOURCE_EXHAUSTED", details: undefined });
    }
    expect(await senderTo(rig).send(spanOf(MIB - 200))).toMatchObject({ status: "OK" });
    expect(rig.receiver.stats().grpcAnswers).toEqual({ aborted: 3, OK: 1 });
  });

  it.each([
    ["INTERNAL to a message that is not what its compression says", "gzip", sdkProtobuf, "13"],
    ["UNIMPLEMENTED to a compression it does not know", "br", sdkProtobuf, "12"],
  ])("says %s", async (_what, encoding, message, code) => {
    const rig = await startReceiver();
    const stream = await bareStream(rig, { "grpc-encoding": encoding });
    stream.end(frame(message, true));
    expect(await statusOf(stream)).toBe(code);
    expect(rig.batches).toEqual([]);
  });

  it("refuses two messages in one call", async () => {
    const rig = await startReceiver();
    const stream = await bareStream(rig);
    stream.end(Buffer.concat([frame(sdkProtobuf, false), frame(sdkProtobuf, false)]));
    expect(await statusOf(stream)).toBe("12");
    expect(rig.batches).toEqual([]);
  });

  it("gives up on a client that drips its message", async () => {
    const rig = await startReceiver({ grpc: { request_timeout_ms: 150 } });
    const stream = await bareStream(rig);
    stream.write(frame(sdkProtobuf, false).subarray(0, 20));
    expect(await statusOf(stream)).toBe("4");
    expect(await senderTo(rig).send(sdkProtobuf)).toMatchObject({ status: "OK" });
    expect(rig.receiver.stats().grpcAnswers).toEqual({ DEADLINE_EXCEEDED: 1, OK: 1 });
  });

  it("drops a connection that says nothing at all", async () => {
    const keepalive = { server_parameters: { time_ms: 50, timeout_ms: 50 } };
    const rig = await startReceiver({ grpc: { keepalive } });
    const { port, hostname } = new URL(rig.receiver.grpcUrl ?? "");
    const socket = connect(Number(port), hostname).on("error", () => {});
    await once(socket.resume(), "close");
    expect(await senderTo(rig).send(sdkProtobuf)).toMatchObject({ status: "OK" });
  });

  it("drops the connections over its limit and serves the others", async () => {
    const rig = await startReceiver({ grpc: { connections_max: 1 } });
    const sender = senderTo(rig);
    expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "OK" });
    expect(await senderTo(rig).send(sdkProtobuf)).toMatchObject({ status: "UNAVAILABLE" });
    expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "OK" });
    expect(rig.batches).toHaveLength(2);
  });

  it("lets calls wait while the memory is taken, and serves them all", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({
      grpc: { max_recv_msg_size_mib: 1, pending_max_bytes: 3 * MIB },
      outcome: () => gate.promise,
    });
    const sender = senderTo(rig);
    const replies = [1, 2, 3, 4].map((index) => sender.send(spanOf(MIB - 1_000, index)));
    while (rig.batches.length < 2) await new Promise(setImmediate);
    // Both hold what they have; a third would be over the limit, and is not read while they do.
    expect(rig.batches).toHaveLength(2);
    gate.resolve(SUCCESS);
    const statuses = (await Promise.all(replies)).map((reply) => reply.status);
    expect(statuses).toEqual(["OK", "OK", "OK", "OK"]);
    expect(rig.batches).toHaveLength(4);
  });

  it("serves 64 callers at once, each on a connection of its own", async () => {
    const rig = await startReceiver();
    const senders = Array.from({ length: 64 }, () => senderTo(rig, 2));
    const replies = senders.flatMap((sender, caller) =>
      Array.from({ length: 5 }, (_, index) => sender.send(spanOf(100, caller * 5 + index + 1))),
    );
    const statuses = new Set((await Promise.all(replies)).map((reply) => reply.status));
    expect([...statuses]).toEqual(["OK"]);
    const ids = new Set(rig.batches.flatMap((batch) => batch.spans.map((span) => span.spanId)));
    expect(ids.size).toBe(320);
    expect(rig.receiver.stats()).toMatchObject({ received: 320, stored: 320, grpcAnswers: { OK: 320 } });
  });
});

describe("clients that leave", () => {
  it("keeps what it took from one that cancels while the pipeline works", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ outcome: () => gate.promise });
    const { call, reply } = senderTo(rig).begin(sdkProtobuf);
    while (rig.batches.length === 0) await new Promise(setImmediate);
    call.cancel();
    expect((await reply).status).toBe("CANCELLED");
    while (rig.receiver.stats().grpcAnswers["aborted"] !== 1) await new Promise(setImmediate);
    expect(rig.receiver.stats()).toMatchObject({ inFlight: 2 });
    gate.resolve(SUCCESS);
    while (rig.receiver.stats().inFlight > 0) await new Promise(setImmediate);
    expect(rig.receiver.stats()).toMatchObject({ received: 2, stored: 2, grpcAnswers: { aborted: 1 } });
  });

  it("forgets one that goes away in the middle of its message, and gives its memory back", async () => {
    const rig = await startReceiver({ grpc: { max_recv_msg_size_mib: 1, pending_max_bytes: 1 } });
    const stream = await bareStream(rig);
    stream.write(frame(sdkProtobuf, false).subarray(0, 20));
    const waiting = senderTo(rig).send(sdkProtobuf);
    stream.session?.destroy();
    expect((await waiting).status).toBe("OK");
    expect((await senderTo(rig).send(sdkProtobuf)).status).toBe("OK");
    expect(rig.receiver.stats()).toMatchObject({ received: 4, grpcAnswers: { OK: 2 } });
  });

  it("ends a call without any message, and gives its memory back", async () => {
    const rig = await startReceiver({ grpc: { pending_max_bytes: 1 } });
    const stream = await bareStream(rig);
    stream.end();
    expect(await statusOf(stream)).toBe("12");
    expect((await senderTo(rig).send(sdkProtobuf)).status).toBe("OK");
  });

  it("survives bytes that are no HTTP/2", async () => {
    const rig = await startReceiver();
    const { port, hostname } = new URL(rig.receiver.grpcUrl ?? "");
    for (const bytes of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x00\x05hello"]) {
      const socket = connect(Number(port), hostname).on("error", () => {});
      socket.write(bytes);
      await once(socket.resume(), "close");
    }
    expect(await senderTo(rig).send(sdkProtobuf)).toMatchObject({ status: "OK" });
  });
});

describe("start and stop", () => {
  it("answers what it holds before it stops", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const rig = await startReceiver({ outcome: () => gate.promise });
    const reply = senderTo(rig).send(sdkProtobuf);
    while (rig.batches.length === 0) await new Promise(setImmediate);
    const stopped = rig.receiver.stop();
    gate.resolve(SUCCESS);
    expect((await reply).status).toBe("OK");
    await stopped;
  });

  it("ends within the grace although a call is never answered, and another client only listens", async () => {
    const gate = Promise.withResolvers<Outcome>();
    const clock = new ManualClock();
    const rig = await startReceiver({ outcome: () => gate.promise, clock });
    const reply = senderTo(rig).send(sdkProtobuf);
    await bareStream(rig);
    while (rig.batches.length === 0) await new Promise(setImmediate);
    const stopped = rig.receiver.stop();
    clock.advance(5_000);
    await stopped;
    expect((await reply).status).not.toBe("OK");
    gate.resolve(SUCCESS);
  });

  it("names the setting when the port is taken, and leaves nothing listening", async () => {
    const first = await startReceiver();
    const { host } = new URL(first.receiver.grpcUrl ?? "");
    const free = await startReceiver();
    const { host: httpHost } = new URL(free.receiver.httpUrl ?? "");
    await free.receiver.stop();
    await expect(startReceiver({ grpc: { endpoint: host }, http: { endpoint: httpHost } })).rejects.toThrow(
      `\`receivers.otlp.protocols.grpc.endpoint\`: cannot listen on ${host}: listen EADDRINUSE`,
    );
    await startReceiver({ http: { endpoint: httpHost } });
  });
});
