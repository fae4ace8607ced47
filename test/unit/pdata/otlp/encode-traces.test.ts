/**
 * Goal: what is sent on is what was received, to the last bit of the last attribute.
 * Method: every recording of a real package and thousands of made-up spans are encoded and read back, by our own readers
 * and by protobufjs from the definition of OTLP, which shares nothing with them.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeJsonTraces } from "../../../../src/pdata/otlp/json-traces.ts";
import { encodeJsonTraces } from "../../../../src/pdata/otlp/encode-json-traces.ts";
import { encodeProtobufTraces } from "../../../../src/pdata/otlp/encode-traces.ts";
import { groupByScope } from "../../../../src/pdata/otlp/group.ts";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import type { DecodedTraces } from "../../../../src/pdata/otlp/decoded.ts";
import type { AttributeValue, Span } from "../../../../src/pdata/span.ts";
import { makeSpan } from "../../../fixtures/otlp/make-span.ts";
import { arbitrarySpans } from "../../../support/arbitrary-span.ts";
import { plainSpan } from "../../../support/plain-span.ts";
import { referenceSpans } from "../../../support/reference-traces.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures");
const RECORDINGS = readdirSync(join(FIXTURES, "dialects")).filter((name) => name.endsWith(".json"));

function spansOf(decoded: DecodedTraces): readonly Span[] {
  if (decoded.kind !== "decoded") throw new Error(decoded.reason);
  expect(decoded.rejected).toEqual([]);
  return decoded.spans;
}

/** In the order in which they are written. */
const inOrder = (spans: readonly Span[]): object[] =>
  [...groupByScope(spans).values()].flatMap((scopes) => [...scopes.values()].flat()).map(plainSpan);

const throughProtobuf = (spans: readonly Span[]): object[] =>
  spansOf(decodeProtobufTraces(encodeProtobufTraces(spans))).map(plainSpan);
const throughJson = (spans: readonly Span[]): object[] =>
  spansOf(decodeJsonTraces(encodeJsonTraces(spans))).map(plainSpan);

function valueThrough(value: AttributeValue): { readonly protobuf: unknown; readonly json: unknown } {
  const spans = [makeSpan(1, { attributes: { value } })];
  const read = (decoded: DecodedTraces): unknown => spansOf(decoded)[0]?.attributes.get("value");
  return {
    protobuf: read(decodeProtobufTraces(encodeProtobufTraces(spans))),
    json: read(decodeJsonTraces(encodeJsonTraces(spans))),
  };
}

describe("spans that are sent on", () => {
  it.each(RECORDINGS)("come through whole from %s", (name) => {
    const spans = spansOf(decodeJsonTraces(readFileSync(join(FIXTURES, "dialects", name))));
    expect(spans.length).toBeGreaterThan(0);
    expect(throughProtobuf(spans)).toEqual(inOrder(spans));
    expect(throughJson(spans)).toEqual(inOrder(spans));
    expect(referenceSpans(encodeProtobufTraces(spans))).toEqual(inOrder(spans));
  });

  it("come through whole from the SDK's own protobuf, at about its size", () => {
    const bytes = readFileSync(join(FIXTURES, "otlp/sdk-3.1.0.bin"));
    const spans = spansOf(decodeProtobufTraces(bytes));
    expect(throughProtobuf(spans)).toEqual(inOrder(spans));
    expect(encodeProtobufTraces(spans).length).toBeLessThanOrEqual(bytes.length);
  });

  it("come through whole with values of every kind", () => {
    fc.assert(
      fc.property(arbitrarySpans, (spans) => {
        const wanted = inOrder(spans);
        const bytes = encodeProtobufTraces(spans);
        const received = spansOf(decodeProtobufTraces(bytes));
        expect(received.map(plainSpan)).toEqual(wanted);
        // What was received is a view over its bytes; it must go on as well as what was made.
        expect(throughProtobuf(received)).toEqual(wanted);
        expect(throughJson(received)).toEqual(wanted);
        expect(throughJson(spans)).toEqual(wanted);
        expect(referenceSpans(bytes)).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  it("make an empty request when there are none", () => {
    expect(encodeProtobufTraces([])).toHaveLength(0);
    expect(JSON.parse(encodeJsonTraces([]).toString())).toEqual({ resourceSpans: [] });
  });

  it("name each shared resource and scope once", () => {
    const first = makeSpan(1);
    const second: Span = { ...makeSpan(2), resource: first.resource, scope: first.scope };
    const json = JSON.parse(encodeJsonTraces([first, makeSpan(3), second]).toString()) as {
      readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[] }[];
    };
    expect(json.resourceSpans.map(({ scopeSpans }) => scopeSpans.map(({ spans }) => spans.length))).toEqual([[2], [1]]);
  });

  it("carry what is added beside their own attributes, and stay as they are themselves", () => {
    const span = makeSpan(1, { attributes: { own: "a" } });
    const added = () => [["extra", 5n]] as const;
    for (const decoded of [
      decodeProtobufTraces(encodeProtobufTraces([span], added)),
      decodeJsonTraces(encodeJsonTraces([span], added)),
    ]) {
      expect(Object.fromEntries(spansOf(decoded)[0]?.attributes ?? [])).toEqual({ own: "a", extra: 5n });
    }
    expect([...span.attributes.keys()]).toEqual(["own"]);
  });
});

describe("a value", () => {
  it.each<readonly [string, AttributeValue]>([
    ["the smallest integer", -(2n ** 63n)],
    ["the largest integer", 2n ** 63n - 1n],
    ["minus one", -1n],
    ["an empty text", ""],
    ["false", false],
    ["zero", 0n],
    ["minus zero", -0],
    ["not a number", Number.NaN],
    ["minus infinity", Number.NEGATIVE_INFINITY],
    ["no bytes", new Uint8Array()],
    ["an empty list", []],
    ["a list with nothing in it", [null, null]],
    ["nothing", null],
    ["a long text", "ü".repeat(70_000)],
  ])("that is %s stays so", (_what, value) => {
    const { protobuf, json } = valueThrough(value);
    expect(protobuf).toEqual(value);
    expect(json).toEqual(value);
    expect(Object.is(protobuf, -0)).toBe(Object.is(value, -0));
    expect(Object.is(json, -0)).toBe(Object.is(value, -0));
  });

  it("that is an integer beyond 64 bits goes on as its digits", () => {
    expect(valueThrough(2n ** 63n)).toEqual({ protobuf: "9223372036854775808", json: "9223372036854775808" });
  });

  it("with half a surrogate pair is mended, for a strict reader would refuse the whole message", () => {
    const { protobuf, json } = valueThrough("a\\\uD800\\ud83d\u{1F680}");
    expect(protobuf).toBe("a\\\uFFFD\\ud83d\u{1F680}");
    expect(json).toBe(protobuf);
  });
});
