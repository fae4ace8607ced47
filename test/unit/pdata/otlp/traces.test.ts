/**
 * Goal: whatever bytes arrive, the outcome is a `DecodedTraces`; good spans come through exactly, bad ones go alone.
 * Method: bytes of the real SDK serializers (both encodings must give the same spans), hand-made wrong messages, and
 * every truncation and many bit flips of the real bytes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OTLP_LIMITS } from "../../../../src/pdata/otlp/decoded.ts";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import type { Span } from "../../../../src/pdata/span.ts";
import { plainSpan } from "../../../support/plain-span.ts";
import { type Field, TRACE_ID, encode, request, spanFields, varint } from "../../../fixtures/otlp/protobuf-encoder.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/otlp");
const sdkProtobuf = readFileSync(join(FIXTURES, "sdk-3.1.0.bin"));
const sdkJson = readFileSync(join(FIXTURES, "sdk-3.1.0.json"));

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const jsonSpan = (span: object): Buffer => json({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
const JSON_IDS = { traceId: "0AF7651916CD43DD8448EB211C80319C", spanId: "B7AD6B7169203331" };

function spansOf(decoded: ReturnType<typeof decodeJsonTraces>): readonly Span[] {
  expect(decoded.kind).toBe("decoded");
  return decoded.kind === "decoded" ? decoded.spans : [];
}

describe("an export request of the real SDK", () => {
  it("is read to the last attribute from protobuf", () => {
    const [call] = spansOf(decodeProtobufTraces(sdkProtobuf));
    expect(call).toMatchObject({
      name: "chat gpt-4o",
      kind: 3,
      startUnixNano: 1_795_000_000_123_456_789n,
      endUnixNano: 1_795_000_001_000_000_005n,
      statusCode: 2,
      statusMessage: "stopped",
      scope: { name: "@tollgate/golden", version: "1.2.3" },
    });
    expect(Object.fromEntries(call?.attributes ?? [])).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.usage.input_tokens": 1200n,
      "gen_ai.usage.output_tokens": 34n,
      double: 0.25,
      negative: -7n,
      big: 9_007_199_254_740_991n,
      flag: true,
      list: ["a", "b"],
      numbers: [1n, 2.5],
      text: "grüße 🚀",
    });
    expect(call?.events).toEqual([
      { timeUnixNano: 1_795_000_000_200_000_000n, name: "gen_ai.choice", attributes: new Map([["index", 0n]]) },
    ]);
    expect(call?.links[0]?.spanId).toBe("b7ad6b7169203331");
    expect(call?.resource.attributes.get("team")).toBe("checkout");
  });

  it("gives the same spans from JSON", () => {
    const spans = spansOf(decodeProtobufTraces(sdkProtobuf)).map(plainSpan);
    expect(spans).toHaveLength(2);
    expect(spansOf(decodeJsonTraces(sdkJson)).map(plainSpan)).toEqual(spans);
  });
});

describe("protobuf", () => {
  it("takes an empty message as an empty request", () => {
    expect(decodeProtobufTraces(Buffer.alloc(0))).toEqual({ kind: "decoded", spans: [], rejected: [] });
  });

  it("refuses a span with wrong or zero ids alone, and keeps its neighbours", () => {
    const wrong: Field[][] = [
      [
        [1, TRACE_ID],
        [2, Buffer.alloc(7, 1)],
      ],
      [
        [1, TRACE_ID.subarray(1)],
        [2, Buffer.alloc(8, 1)],
      ],
      [
        [1, Buffer.alloc(16)],
        [2, Buffer.alloc(8, 1)],
      ],
      [
        [1, TRACE_ID],
        [2, Buffer.alloc(8)],
      ],
      spanFields(9, [[4, Buffer.alloc(3, 1)]]),
      spanFields(9, [[7, 2n ** 64n - 1n, "fixed64"]]),
    ];
    const decoded = decodeProtobufTraces(request([spanFields(1), ...wrong, spanFields(2)]));
    expect(spansOf(decoded).map((span) => span.name)).toEqual(["span 1", "span 2"]);
    expect(decoded).toMatchObject({
      rejected: [
        { reason: "span_id must be 8 bytes, not all zero", count: 2 },
        { reason: "trace_id must be 16 bytes, not all zero", count: 2 },
        { reason: "parent_span_id must be empty or 8 bytes", count: 1 },
        { reason: "time is out of range", count: 1 },
      ],
    });
  });

  it("reads the resource also when it comes after its spans, and skips fields it does not know", () => {
    const resource: Field = [
      1,
      [
        [
          1,
          [
            [1, "service.name"],
            [2, [[1, "late"]]],
          ],
        ],
      ],
    ];
    const scopeSpans: Field = [
      2,
      [
        [
          2,
          spanFields(1, [
            [200, "unknown"],
            [201, 5, "varint"],
          ]),
        ],
      ],
    ];
    const [span] = spansOf(
      decodeProtobufTraces(
        encode([
          [1, [scopeSpans, resource]],
          [77, "unknown"],
        ]),
      ),
    );
    expect(span?.resource.attributes.get("service.name")).toBe("late");
  });

  it("takes an all-zero parent for none", () => {
    const [span] = spansOf(decodeProtobufTraces(request([spanFields(1, [[4, Buffer.alloc(8)]])])));
    expect(span?.parentSpanId).toBe("");
  });

  it("cuts values that nest too deeply instead of following them", () => {
    let value: Field[] = [[1, "bottom"]];
    for (let depth = 0; depth < 5_000; depth += 1) value = [[5, [[1, encode(value)]]]];
    const decoded = decodeProtobufTraces(
      request([
        spanFields(1, [
          [
            9,
            [
              [1, "deep"],
              [2, value],
            ],
          ],
        ]),
      ]),
    );
    expect(JSON.stringify(spansOf(decoded)[0]?.attributes.get("deep"))).not.toContain("bottom");
  });

  it("drops attributes beyond the bound and counts them", () => {
    const attributes = Array.from({ length: OTLP_LIMITS.attributesMax + 5 }, (_, i): Field => [
      9,
      [
        [1, `k${i}`],
        [2, [[1, "v"]]],
      ],
    ]);
    const [span] = spansOf(decodeProtobufTraces(request([spanFields(1, attributes)])));
    expect(span?.attributes.size).toBe(OTLP_LIMITS.attributesMax);
    expect(span?.droppedAttributesCount).toBe(5);
  });

  it("keeps a key called __proto__ as an ordinary key", () => {
    const list: Field = [
      6,
      [
        [
          1,
          [
            [1, "__proto__"],
            [2, [[1, "x"]]],
          ],
        ],
      ],
    ];
    const [span] = spansOf(
      decodeProtobufTraces(
        request([
          spanFields(1, [
            [
              9,
              [
                [1, "map"],
                [2, [list]],
              ],
            ],
          ]),
        ]),
      ),
    );
    const map = span?.attributes.get("map") as Record<string, unknown>;
    expect(Object.getPrototypeOf(map)).toBeNull();
    expect(map["__proto__"]).toBe("x");
  });

  it("refuses the whole message when a length or a varint lies", () => {
    const lies = [
      Buffer.from([0x0a, 0x7f]),
      Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      Buffer.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]),
      Buffer.from([0x0b]),
      Buffer.from([0x00, 0x00]),
      Buffer.concat([varint((1 << 3) | 2), varint(4), Buffer.from([0x12, 0x7f, 0, 0])]),
    ];
    for (const bytes of lies) expect(decodeProtobufTraces(bytes).kind).toBe("malformed");
  });

  it("does not work through millions of empty spans", () => {
    const decoded = decodeProtobufTraces(request(Array.from({ length: OTLP_LIMITS.rejectedMax + 1 }, () => [])));
    expect(decoded.kind).toBe("malformed");
  });

  it("survives every truncation and thousands of bit flips", () => {
    for (let length = 0; length < sdkProtobuf.length; length += 1) {
      expect(["decoded", "malformed"]).toContain(decodeProtobufTraces(sdkProtobuf.subarray(0, length)).kind);
    }
    const flip = fc.tuple(fc.nat(sdkProtobuf.length - 1), fc.nat(7));
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 8 }), (flips) => {
        const bytes = Buffer.from(sdkProtobuf);
        for (const [at, bit] of flips) bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        return ["decoded", "malformed"].includes(decodeProtobufTraces(bytes).kind);
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        return ["decoded", "malformed"].includes(decodeProtobufTraces(bytes).kind);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("JSON", () => {
  it("reads hex ids of any case, integers as strings or numbers, and bytes as base64", () => {
    const [span] = spansOf(
      decodeJsonTraces(
        jsonSpan({
          ...JSON_IDS,
          kind: 3,
          startTimeUnixNano: "1795000000000000001",
          attributes: [
            { key: "string", value: { intValue: "-9223372036854775808" } },
            { key: "number", value: { intValue: 5 } },
            { key: "bytes", value: { bytesValue: "AQI=" } },
            { key: "nan", value: { doubleValue: "NaN" } },
          ],
          snake_case_and_others: { are: "ignored" },
        }),
      ),
    );
    expect(span).toMatchObject({ traceId: JSON_IDS.traceId.toLowerCase(), spanId: JSON_IDS.spanId.toLowerCase() });
    expect(span?.startUnixNano).toBe(1_795_000_000_000_000_001n);
    expect(span?.attributes.get("string")).toBe(-9_223_372_036_854_775_808n);
    expect(span?.attributes.get("number")).toBe(5n);
    expect(span?.attributes.get("bytes")).toEqual(Uint8Array.from([1, 2]));
    expect(span?.attributes.get("nan")).toBeNaN();
  });

  it("reads a 64-bit number that was not quoted without rounding it", () => {
    const body = JSON.stringify({
      resourceSpans: [{ scopeSpans: [{ spans: [{ ...JSON_IDS, startTimeUnixNano: "@" }] }] }],
    });
    const [span] = spansOf(decodeJsonTraces(Buffer.from(body.replace('"@"', "1795000000123456789"))));
    expect(span?.startUnixNano).toBe(1_795_000_000_123_456_789n);
  });

  it("does not read snake_case names", () => {
    expect(spansOf(decodeJsonTraces(json({ resource_spans: [{ scope_spans: [{ spans: [JSON_IDS] }] }] })))).toEqual([]);
  });

  it("refuses a span with a field of the wrong type alone", () => {
    const spans = [
      JSON_IDS,
      { ...JSON_IDS, traceId: "xyz" },
      { ...JSON_IDS, name: 5 },
      { ...JSON_IDS, startTimeUnixNano: "soon" },
      { ...JSON_IDS, kind: "SPAN_KIND_CLIENT" },
      { ...JSON_IDS, attributes: [{ key: "k", value: { intValue: "5abc" } }] },
      null,
    ];
    const decoded = decodeJsonTraces(json({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
    expect(spansOf(decoded)).toHaveLength(1);
    expect(decoded.kind === "decoded" && decoded.rejected.reduce((sum, item) => sum + item.count, 0)).toBe(6);
  });

  it("refuses the whole message when it is no JSON object, not UTF-8, or nested beyond sense", () => {
    const deep = `{"resourceSpans":${"[".repeat(200_000)}${"]".repeat(200_000)},"x":1795000000123456789}`;
    for (const body of ["", "[]", "null", '"x"', "{", '{"resourceSpans":5}', deep]) {
      expect(decodeJsonTraces(Buffer.from(body)).kind).toBe("malformed");
    }
    expect(decodeJsonTraces(Buffer.from([0x7b, 0xff, 0x7d])).kind).toBe("malformed");
  });

  it("survives truncation and changed characters", () => {
    for (let length = 0; length < sdkJson.length; length += 7) {
      expect(["decoded", "malformed"]).toContain(decodeJsonTraces(sdkJson.subarray(0, length)).kind);
    }
    fc.assert(
      fc.property(fc.nat(sdkJson.length - 1), fc.constantFrom(...Array.from('{}[]":,0x-e\\')), (at, character) => {
        const bytes = Buffer.from(sdkJson);
        bytes[at] = character.charCodeAt(0);
        return ["decoded", "malformed"].includes(decodeJsonTraces(bytes).kind);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        ["decoded", "malformed"].includes(decodeJsonTraces(json({ resourceSpans: value })).kind),
      ),
    );
  });
});
