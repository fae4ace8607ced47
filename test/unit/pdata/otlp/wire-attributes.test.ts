/**
 * Goal: attributes of the wire are a `Map` to whoever uses them, and what they keep of a request ends with it. Method:
 * random operations on both at once; shapes in numbers that a hostile sender would make.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AttributeKey } from "../../../../src/pdata/attribute-key.ts";
import { hasAttribute, textAttribute } from "../../../../src/pdata/attribute-read.ts";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import { WireAttributes } from "../../../../src/pdata/otlp/wire-attributes.ts";
import type { Attributes, AttributeValue } from "../../../../src/pdata/span.ts";
import { type Field, request, spanFields } from "../../../fixtures/otlp/protobuf-encoder.ts";

const KEYS = ["a", "b", "c", "d", "e", "f"] as const;

function text(key: string, value: string): Field {
  return [
    9,
    [
      [1, key],
      [2, [[1, value]]],
    ],
  ];
}

function attributesOf(...fields: readonly Field[]): Attributes {
  const decoded = decodeProtobufTraces(request([spanFields(1, fields)]));
  const attributes = decoded.kind === "decoded" ? decoded.spans[0]?.attributes : undefined;
  expect(attributes).toBeInstanceOf(WireAttributes);
  return attributes as Attributes;
}

/** What can be seen of attributes. The order is compared apart: a key that comes back after `delete` is where it was. */
function seen(attributes: Attributes): object {
  return {
    size: attributes.size,
    entries: new Map(attributes),
    keys: new Set(attributes.keys()),
    each: KEYS.map((key) => [attributes.has(key), attributes.get(key)]),
    byNumber: KEYS.map((key) => {
      const numbered = AttributeKey.of(key);
      return [hasAttribute(attributes, numbered), textAttribute(attributes, numbered)];
    }),
  };
}

describe("attributes of the wire", () => {
  it("behave as a Map under any operations", () => {
    const key = fc.constantFrom(...KEYS);
    const value: fc.Arbitrary<AttributeValue> = fc.oneof(fc.string(), fc.boolean(), fc.bigInt(), fc.constant(null));
    const operation = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), key, value }),
      fc.record({ kind: fc.constant("delete" as const), key, value }),
    );
    fc.assert(
      fc.property(fc.array(key, { maxLength: 8 }), fc.array(operation, { maxLength: 12 }), (came, operations) => {
        const wire = attributesOf(...came.map((name, index) => text(name, `v${index}`)));
        const map: Attributes = new Map(came.map((name, index) => [name, `v${index}`]));
        expect([...wire]).toEqual([...map]);
        for (const { kind, key: name, value: given } of operations) {
          const results = [wire, map].map((attributes) =>
            kind === "delete" ? attributes.delete(name) : attributes.set(name, given) === attributes,
          );
          expect(results[0]).toBe(results[1]);
          expect(seen(wire)).toEqual(seen(map));
        }
      }),
    );
  });

  it("keep their order when values change and keys are added", () => {
    const attributes = attributesOf(text("a", "1"), text("b", "2"));
    attributes.set("a", "3");
    attributes.set("c", 4n);
    expect([...attributes]).toEqual([
      ["a", "3"],
      ["b", "2"],
      ["c", 4n],
    ]);
  });

  it("can be added to while they are gone through, as a Map", () => {
    const attributes = attributesOf(text("a", "1"));
    for (const [key] of attributes) if (key.length < 4) attributes.set(`${key}a`, "more");
    expect([...attributes.keys()]).toEqual(["a", "aa", "aaa", "aaaa"]);
  });

  it("do not mix up the spans of one request", () => {
    const spans = [1, 2, 3].map((index) => spanFields(index, [text("a", `a${index}`), text("b", `b${index}`)]));
    const decoded = decodeProtobufTraces(request(spans));
    const [first, second, third] = decoded.kind === "decoded" ? decoded.spans : [];
    second?.attributes.set("a", "new");
    second?.attributes.delete("b");
    expect([first, second, third].map((span) => [...(span?.attributes ?? [])])).toEqual([
      [
        ["a", "a1"],
        ["b", "b1"],
      ],
      [["a", "new"]],
      [
        ["a", "a3"],
        ["b", "b3"],
      ],
    ]);
  });

  it("stay right when keys never repeat, far beyond what is remembered of them", () => {
    for (let round = 0; round < 60; round += 1) {
      const fields = Array.from({ length: 1_000 }, (_, index) => text(`key-${round}-${index}`, `${index}`));
      const attributes = attributesOf(...fields);
      expect(attributes.size).toBe(1_000);
      expect(attributes.get(`key-${round}-999`)).toBe("999");
    }
  });
});
