/** Senders whose messages are made to cost much: bombs, giants, depths and floods of values. Each says what it must be answered. */
import { promisify } from "node:util";
import { deflate, gzip, zstdCompress } from "node:zlib";
import { type Field, encode, request as otlpRequest, spanFields, varint } from "../fixtures/otlp/protobuf-encoder.ts";
import { GrpcSender } from "./grpc-sender.ts";
import type { HostileTarget } from "./hostile-sockets.ts";

export interface HostileAnswer {
  readonly what: string;
  /** HTTP status, or the name of a gRPC status. */
  readonly answer: string;
  readonly wanted: readonly string[];
}

/** Refused for its size, or, while silent calls hold the memory, before it could be read. */
const TOO_LARGE_OVER_GRPC = ["RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNAVAILABLE"];
const MIB = 1_048_576;
const CLOSED = "closed";
/** The rig gives a body 4 s; a machine with other work may need longer to send it. */
const TOO_SLOW = "408";
const ATTEMPTS_MAX = 5;
const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

interface Post {
  readonly what: string;
  readonly body: Buffer;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default either */
  readonly path?: string;
  readonly wanted: readonly string[];
}

async function post(
  target: HostileTarget,
  { what, body, type, headers = {}, path, wanted }: Post,
): Promise<HostileAnswer> {
  const where = path ?? target.random.pick(["/v1/traces", "/v1/logs"]);
  const options = { method: "POST", headers: { "content-type": type, ...headers }, body: new Uint8Array(body) };
  let answer = CLOSED;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    try {
      const response = await fetch(`${target.httpUrl}${where}`, options);
      await response.arrayBuffer();
      answer = String(response.status);
      if (answer !== TOO_SLOW) break;
    } catch {
      // A connection of this process's pool that the processor had closed; any client would try again.
    }
  }
  return { what, answer, wanted };
}

/** 256 MiB of nothing, packed. */
export async function sendsBombs(target: HostileTarget): Promise<readonly HostileAnswer[]> {
  const nothing = Buffer.alloc(256 * MIB);
  // Not at once in this thread: it would not see which of its connections are closed meanwhile.
  const packed = [
    ["gzip", await promisify(gzip)(nothing)],
    ["deflate", await promisify(deflate)(nothing)],
    ["zstd", await promisify(zstdCompress)(nothing)],
  ] as const;
  const answers = await Promise.all(
    packed.map(([encoding, body]) => {
      const headers = { "content-encoding": encoding };
      return post(target, { what: `${encoding} bomb`, body, type: PROTOBUF, headers, wanted: ["413"] });
    }),
  );
  const sender = new GrpcSender(target.grpcUrl, { compression: 2 });
  const { status: answer } = await sender.send(nothing.subarray(0, 64 * MIB));
  sender.close();
  return [...answers, { what: "gzip bomb over gRPC", answer, wanted: TOO_LARGE_OVER_GRPC }];
}

/** An attribute of 10 MiB, and a span with a million attributes: taken, cut. */
export async function sendsGiants(target: HostileTarget): Promise<readonly HostileAnswer[]> {
  const path = "/v1/traces";
  const large = spanWith([[9, attribute("large", "x".repeat(10 * MIB))]]);
  const answers = [
    await post(target, { what: "10 MiB attribute", body: large, type: PROTOBUF, path, wanted: ["200"] }),
  ];
  const many = spanWith([], millionAttributes());
  answers.push(await post(target, { what: "1,000,000 attributes", body: many, type: PROTOBUF, path, wanted: ["200"] }));
  const sender = new GrpcSender(target.grpcUrl);
  const { status: answer } = await sender.send(large);
  sender.close();
  return [...answers, { what: "10 MiB attribute over gRPC", answer, wanted: TOO_LARGE_OVER_GRPC }];
}

