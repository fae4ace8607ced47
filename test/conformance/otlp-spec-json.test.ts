/**
 * Goal: OTLP/JSON and log records are read as the specification and the proto files say.
 * Method: requests by hand, then a look at what the pipeline was given. See otlp-spec.test.ts for the protocol.
 */
import { afterEach, describe, expect, it } from "vitest";
import { type Field, request as protobufRequest } from "../fixtures/otlp/protobuf-encoder.ts";
import { startReceiver, stopReceivers } from "../integration/receivers/rig.ts";
import {
  JSON_TYPE,
  type PostOptions,
  PROTOBUF,
  type Reply,
  SIGNALS,
  SPAN_JSON,
  jsonOf,
  send,
} from "./otlp-requests.ts";

afterEach(stopReceivers);

describe("JSON", () => {
  const attributesOf = (values: readonly object[]): object[] =>
    values.map((value, index) => ({ key: `key ${index}`, value }));
  /** A log record and a span with the attribute `n`. */
  const integerRequests = (text: string): [PostOptions, PostOptions] => {
    const attributes = `"attributes":[{"key":"n","value":{"intValue":${text}}}]`;
    const span = `${JSON.stringify(SPAN_JSON).slice(0, -1)},${attributes}}`;
    const bodies = [
      `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${attributes}}]}]}]}`,
      `{"resourceSpans":[{"scopeSpans":[{"spans":[${span}]}]}]}`,
    ].map((body) => Buffer.from(body));
    return [
      { path: "/v1/logs", type: JSON_TYPE, body: bodies[0] ?? {} },
      { path: "/v1/traces", type: JSON_TYPE, body: bodies[1] ?? {} },
    ];
  };

  it("has ids in hex of any case, for spans and log records", async () => {
    const rig = await startReceiver();
    const { traceId, spanId } = SPAN_JSON;
    const mixedCase = { traceId: traceId.toLowerCase(), spanId: "EEE19b7ec3C1B174" };
    await send(rig, { path: "/v1/traces", type: JSON_TYPE, body: SIGNALS[0]?.jsonRequest([SPAN_JSON]) ?? {} });
    await send(rig, { path: "/v1/logs", type: JSON_TYPE, body: SIGNALS[1]?.jsonRequest([mixedCase]) ?? {} });
    const ids = { traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase() };
    expect(rig.batches[0]?.spans[0]).toMatchObject(ids);
    expect(rig.logBatches[0]?.records[0]).toMatchObject(ids);
  });

  it("takes 64-bit integers as strings and as numbers, exactly", async () => {
    const rig = await startReceiver();
    const body = (time: string, integers: readonly string[]): Buffer => {
      const attributes = integers.map((text, index) => `{"key":"key ${index}","value":{"intValue":${text}}}`);
      const record = `{"timeUnixNano":${time},"attributes":[${attributes.join(",")}]}`;
      return Buffer.from(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[${record}]}]}]}`);
    };
    const time = 1_795_000_000_123_456_789n;
    await send(rig, { path: "/v1/logs", type: JSON_TYPE, body: body(`"${time}"`, ['"-9223372036854775808"', '"7"']) });
    await send(rig, { path: "/v1/logs", type: JSON_TYPE, body: body(`${time}`, ["-9223372036854775808", "7"]) });
    const records = rig.logBatches.flatMap((batch) => batch.records);
    expect(records).toHaveLength(2);
    for (const record of records) {
      expect(record.timeUnixNano).toBe(time);
      expect([...record.attributes].map(([, value]) => value)).toEqual([-9_223_372_036_854_775_808n, 7n]);
    }
  });

  it.each([
    ['"1e3"', 1_000n],
    ["1e3", 1_000n],
    ['"1.0"', 1n],
    ["1.0", 1n],
    ['"1.25E+2"', 125n],
    ['"5000e-3"', 5n],
    ['"-0"', 0n],
    ['"9.223372036854775807e18"', 9_223_372_036_854_775_807n],
    ["-9223372036854775808", -9_223_372_036_854_775_808n],
  ])("takes whole numbers with a point or an exponent, quoted or not: %s", async (text, integer) => {
    const rig = await startReceiver();
    for (const body of integerRequests(text)) await send(rig, body);
    expect(rig.logBatches[0]?.records[0]?.attributes.get("n")).toBe(integer);
    expect(rig.batches[0]?.spans[0]?.attributes.get("n")).toBe(integer);
  });

  it.each([
    '"9223372036854775808"',
    "9223372036854775808",
    '"-9223372036854775809"',
    "1e30",
    '"1e999999999"',
    '"1e-999999999"',
    '"1.5"',
    "1.5",
    '"0x10"',
    '" 1"',
    '""',
    "true",
  ])("rejects what is no 64-bit integer, and never changes it: %s", async (text) => {
    const rig = await startReceiver();
    const [logs, traces] = integerRequests(text);
    expect(jsonOf(await send(rig, logs))).toMatchObject({ partialSuccess: { rejectedLogRecords: "1" } });
    expect(jsonOf(await send(rig, traces))).toMatchObject({ partialSuccess: { rejectedSpans: "1" } });
  });

  it("has enums as integers only, and names in lowerCamelCase only", async () => {
    const rig = await startReceiver();
    const post = (record: object): Promise<Reply> =>
      send(rig, {
        path: "/v1/logs",
        type: JSON_TYPE,
        body: { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] },
      });
    expect(jsonOf(await post({ severityNumber: "SEVERITY_NUMBER_INFO" }))).toMatchObject({
      partialSuccess: { rejectedLogRecords: "1" },
    });
    expect(jsonOf(await post({ severity_number: 9, event_name: "no", severityNumber: 5 }))).toEqual({});
    expect(rig.logBatches[0]?.records[0]).toMatchObject({ severityNumber: 5, eventName: "" });
  });

  it("has bytes in base64, and every kind of value, in attributes and bodies", async () => {
    const rig = await startReceiver();
    const values = [
      { stringValue: "text" },
      { boolValue: true },
      { doubleValue: 1.5 },
      { doubleValue: "NaN" },
      { bytesValue: "AQID" },
      { arrayValue: { values: [{ intValue: "1" }, {}] } },
      { kvlistValue: { values: [{ key: "a", value: { stringValue: "b" } }] } },
    ];
    const record = { attributes: attributesOf(values), body: { kvlistValue: { values: attributesOf(values) } } };
    await send(rig, { path: "/v1/logs", type: JSON_TYPE, body: SIGNALS[1]?.jsonRequest([record]) ?? {} });
    const [taken] = rig.logBatches.flatMap((batch) => batch.records);
    const expected = ["text", true, 1.5, Number.NaN, new Uint8Array([1, 2, 3]), [1n, null], { a: "b" }];
    expect(
      JSON.parse(
        JSON.stringify(
          [...(taken?.attributes ?? [])].map(([, value]) => value),
          plain,
        ),
      ),
    ).toEqual(JSON.parse(JSON.stringify(expected, plain)));
    expect(JSON.parse(JSON.stringify(Object.values(taken?.body ?? {}), plain))).toEqual(
      JSON.parse(JSON.stringify(expected, plain)),
    );
  });

  it("has null for what is not there, also in a value, of which some writers give every kind", async () => {
    const rig = await startReceiver();
    const kinds = ["stringValue", "boolValue", "intValue", "doubleValue", "bytesValue", "arrayValue", "kvlistValue"];
    const none = Object.fromEntries(kinds.map((kind) => [kind, null]));
    const attributes = attributesOf([{ ...none, intValue: "5" }, { ...none, kvlistValue: { values: null } }, none]);
    for (const { path, json, jsonRequest } of SIGNALS) {
      await send(rig, { path, type: JSON_TYPE, body: jsonRequest([{ ...json, attributes }]) });
      const item = rig.logBatches[0]?.records[0] ?? rig.batches[0]?.spans[0];
      expect([...(item?.attributes ?? [])].map(([, value]) => value)).toEqual([5n, {}, null]);
    }
  });
});

describe("log records", () => {
  it("with ids that are missing, all zero or of another length belong to no trace, and are taken", async () => {
    const rig = await startReceiver();
    const ids = ["", "00000000000000000000000000000000", "0af7651916cd43dd"].map((hex) => Buffer.from(hex, "hex"));
    const body = protobufRequest(
      ids.map((id): Field[] => [
        [9, id],
        [10, Buffer.alloc(8)],
      ]),
    );
    expect((await send(rig, { path: "/v1/logs", type: PROTOBUF, body })).body).toHaveLength(0);
    const records = rig.logBatches.flatMap((batch) => batch.records);
    expect(records.map(({ traceId, spanId }) => [traceId, spanId])).toEqual(ids.map(() => ["", ""]));
  });
});

/** What JSON can't hold, as text. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" && Number.isNaN(value)) return "NaN";
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
