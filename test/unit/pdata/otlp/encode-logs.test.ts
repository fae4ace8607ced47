import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogRecord } from "../../../../src/pdata/log-record.ts";
import type { DecodedLogs } from "../../../../src/pdata/otlp/decoded-logs.ts";
import { encodeJsonLogs, encodeProtobufLogs } from "../../../../src/pdata/otlp/encode-logs.ts";
import { decodeJsonLogs } from "../../../../src/pdata/otlp/json-logs.ts";
import { decodeProtobufLogs } from "../../../../src/pdata/otlp/protobuf-logs.ts";
import { arbitraryAttributes, arbitraryValue } from "../../../support/arbitrary-span.ts";
import { logRecord } from "../../../support/log-record.ts";
import { plainAttributes } from "../../../support/plain-span.ts";

function recordsOf(decoded: DecodedLogs): object[] {
  if (decoded.kind !== "decoded") throw new Error(decoded.reason);
  expect(decoded.rejected).toEqual([]);
  return decoded.records.map(plain);
}

/** What of a record is on the wire, however it is held. */
function plain({ facts: _facts, resource, scope, attributes, body, ...rest }: LogRecord): object {
  return {
    ...rest,
    body: plainAttributes(new Map([["body", body]])),
    resource: plainAttributes(resource.attributes),
    scope: { ...scope, attributes: plainAttributes(scope.attributes) },
    attributes: plainAttributes(attributes),
  };
}

const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map((bytes) => Buffer.from(bytes).toString("hex"));
const time = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

const arbitraryRecord: fc.Arbitrary<LogRecord> = fc
  .record({
    timeUnixNano: time,
    observedUnixNano: time,
    severityNumber: fc.nat(24),
    severityText: fc.string(),
    eventName: fc.string({ minLength: 1 }),
    body: arbitraryValue,
    droppedAttributesCount: fc.nat(0xffff_ffff),
    flags: fc.nat(0xffff_ffff),
    traceId: fc.oneof(fc.constant(""), hex(32)),
    spanId: fc.oneof(fc.constant(""), hex(16)),
    attributes: arbitraryAttributes,
  })
  .map(({ attributes, ...fields }) => ({ ...logRecord(fields), attributes }));

describe("log records that are sent on", () => {
  it("come through whole, with bodies and attributes of every kind", () => {
    fc.assert(
      fc.property(fc.array(arbitraryRecord, { maxLength: 5 }), (records) => {
        const wanted = records.map(plain);
        expect(recordsOf(decodeProtobufLogs(encodeProtobufLogs(records)))).toEqual(wanted);
        expect(recordsOf(decodeJsonLogs(encodeJsonLogs(records)))).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  it("make an empty request when there are none", () => {
    expect(encodeProtobufLogs([])).toHaveLength(0);
    expect(JSON.parse(encodeJsonLogs([]).toString())).toEqual({ resourceLogs: [] });
  });
});
