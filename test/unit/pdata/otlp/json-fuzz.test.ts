/**
 * Goal: JSON of the usual form, which is read in place, comes out as `JSON.parse` would have it; and so does everything
 * that only looks usual. Method: white space before a request makes the decoder read it the general way. Real and random
 * requests, whole and with seeded changes of characters and tokens, must come out the same both ways.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import { WireSpan } from "../../../../src/pdata/otlp/wire-span.ts";
import { plainSpan } from "../../../support/plain-span.ts";
import { type Random } from "../../../support/random-otlp.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const sdkJson = readFileSync(join(import.meta.dirname, "../../../fixtures/otlp/sdk-3.1.0.json"), "utf8");
const IDS = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

function outcome(body: Buffer): object {
  const decoded = decodeJsonTraces(body);
  if (decoded.kind === "malformed") return { malformed: true };
  return { spans: decoded.spans.map(plainSpan), rejected: decoded.rejected };
}

function expectSame(json: string, told: string): void {
  const body = Buffer.from(json);
  expect(outcome(body), told).toEqual(outcome(Buffer.concat([Buffer.from(" "), body])));
}

const requestOf = (...spans: readonly string[]): string =>
  `{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{"name":"s"},"spans":[${spans.join(",")}]}]}]}`;
const spanOf = (members: string): string => `{"traceId":"${IDS.traceId}","spanId":"${IDS.spanId}"${members}}`;
const withValue = (value: string): string =>
  spanOf(`,"attributes":[{"key":"a","value":${value}},{"key":"b","value":{"boolValue":true}}]`);

const VALUES = [
  ...[
    "0",
    "-0",
    "5",
    "-5",
    "007",
    "4294967296",
    "-4294967296",
    "999999999999999",
    "9223372036854775807",
    "5abc",
    "",
    " 5",
  ].map((digits) => `{"intValue":"${digits}"}`),
  ...["0", "-0", "5", "-5", "007", "1.0", "1e3", "1.5", "9007199254740993", "18446744073709551616", "+1", "--1"].map(
    (number) => `{"intValue":${number}}`,
  ),
  ...[
    "0",
    "-0",
    "0.2",
    "1e999",
    "-1E-7",
    "1.",
    ".5",
    "01",
    "1e",
    '"NaN"',
    '"-Infinity"',
    '"0.5"',
    '""',
    "12345678901234567890",
  ].map((number) => `{"doubleValue":${number}}`),
  ...['""', '"x"', '"a\\n\\"b\\u00e9"', '"\\ud800"', '"\\x"', '"tab\there"', '"grüße 🚀"', "5", "null"].map(
    (text) => `{"stringValue":${text}}`,
  ),
  ...["true", "false", "1", "null", '"true"', "True"].map((flag) => `{"boolValue":${flag}}`),
  '{"bytesValue":"AQI="}',
  '{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"9223372036854775807"},{}]}}',
  '{"kvlistValue":{"values":[{"key":"__proto__","value":{"stringValue":"x"}}]}}',
  '{"stringValue":"a","intValue":"5"}',
  '{"unknown":5}',
  "{}",
  "null",
  "5",
  "[]",
];

const MEMBERS = [
  '"traceId":"0AF7651916CD43DD8448EB211C80319F"',
  '"traceId":"00000000000000000000000000000000"',
  '"spanId":"xyz"',
  '"spanId":null',
  '"parentSpanId":""',
  '"parentSpanId":"0000000000000000"',
  '"parentSpanId":"00f067aa0ba902b7"',
  '"parentSpanId":"00f0"',
  '"startTimeUnixNano":"1795000000123456789"',
  '"startTimeUnixNano":"9223372036854775807"',
  '"startTimeUnixNano":"9223372036854775808"',
  '"endTimeUnixNano":"18446744073709551615"',
  '"endTimeUnixNano":1795000000123456789',
  '"endTimeUnixNano":"999999999"',
  '"endTimeUnixNano":"1000000000"',
  '"endTimeUnixNano":"-1"',
  '"endTimeUnixNano":""',
  '"name":"a\\tb"',
  '"name":5',
  '"kind":3',
  '"kind":03',
  '"kind":"3"',
  '"kind":4294967296',
  '"flags":257',
  '"status":{}',
  '"status":{"code":2}',
  '"status":{"code":02}',
  '"status":{"code":2,"message":"bad"}',
  '"status":{"code":"2"}',
  '"status":null',
  '"droppedAttributesCount":7',
  '"events":[{"timeUnixNano":"5","name":"e","attributes":[{"key":"k","value":{"intValue":"1"}}]}]',
  '"events":{}',
  '"links":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"}]',
  '"attributes":null',
  '"attributes":[{"value":{"intValue":"1"},"key":"turned"}]',
  '"attributes":[{"key":"k","key":"l","value":{"intValue":"1"}},{"key":"twice","value":{"intValue":"1"}},{"key":"twice","value":{"intValue":"2"}}]',
  '"attributes":[{"key":"no value"}, {"key":"\\u0061","value":{"intValue":"1"}}]',
  '"unknown":[1,{"a":"]}"},"\\""]',
  '"unknown":tru',
  '"unknown":-1.5e3',
  '"a\\u0062":1',
];

const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\\",
  " ",
  "0",
  "9",
  "-",
  ".",
  "e",
  "null",
  '"key":"a",',
  '{"intValue":"1"}',
  "\u0007",
  "é",
];

describe("JSON of the usual form", () => {
  it("is read in place", () => {
    const decoded = decodeJsonTraces(Buffer.from(sdkJson));
    expect(decoded.kind === "decoded" && decoded.spans.every((span) => span instanceof WireSpan)).toBe(true);
  });

  it("has every form of a value as the general way has it", () => {
    expect(VALUES.length).toBeGreaterThan(50);
    for (const value of VALUES) expectSame(requestOf(withValue(value), withValue('{"intValue":"1"}')), value);
  });

  it("has every member of a span as the general way has it, alone and twice", () => {
    expect(MEMBERS.length).toBeGreaterThan(30);
    for (const member of MEMBERS) {
      expectSame(requestOf(spanOf(`,${member}`), spanOf("")), member);
      for (const other of MEMBERS) expectSame(requestOf(spanOf(`,${member},${other}`)), `${member} ${other}`);
    }
  });

  it("has the order and the doubling of the outer members as the general way has them", () => {
    const resource = '"resource":{"attributes":[{"key":"r","value":{"stringValue":"x"}}]}';
    const scopes = `"scopeSpans":[{"scope":{"name":"s"},"spans":[${spanOf("")}]}]`;
    const outer = [
      `{"resourceSpans":[{${scopes},${resource}}]}`,
      `{"resourceSpans":[{${resource},${scopes},${scopes}}]}`,
      `{"resourceSpans":[{${resource},${resource},${scopes}}]}`,
      `{"resourceSpans":[{${resource},${scopes},"schemaUrl":"https://x"}],"other":1}`,
      `{"resourceSpans":[{${resource},${scopes}}],"resourceSpans":[]}`,
      `{"resourceSpans":[{${resource},"scopeSpans":[{"spans":[${spanOf("")}],"scope":{"name":"late"}}]}]}`,
      `{"resourceSpans":[{${resource},${scopes}}]}x`,
      `{"resourceSpans":[{"resource":5,${scopes}}]}`,
      `{"resourceSpans":[{"scopeSpans":[{"spans":null}]}]}`,
      `{"resourceSpans":[null]}`,
      `{"resourceSpans":null}`,
      `{}`,
      `{"resourceSpans":[]}`,
    ];
    expect(outer).not.toHaveLength(0);
    for (const json of outer) expectSame(json, json);
  });

  it("comes out the same both ways after random changes of its characters", () => {
    const sources = [sdkJson, requestOf(...VALUES.slice(0, 12).map(withValue)), requestOf(spanOf(`,${MEMBERS[7]}`))];
    for (const source of sources) {
      const random = seededRandom(source.length);
      let changes = 0;
      for (; changes < 2_500; changes += 1) {
        const json = changed(source, random);
        expectSame(json, json);
      }
      expect(changes).toBe(2_500);
    }
  });
});

function changed(json: string, random: Random): string {
  let result = json;
  for (let count = 0; count <= random() * 2; count += 1) {
    const at = Math.floor(random() * result.length);
    const taken = Math.floor(random() * 3);
    const token = random() < 0.3 ? "" : (TOKENS[Math.floor(random() * TOKENS.length)] ?? "");
    result = result.slice(0, at) + token + result.slice(at + taken);
  }
  return result;
}