/** Values nested far deeper than anything reads, in both encodings, as values and as nonsense. */
export async function nestsDeeply(target: HostileTarget): Promise<readonly HostileAnswer[]> {
  const depth = 20_000;
  const jsonValue = `${'{"arrayValue":{"values":['.repeat(depth)}${"]}}".repeat(depth)}`;
  const json = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"a","value":${jsonValue}}]}]}]}]}`;
  const refused = ["200", "400"];
  return Promise.all([
    post(target, { what: "deep JSON value", body: Buffer.from(json), type: JSON_TYPE, wanted: refused }),
    post(target, { what: "deep JSON", body: Buffer.from("[".repeat(1_000_000)), type: JSON_TYPE, wanted: ["400"] }),
    post(target, {
      what: "deep protobuf",
      body: spanWith([[9, deepAttribute(depth)]]),
      type: PROTOBUF,
      wanted: refused,
    }),
  ]);
}

/** Metadata and headers that are larger than messages. */
export async function sendsHugeMetadata(target: HostileTarget): Promise<readonly HostileAnswer[]> {
  const sender = new GrpcSender(target.grpcUrl);
  const metadata = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, "y".repeat(8_192)]));
  const { status: answer } = await sender.send(Buffer.alloc(0), { metadata });
  sender.close();
  const headers = { "x-large": "y".repeat(100_000) };
  const overHttp = { what: "huge header", body: Buffer.alloc(0), type: PROTOBUF, headers, wanted: ["431", "closed"] };
  return [
    { what: "huge metadata", answer, wanted: [...TOO_LARGE_OVER_GRPC, "INTERNAL", "CANCELLED"] },
    await post(target, overHttp),
  ];
}

/** Labels that no two spans share: 20,000 a time. */
export async function sendsDistinctLabels(target: HostileTarget): Promise<readonly HostileAnswer[]> {
  const answers: HostileAnswer[] = [];
  const spansInBatch = 2_000;
  for (let batch = 0; batch < target.size; batch += 2) {
    const spans = Array.from({ length: spansInBatch }, () => {
      const value = target.random.next().toString(36);
      const keys = ["gen_ai.agent.name", "session.id", "user.id", "tollgate.label.tenant", `key.${value}`];
      const id = Buffer.from(Array.from({ length: 8 }, () => target.random.between(1, 255)));
      return spanFields(1, [[2, id], ...keys.map((key): Field => [9, attribute(key, value)])]);
    });
    const body = otlpRequest(spans);
    answers.push(
      await post(target, { what: "distinct labels", body, type: PROTOBUF, path: "/v1/traces", wanted: ["200"] }),
    );
  }
  return answers;
}

const attribute = (key: string, value: string): readonly Field[] => [
  [1, key],
  [2, [[1, value]]],
];

/** One span with more in it; `raw` are encoded fields. */
function spanWith(fields: readonly Field[], raw: Buffer = Buffer.alloc(0)): Buffer {
  const span = Buffer.concat([encode(spanFields(1, fields)), raw]);
  return encode([[1, [[2, [[2, span]]]]]]);
}

function millionAttributes(): Buffer {
  const one = encode([[9, attribute("k0000000", "v")]]);
  const digits = one.indexOf("0000000");
  const all = Buffer.alloc(one.length * 1_000_000);
  for (let index = 0; index < 1_000_000; index += 1) {
    const at = index * one.length;
    one.copy(all, at);
    all.write(String(index).padStart(7, "0"), at + digits, "latin1");
  }
  return all;
}

/** A KeyValue whose value is an array in an array, and so on; built from the inside. */
function deepAttribute(depth: number): Buffer {
  const headers: Buffer[] = [];
  let length = 0;
  for (let level = 0; level < depth; level += 1) {
    // AnyValue.array_value (5), ArrayValue.values (1): each wraps what is inside of it.
    for (const field of [1, 5]) {
      const header = Buffer.concat([Buffer.from([(field << 3) | 2]), varint(length)]);
      headers.push(header);
      length += header.length;
    }
  }
  const value = Buffer.concat(headers.toReversed());
  return encode([
    [1, "deep"],
    [2, value],
  ]);
}
