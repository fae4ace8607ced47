import { describe, expect, it } from "vitest";
import type { DecodedLogs } from "../../../../src/pdata/otlp/decoded-logs.ts";
import { decodeJsonLogs } from "../../../../src/pdata/otlp/json-logs.ts";
import { decodeProtobufLogs } from "../../../../src/pdata/otlp/protobuf-logs.ts";
import { type Field, encode, request } from "../../../fixtures/otlp/protobuf-encoder.ts";
import { Random } from "../../../support/random.ts";

const TIME = 1_795_000_000_123_456_789n;
const TRACE_ID = "5b8efff798038103d269b633813fc60c";
const SPAN_ID = "eee19b7ec3c1b174";
const text = (value: string): Field[] => [[1, value]];
const attribute = (key: string, value: readonly Field[]): Field => [
  6,
  [
    [1, key],
    [2, value],
  ],
];

const RECORD: readonly Field[] = [
  [1, TIME, "fixed64"],
  [11, TIME + 5n, "fixed64"],
  [2, 9, "varint"],
  [3, "INFO"],
  [5, text("hello")],
  attribute("a", text("b")),
  attribute("n", [[3, 7, "varint"]]),
  [7, 2, "varint"],
  [9, Buffer.from(TRACE_ID, "hex")],
  [10, Buffer.from(SPAN_ID, "hex")],
  [12, "gen_ai.choice"],
];

const JSON_RECORD = {
  timeUnixNano: TIME.toString(),
  observedTimeUnixNano: (TIME + 5n).toString(),
  severityNumber: 9,
  severityText: "INFO",
  body: { stringValue: "hello" },
  attributes: [
    { key: "a", value: { stringValue: "b" } },
    { key: "n", value: { intValue: "7" } },
  ],
  droppedAttributesCount: 2,
  traceId: TRACE_ID.toUpperCase(),
  spanId: SPAN_ID,
  eventName: "gen_ai.choice",
};

const jsonRequest = (records: readonly object[]): Buffer =>
  Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: records }] }] }));

function decoded(result: DecodedLogs): Extract<DecodedLogs, { kind: "decoded" }> {
  if (result.kind === "malformed") throw new Error(result.reason);
  return result;
}

describe("log records", () => {
  it("are the same from protobuf and from JSON", () => {
    const [binary] = decoded(decodeProtobufLogs(request([RECORD]))).records;
    const [json] = decoded(decodeJsonLogs(jsonRequest([JSON_RECORD]))).records;
    expect(binary).toMatchObject({
      timeUnixNano: TIME,
      observedUnixNano: TIME + 5n,
      severityNumber: 9,
      severityText: "INFO",
      eventName: "gen_ai.choice",
      body: "hello",
      droppedAttributesCount: 2,
      traceId: TRACE_ID,
      spanId: SPAN_ID,
    });
    const { attributes, ...fields } = binary ?? {};
    const { attributes: jsonAttributes, ...jsonFields } = json ?? {};
    expect(fields).toEqual(jsonFields);
    expect([...(attributes ?? [])]).toEqual([...(jsonAttributes ?? [])]);
  });

  it("have the name of an event from its attribute where there is no field", () => {
    const old = request([[attribute("event.name", text("gen_ai.user.message"))]]);
    expect(decoded(decodeProtobufLogs(old)).records[0]?.eventName).toBe("gen_ai.user.message");
    const both = request([[attribute("event.name", text("old")), [12, "new"]]]);
    expect(decoded(decodeProtobufLogs(both)).records[0]?.eventName).toBe("new");
  });

  it("know their resource and scope", () => {
    const resource: Field = [
      1,
      [
        [
          1,
          [
            [1, "service.name"],
            [2, text("shop")],
          ],
        ],
      ],
    ];
    const scope: Field = [
      1,
      [
        [1, "instrumentation"],
        [2, "1.2.3"],
      ],
    ];
    const body = encode([[1, [resource, [2, [scope, [2, RECORD]]]]]]);
    const [record] = decoded(decodeProtobufLogs(body)).records;
    expect(record?.resource.attributes.get("service.name")).toBe("shop");
    expect(record?.scope).toMatchObject({ name: "instrumentation", version: "1.2.3" });
  });

  it("with a time beyond 2262 are rejected alone", () => {
    const bad: readonly Field[] = [[1, 2n ** 64n - 1n, "fixed64"]];
    const result = decoded(decodeProtobufLogs(request([RECORD, bad, RECORD])));
    expect(result.records).toHaveLength(2);
    expect(result.rejected).toEqual([{ reason: "time is out of range", count: 1 }]);
    const json = decoded(decodeJsonLogs(jsonRequest([JSON_RECORD, { body: { boolValue: "yes" } }])));
    expect(json.records).toHaveLength(1);
    expect(json.rejected).toEqual([{ reason: "boolValue must be a boolean", count: 1 }]);
  });

  it("beyond what one message may get wrong refuse the message", () => {
    const bad: readonly Field[] = [[1, 2n ** 64n - 1n, "fixed64"]];
    const body = request(Array.from({ length: 10_001 }, () => bad));
    expect(decodeProtobufLogs(body)).toEqual({
      kind: "malformed",
      reason: "protobuf: more than 10000 invalid log records",
    });
  });

  it("keep as many attributes as a span may have", () => {
    const many = Array.from({ length: 1_500 }, (_, index) => attribute(`key ${index}`, text("v")));
    const [record] = decoded(decodeProtobufLogs(request([many]))).records;
    expect(record?.attributes.size).toBe(1_024);
    expect(record?.droppedAttributesCount).toBe(476);
  });

  it("cut off or changed anywhere never throw", () => {
    const random = new Random(20_261_121);
    const sources = [request([RECORD, RECORD]), jsonRequest([JSON_RECORD])] as const;
    for (const [index, decode] of [decodeProtobufLogs, decodeJsonLogs].entries()) {
      const source = sources[index] ?? Buffer.alloc(0);
      for (let end = 0; end < source.length; end += 1) {
        expect(["decoded", "malformed"]).toContain(decode(source.subarray(0, end)).kind);
      }
      for (let round = 0; round < 2_000; round += 1) {
        const changed = Buffer.from(source);
        for (let change = 0; change < 3; change += 1) changed[random.below(changed.length)] = random.below(256);
        expect(["decoded", "malformed"]).toContain(decode(changed).kind);
      }
    }
  });
});
