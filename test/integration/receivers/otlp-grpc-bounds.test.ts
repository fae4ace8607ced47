/**
 * Goal: no client of OTLP/gRPC can take more than its share, by size, number, slowness or leaving, nor hold up a stop.
 * Method: real connections, some by hand, against a consumer that answers when it is told to.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, type ClientHttp2Stream, type Settings, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import { request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { bareStream, frame, statusOf } from "../../support/bare-grpc.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
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

async function openStream(rig: Rig, headers: Readonly<Record<string, string>> = {}): Promise<ClientHttp2Stream> {
  const stream = await bareStream(rig.receiver.grpcUrl, headers);
  cleanup.push(() => stream.session?.destroy());
  return stream;
}

/** One more call without a message on the connection of another. */
function openCall({ session }: ClientHttp2Stream): ClientHttp2Stream {
  const headers = { ":method": "POST", ":path": EXPORT_PATH, "content-type": "application/grpc", te: "trailers" };
  return (session as ClientHttp2Session).request(headers).on("error", () => {});
}

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
    const stream = await openStream(rig, { "grpc-encoding": encoding });
    stream.end(frame(message, true));
    expect(await statusOf(stream)).toBe(code);
    expect(rig.batches).toEqual([]);
  });

  it("refuses two messages in one call", async () => {
    const rig = await startReceiver();
    const stream = await openStream(rig);
    stream.end(Buffer.concat([frame(sdkProtobuf, false), frame(sdkProtobuf, false)]));
    expect(await statusOf(stream)).toBe("12");
    expect(rig.batches).toEqual([]);
  });

  it("gives up on a client that drips its message", async () => {
    const rig = await startReceiver({ grpc: { request_timeout_ms: 150 } });
    const stream = await openStream(rig);
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

  it("tells its clients how many calls a connection may hold", async () => {
    const rig = await startReceiver({ grpc: { max_concurrent_streams: 7 } });
    const session = connectHttp2(rig.receiver.grpcUrl ?? "");
    cleanup.push(() => session.destroy());
    const [settings] = (await once(session, "remoteSettings")) as [Settings];
    expect(settings.maxConcurrentStreams).toBe(7);
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

  it("takes memory back from messages that do not arrive while others wait, and gives it to each connection in turn", async () => {
    const clock = new ManualClock();
    const rig = await startReceiver({ grpc: { pending_max_bytes: 1 }, clock });
    const slow = await openStream(rig);
    slow.write(frame(sdkProtobuf, false).subarray(0, 20));
    // More of the same on one connection, which all wait behind the first.
    const others = Array.from({ length: 20 }, () => openCall(slow));
    const reply = senderTo(rig).send(sdkProtobuf);
    const refused = statusOf(slow);
    const isAnswered = reply.then(() => true);
    while ((await Promise.race([isAnswered, new Promise(setImmediate)])) !== true) clock.advance(100);
    expect((await reply).status).toBe("OK");
    expect(await refused).toBe("14");
    for (const stream of others) stream.close();
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
    const stream = await openStream(rig);
    stream.write(frame(sdkProtobuf, false).subarray(0, 20));
    const waiting = senderTo(rig).send(sdkProtobuf);
    stream.session?.destroy();
    expect((await waiting).status).toBe("OK");
    expect((await senderTo(rig).send(sdkProtobuf)).status).toBe("OK");
    expect(rig.receiver.stats()).toMatchObject({ received: 4, grpcAnswers: { OK: 2 } });
  });

  it("ends a call without any message, and gives its memory back", async () => {
    const rig = await startReceiver({ grpc: { pending_max_bytes: 1 } });
    const stream = await openStream(rig);
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
    await openStream(rig);
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
