import { expect, it } from "vitest";
import { AttributeKey } from "../../../src/pdata/attribute-key.ts";
import { mixAttribute } from "../../../src/pdata/attribute-read.ts";
import { IdentityCell } from "../../../src/pdata/identity.ts";
import { encodeProtobufTraces } from "../../../src/pdata/otlp/encode-traces.ts";
import { decodeProtobufTraces } from "../../../src/pdata/otlp/protobuf-traces.ts";
import { mixText, mixUtf8 } from "../../../src/pdata/text-digest.ts";
import type { Attributes } from "../../../src/pdata/span.ts";
import { makeSpan } from "../../fixtures/otlp/make-span.ts";

const KEY = AttributeKey.of("gen_ai.response.id");

function digestOf(mix: (words: Int32Array) => void): string {
  const cell = new IdentityCell();
  mix(cell.words);
  return cell.bytes.toString("hex");
}

/** The same attributes as they come over the wire. */
function received(attributes: Attributes): Attributes {
  const span = makeSpan(1, { attributes: Object.fromEntries(attributes) });
  const decoded = decodeProtobufTraces(encodeProtobufTraces([span]));
  const [first] = decoded.kind === "decoded" ? decoded.spans : [];
  if (first === undefined) throw new Error("not decoded");
  return first.attributes;
}

it("a text has one digest, whether it is on the wire, was set later or is in a map", () => {
  for (let length = 0; length < 40; length += 1) {
    const text = "chatcmpl-é".repeat(4).slice(0, length);
    const map = new Map([[KEY.name, text]]);
    const set = received(new Map([["other", "x"]]));
    set.set(KEY.name, text);
    const digests = [map, received(map), set].map((attributes) => {
      const bytes: number[] = [];
      return [digestOf((words) => bytes.push(mixAttribute(attributes, KEY, words))), ...bytes];
    });
    expect(digests[1]).toEqual(digests[0]);
    expect(digests[2]).toEqual(digests[0]);
    expect(digests[0]?.[1]).toBe(Buffer.byteLength(text));
  }
});

it("what is absent or no text has no bytes", () => {
  expect(mixAttribute(new Map(), KEY, new IdentityCell().words)).toBe(0);
  expect(mixAttribute(received(new Map([[KEY.name, 7n]])), KEY, new IdentityCell().words)).toBe(0);
});

it("texts that are nearly the same have digests of their own", () => {
  const texts = new Set<string>();
  for (let length = 0; length < 64; length += 1) {
    texts.add("\0".repeat(length)).add("a".repeat(length));
    for (let at = 0; at < length; at += 1) texts.add(`${"a".repeat(at)}b${"a".repeat(length - at - 1)}`);
  }
  for (let number = 0; number < 20_000; number += 1) texts.add(`chatcmpl-${number.toString(36)}`);
  for (const mix of [mixUtf8, mixText]) {
    const digests = new Set([...texts].map((text) => digestOf((words) => mix(words, text))));
    expect(digests.size).toBe(texts.size);
  }
});
