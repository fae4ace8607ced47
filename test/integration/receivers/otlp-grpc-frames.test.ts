/**
 * Goal: whatever frames a client of OTLP/gRPC sends, it is answered by the protocol's own statuses, holds nothing afterwards, and
 * keeps nobody else out. Method: HTTP/2 by hand, down to its frames, against a receiver with room for one message only.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import { bareStream, frame, statusOf } from "../../support/bare-grpc.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));
const message = frame(sdkProtobuf, false);

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of cleanup.splice(0).toReversed()) await each();
  await stopReceivers();
});

/** Room for the largest message of one call: who holds it keeps all others waiting. */
const startNarrow = (outcome?: () => Promise<Outcome>): Promise<Rig> =>
  startReceiver({ grpc: { pending_max_bytes: 1 }, ...(outcome === undefined ? {} : { outcome }) });

async function open(rig: Rig, headers: Readonly<Record<string, string>> = {}): Promise<ClientHttp2Stream> {
  const stream = await bareStream(rig.receiver.grpcUrl, headers);
  cleanup.push(() => stream.session?.destroy());
  return stream;
}

async function expectServed(rig: Rig): Promise<void> {
  const sender = new GrpcSender(rig.receiver.grpcUrl);
  cleanup.push(() => sender.close());
  expect(await sender.send(sdkProtobuf)).toMatchObject({ status: "OK" });
}

/** What a prefix says follows, and no more than its first bytes. */
function prefixOf(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

it("refuses a message of 4 GiB by its prefix, and holds nothing for it while its stream stays open", async () => {
  const rig = await startNarrow();
  const stream = await open(rig);
  stream.write(prefixOf(0xffff_ffff));
  expect(await statusOf(stream)).toBe("8");
  expect(stream.closed).toBe(false);
  await expectServed(rig);
});

it.each<[string, Readonly<Record<string, string>>, Buffer, string]>([
  ["a message that is cut off", {}, message.subarray(0, 100), "12"],
  [
    "a message that comes whole, and the beginning of another",
    {},
    Buffer.concat([message, message.subarray(0, 3)]),
    "0",
  ],
  ["an encoding that is named and not used", { "grpc-encoding": "gzip" }, message, "0"],
  ["an unknown encoding", { "grpc-encoding": "br" }, frame(sdkProtobuf, true), "12"],
  ["a message that says it is packed, and not how", {}, frame(sdkProtobuf, true), "13"],
  ["a message that says it is packed as it is", { "grpc-encoding": "identity" }, frame(sdkProtobuf, true), "13"],
  ["a flag that nobody knows", { "grpc-encoding": "gzip" }, Buffer.concat([Buffer.of(2), message.subarray(1)]), "13"],
  ["a subtype of the content type", { "content-type": "application/grpc+proto" }, message, "0"],
  ["another service", { ":path": "/a.b.C/Export" }, message, "12"],
  [
    "another case of the method",
    { ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/export" },
    message,
    "12",
  ],
  ["a deadline that is none", { "grpc-timeout": "soon" }, message, "13"],
  ["a deadline in the far future", { "grpc-timeout": "99999999H" }, message, "0"],
])("answers %s, and then others", async (_what, headers, bytes, code) => {
  const rig = await startNarrow();
  const stream = await open(rig, headers);
  stream.end(bytes);
  expect(await statusOf(stream)).toBe(code);
  await expectServed(rig);
  expect(rig.receiver.stats().stored).toBe(code === "0" ? 4 : 2);
});

it("tells which encodings it takes where it does not know one, and has answered that itself", async () => {
  const rig = await startNarrow();
  const stream = await open(rig, { "grpc-encoding": "zstd" });
  const headers = once(stream, "response");
  stream.end(frame(sdkProtobuf, true));
  expect(await statusOf(stream)).toBe("12");
  const [{ "grpc-accept-encoding": taken }] = (await headers) as [Readonly<Record<string, unknown>>];
  expect(String(taken).split(",").toSorted()).toEqual(["deflate", "gzip", "identity"]);
  expect(rig.receiver.stats().grpcAnswers).toEqual({ UNIMPLEMENTED: 1 });
});

it("answers another content type with HTTP's own status", async () => {
  const rig = await startNarrow();
  const stream = await open(rig, { "content-type": "application/json" });
  stream.end(message);
  const [headers] = (await once(stream.resume(), "response")) as [Readonly<Record<string, unknown>>];
  expect(headers[":status"]).toBe(415);
  await expectServed(rig);
});

it("puts a message together from frames of one byte", async () => {
  const rig = await startNarrow();
  const stream = await open(rig);
  for (const byte of message) stream.write(Buffer.from([byte]));
  stream.end();
  expect(await statusOf(stream)).toBe("0");
  expect(rig.batches).toHaveLength(1);
});

it("tells a client whose deadline is over, and stores once what it had taken", async () => {
  const gate = Promise.withResolvers<Outcome>();
  const rig = await startNarrow(() => gate.promise);
  const stream = await open(rig, { "grpc-timeout": "100m" });
  stream.end(message);
  expect(await statusOf(stream)).toBe("4");
  gate.resolve(SUCCESS);
  await expectServed(rig);
  expect(rig.receiver.stats()).toMatchObject({ received: 4, stored: 4, inFlight: 0 });
});

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** Length, type, flags, stream, content: https://www.rfc-editor.org/rfc/rfc9113#section-6 */
const FLOODS: readonly (readonly [string, Buffer])[] = [
  ["settings", Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])],
  ["pings", Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])],
];
const FRAMES_MAX = 1_000_000;

it.each(FLOODS)(
  "closes a connection that floods it with %s and reads no answer, and serves others",
  async (_what, one) => {
    const rig = await startNarrow();
    const { hostname, port } = new URL(rig.receiver.grpcUrl ?? "");
    const socket = connect(Number(port), hostname).on("error", () => {});
    cleanup.push(() => socket.destroy());
    await once(socket, "connect");
    socket.write(Buffer.concat([PREFACE, FLOODS[0]?.[1] ?? one]));
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => one));
    let sent = 0;
    for (; sent < FRAMES_MAX && socket.writable; sent += 1_000) {
      socket.write(many);
      await new Promise(setImmediate);
    }
    expect(sent).toBeLessThan(FRAMES_MAX);
    await expectServed(rig);
  },
);

it("takes no more calls at once on a connection than it has said", async () => {
  const gate = Promise.withResolvers<Outcome>();
  const rig = await startReceiver({ grpc: { max_concurrent_streams: 2 }, outcome: () => gate.promise });
  const session = connectHttp2(rig.receiver.grpcUrl ?? "");
  cleanup.push(() => session.destroy());
  await once(session, "remoteSettings");
  const streams = [1, 2, 3].map(() => {
    const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.end(message);
    return stream;
  });
  while (rig.batches.length < 2) await new Promise(setImmediate);
  gate.resolve(SUCCESS);
  expect(await Promise.all(streams.map(statusOf))).toEqual(["0", "0", "0"]);
});
