/**
 * Goal: OTLP/gRPC answers as the specification says, whatever it is sent, and says OK only for what was taken.
 * Method: a client that sends any bytes, and bare HTTP/2 where no client would do, against a consumer that records or
 * refuses.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { ClientHttp2Stream } from "node:http2";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import type { Authenticate } from "../../../src/receivers/otlp/authenticate.ts";
import { encode, request as otlpRequest, spanFields } from "../../fixtures/otlp/protobuf-encoder.ts";
import { bareStream, statusOf } from "../../support/bare-grpc.ts";
import { GrpcSender } from "../../support/grpc-sender.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

const sdkProtobuf = readFileSync(join(import.meta.dirname, "../../fixtures/otlp/sdk-3.1.0.bin"));

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
    const reply = await sender.send(body);
    expect(reply.status).toBe("INVALID_ARGUMENT");
    expect(reply.details?.toString("latin1")).toContain("type.googleapis.com/google.rpc.BadRequest");
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
    expect(await statusOf(await openStream(rig))).toBe("16");
    expect(rig.receiver.stats().grpcAnswers).toEqual({ UNAUTHENTICATED: 3, OK: 1 });
  });

  it("says UNIMPLEMENTED to another service, and 415 to what is no gRPC", async () => {
    const rig = await startReceiver();
    const path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    expect(await senderTo(rig).send(sdkProtobuf, { path })).toMatchObject({ status: "UNIMPLEMENTED" });
    const stream = await openStream(rig, { "content-type": "application/json" });
    const [headers] = (await once(stream.resume(), "response")) as [Record<string, unknown>];
    expect(headers[":status"]).toBe(415);
  });
});
