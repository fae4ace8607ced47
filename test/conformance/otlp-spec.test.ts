/**
 * Goal: the receiver keeps to the OTLP specification, clause by clause, for both transports and both signals.
 * Method: each test is a sentence of https://opentelemetry.io/docs/specs/otlp/ that binds a server; requests are made by hand,
 * answers are read as bytes. What binds clients only, and what a signal or transport adds to it, is tested elsewhere.
 */
import { Agent } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { Outcome } from "../../src/component/outcome.ts";
import { DEFAULT_OTLP_GRPC_ENDPOINT, DEFAULT_OTLP_HTTP_ENDPOINT } from "../../src/receivers/otlp/config.ts";
import { type Field, encode, request as protobufRequest } from "../fixtures/otlp/protobuf-encoder.ts";
import { type Rig, startReceiver, stopReceivers } from "../integration/receivers/rig.ts";
import { GrpcSender } from "../support/grpc-sender.ts";
import { JSON_TYPE, PROTOBUF, type PostOptions, SIGNALS, jsonOf, send } from "./otlp-requests.ts";

const RETRYABLE: Outcome = { kind: "retryable", reason: "the spool is full", retryAfterMs: 2_500 };
const PERMANENT: Outcome = { kind: "permanent", reason: "never" };

const senders: GrpcSender[] = [];
afterEach(async () => {
  for (const sender of senders.splice(0)) sender.close();
  await stopReceivers();
});

function grpc(rig: Rig, compression: 0 | 1 | 2 = 0): GrpcSender {
  const sender = new GrpcSender(rig.receiver.grpcUrl, { compression });
  senders.push(sender);
  return sender;
}

const partialSuccess = (count: number, message: string): Buffer =>
  encode([
    [
      1,
      [
        [1, count, "varint"],
        [2, message],
      ],
    ],
  ]);

describe.each(SIGNALS)("OTLP, $signal", (signal) => {
  const { path, method, rejectedKey, count } = signal;
  const good = protobufRequest([signal.protobuf]);
  const mixed = protobufRequest([signal.protobuf, signal.badProtobuf]);

  describe("all server components MUST support", () => {
    it.each([
      ["none", 0],
      ["gzip", 2],
    ] as const)("compression %s, over both transports", async (name, compression) => {
      const rig = await startReceiver();
      const headers = name === "gzip" ? { "content-encoding": "gzip" } : {};
      const body = name === "gzip" ? gzipSync(good) : good;
      expect((await send(rig, { path, type: PROTOBUF, body, headers })).status).toBe(200);
      expect((await grpc(rig, compression).send(good, { path: method })).status).toBe("OK");
      expect(count(rig)).toBe(2);
    });
  });

  describe("full success", () => {
    it("MUST be 200 with the response message, and partial_success MUST be unset", async () => {
      const rig = await startReceiver();
      const binary = await send(rig, { path, type: PROTOBUF, body: good });
      expect(binary).toMatchObject({ status: 200, headers: { "content-type": PROTOBUF } });
      expect(binary.body).toHaveLength(0);
      const json = await send(rig, { path, type: JSON_TYPE, body: signal.jsonRequest([signal.json]) });
      expect(json).toMatchObject({ status: 200, headers: { "content-type": JSON_TYPE } });
      expect(jsonOf(json)).toEqual({});
      const reply = await grpc(rig).send(good, { path: method });
      expect(reply.status).toBe("OK");
      expect(reply.response).toHaveLength(0);
      expect(count(rig)).toBe(3);
    });

    it("SHOULD be the answer to an empty request, and to empty envelopes", async () => {
      const rig = await startReceiver();
      for (const body of [{}, signal.emptyEnvelope]) {
        expect(jsonOf(await send(rig, { path, type: JSON_TYPE, body }))).toEqual({});
      }
      for (const body of [Buffer.alloc(0), encode([[1, []]]), protobufRequest([])]) {
        expect(await send(rig, { path, type: PROTOBUF, body })).toMatchObject({ status: 200 });
        expect((await grpc(rig).send(body, { path: method })).status).toBe("OK");
      }
      expect(count(rig)).toBe(0);
    });
  });

  describe("partial success", () => {
    it("MUST be 200 with the number of rejected items, SHOULD say why, and takes the others", async () => {
      const rig = await startReceiver();
      const body = signal.jsonRequest([signal.json, signal.badJson]);
      const reply = await send(rig, { path, type: JSON_TYPE, body });
      expect(reply.status).toBe(200);
      const { partialSuccess: told } = jsonOf(reply) as { partialSuccess: Readonly<Record<string, string>> };
      // int64 in JSON is a decimal string.
      expect(told[rejectedKey]).toBe("1");
      expect(told["errorMessage"]).toMatch(/^1 rejected: \w+/);
      expect(count(rig)).toBe(1);
    });

    it("is the same message in protobuf, over both transports", async () => {
      const rig = await startReceiver();
      const reply = await send(rig, { path, type: PROTOBUF, body: mixed });
      const message = rejectedMessage(reply.body);
      expect(message).toMatch(/^1 rejected: \w+/);
      expect(reply.body).toEqual(partialSuccess(1, message));
      const overGrpc = await grpc(rig).send(mixed, { path: method });
      expect(overGrpc).toMatchObject({ status: "OK" });
      expect(overGrpc.response).toEqual(partialSuccess(1, message));
      expect(count(rig)).toBe(2);
    });

    it("tells what the pipeline rejected, too", async () => {
      const rejected: Outcome = { kind: "success", rejected: [{ count: 1, reason: "not yours" }] };
      const rig = await startReceiver({ outcome: async () => rejected });
      const reply = await send(rig, { path, type: PROTOBUF, body: good });
      expect(reply.body).toEqual(partialSuccess(1, "1 rejected: not yours"));
      const stats = signal.signal === "logs" ? rig.receiver.stats().logs : rig.receiver.stats();
      expect(stats).toMatchObject({ received: 1, stored: 0, refused: 1 });
    });
  });

  describe("failures", () => {
    it("that may be tried again are 503 with Retry-After, or UNAVAILABLE with RetryInfo", async () => {
      const rig = await startReceiver({ outcome: async () => RETRYABLE });
      const reply = await send(rig, { path, type: JSON_TYPE, body: signal.jsonRequest([signal.json]) });
      expect(reply).toMatchObject({ status: 503, headers: { "retry-after": "3", "content-type": JSON_TYPE } });
      expect(jsonOf(reply)).toMatchObject({ message: "the spool is full" });
      const overGrpc = await grpc(rig).send(good, { path: method });
      expect(overGrpc).toMatchObject({ status: "UNAVAILABLE", message: "the spool is full" });
      expect(overGrpc.details?.toString("latin1")).toContain("type.googleapis.com/google.rpc.RetryInfo");
    });

    it("that must not be tried again are 400, or INVALID_ARGUMENT", async () => {
      const rig = await startReceiver({ outcome: async () => PERMANENT });
      expect(await send(rig, { path, type: PROTOBUF, body: good })).toMatchObject({ status: 400 });
      expect(await grpc(rig).send(good, { path: method })).toMatchObject({ status: "INVALID_ARGUMENT" });
    });

    it("have a google.rpc.Status as their body, in the encoding of the request", async () => {
      const rig = await startReceiver();
      const statuses: number[] = [];
      const requests: PostOptions[] = [
        { path: "/v1/metrics", body: Buffer.from("{}") },
        { path, method: "PUT" },
        { path, headers: { "content-encoding": "br" } },
      ];
      for (const options of requests) {
        const json = await send(rig, { ...options, type: JSON_TYPE });
        expect(json.headers["content-type"]).toBe(JSON_TYPE);
        const { code, message } = jsonOf(json) as { code: number; message: string };
        const binary = await send(rig, { ...options, type: PROTOBUF });
        expect(binary).toMatchObject({ status: json.status, headers: { "content-type": PROTOBUF } });
        const status = statusBytes(code, message);
        expect(binary.body.subarray(0, status.length)).toEqual(status);
        statuses.push(json.status);
      }
      expect(statuses).toEqual([404, 405, 415]);
    });

    it("for bad data name it in Status.details as a BadRequest", async () => {
      const rig = await startReceiver();
      const json = await send(rig, {
        path,
        type: JSON_TYPE,
        body: Buffer.from('{"resourceSpans":5,"resourceLogs":5}'),
      });
      expect(json.status).toBe(400);
      const { message, details } = jsonOf(json) as { message: string; details: unknown };
      const fieldViolations = [{ description: message }];
      expect(details).toEqual([{ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations }]);
      const broken = Buffer.from([0x0a, 0x7f]);
      const binary = await send(rig, { path, type: PROTOBUF, body: broken });
      const overGrpc = await grpc(rig).send(broken, { path: method });
      expect(binary.body.toString("latin1")).toContain("type.googleapis.com/google.rpc.BadRequest");
      expect(overGrpc.details).toEqual(binary.body);
    });
  });

  describe("requests", () => {
    it("over the size limit, also after decompression, are 413, or RESOURCE_EXHAUSTED", async () => {
      const rig = await startReceiver({ http: { max_request_body_size: 1_000 }, grpc: { max_recv_msg_size_mib: 1 } });
      const headers = { "content-encoding": "gzip" };
      const bomb = gzipSync(Buffer.alloc(100_000));
      expect(bomb.length).toBeLessThan(1_000);
      expect((await send(rig, { path, type: PROTOBUF, body: Buffer.alloc(1_001) })).status).toBe(413);
      expect((await send(rig, { path, type: PROTOBUF, body: bomb, headers })).status).toBe(413);
      const large = Buffer.alloc(1_048_577);
      for (const compression of [0, 2] as const) {
        const { status } = await grpc(rig, compression).send(large, { path: method });
        expect(status).toBe("RESOURCE_EXHAUSTED");
      }
    });

    it("may have unknown fields, which are ignored in both encodings", async () => {
      const rig = await startReceiver();
      const unknown: readonly Field[] = [
        [200, "unknown"],
        [201, 7, "varint"],
        [202, 7n, "fixed64"],
      ];
      const body = Buffer.concat([protobufRequest([[...signal.protobuf, ...unknown]]), encode(unknown)]);
      expect((await send(rig, { path, type: PROTOBUF, body })).body).toHaveLength(0);
      const json = { ...signal.jsonRequest([{ ...signal.json, unknown: { a: [1] } }]), unknown: null };
      expect(jsonOf(await send(rig, { path, type: JSON_TYPE, body: json }))).toEqual({});
      expect(count(rig)).toBe(2);
    });

    it("may have content types with parameters, and are answered without", async () => {
      const rig = await startReceiver();
      const body = signal.jsonRequest([signal.json]);
      for (const type of ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']) {
        expect(await send(rig, { path, type, body })).toMatchObject({
          status: 200,
          headers: { "content-type": JSON_TYPE },
        });
      }
      expect((await send(rig, { path, type: "application/x-protobuf; v=1", body: good })).status).toBe(200);
      expect(count(rig)).toBe(3);
    });

    it("of another media type, or none, are 415; another method 405 with Allow; another path 404", async () => {
      const rig = await startReceiver();
      for (const type of [undefined, "text/plain", "application/json; charset=latin1", "application/grpc"]) {
        expect((await send(rig, { path, type, body: good })).status).toBe(415);
      }
      for (const other of ["GET", "PUT", "DELETE", "OPTIONS"]) {
        expect(await send(rig, { path, method: other })).toMatchObject({ status: 405, headers: { allow: "POST" } });
      }
      expect((await send(rig, { path: `${path}/more`, type: PROTOBUF, body: good })).status).toBe(404);
      expect(count(rig)).toBe(0);
    });

    it("may name the whole URL, as clients of a proxy do, and parameters behind the path", async () => {
      const rig = await startReceiver();
      const body = Buffer.from("{}");
      for (const path of ["http://collector:4318/v1/traces", "/v1/traces?from=here", "HTTP://collector/v1/logs?x"]) {
        expect(await send(rig, { path, type: JSON_TYPE, body }), path).toMatchObject({ status: 200 });
      }
      expect(await send(rig, { path: "http://collector:4318", type: JSON_TYPE, body })).toMatchObject({ status: 404 });
    });

    it("may ask for a compressed answer, which a server need not give", async () => {
      const rig = await startReceiver();
      const headers = { "accept-encoding": "gzip" };
      const reply = await send(rig, { path, type: JSON_TYPE, body: {}, headers });
      const body = reply.headers["content-encoding"] === "gzip" ? gunzipSync(reply.body) : reply.body;
      expect(body.toString()).toBe("{}");
    });

    it("share one connection, whatever their encoding; browsers of other sites are told nothing", async () => {
      const rig = await startReceiver();
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      agent.on("free", (socket: { localPort?: number }) => ports.add(socket.localPort));
      const headers = { origin: "https://elsewhere.example" };
      for (const [type, body] of [
        [PROTOBUF, good],
        [JSON_TYPE, signal.jsonRequest([signal.json])],
        [JSON_TYPE, Buffer.from("{")],
        [PROTOBUF, mixed],
      ] as const) {
        const reply = await send(rig, { path, type, body, headers, agent });
        expect(Object.keys(reply.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
      agent.destroy();
      expect(ports.size).toBe(1);
    });
  });
});

describe("signals that are not served", () => {
  it("are never to be sent again: 404 that says what is served, and UNIMPLEMENTED", async () => {
    const rig = await startReceiver();
    for (const path of ["/v1/metrics", "/v1development/profiles"]) {
      const reply = await send(rig, { path, type: JSON_TYPE, body: {} });
      expect(reply.status).toBe(404);
      expect(jsonOf(reply)).toMatchObject({ message: "only /v1/traces and /v1/logs are served here" });
    }
    const path = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    expect((await grpc(rig).send(Buffer.alloc(0), { path })).status).toBe("UNIMPLEMENTED");
  });
});

it("the default ports are 4317 for gRPC and 4318 for HTTP", () => {
  expect(DEFAULT_OTLP_GRPC_ENDPOINT).toMatch(/:4317$/);
  expect(DEFAULT_OTLP_HTTP_ENDPOINT).toMatch(/:4318$/);
});

function statusBytes(code: number, message: string): Buffer {
  return encode([
    [1, code, "varint"],
    [2, message],
  ]);
}

/** `error_message` of the one partial success in a response. */
function rejectedMessage(response: Buffer): string {
  return response.subarray(response.indexOf("1 rejected")).toString();
}
