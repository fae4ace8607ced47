/**
 * Goal: the reader of the hot path, which compares bytes and notes places, reads what protobuf says: what a library by
 * somebody else reads, and for broken messages what a slow reader by the rules of the encoding does. Method: seeded random
 * requests with every type of value, doubled keys, unknown fields, fields in any order; each cut at every byte, and with
 * random bytes changed: the same spans, or malformed for both.
 */
import { describe, expect, it } from "vitest";
import { decodeProtobufTraces } from "../../../../src/pdata/otlp/protobuf-traces.ts";
import type { AttributeValue } from "../../../../src/pdata/span.ts";
import { type Random, randomRequest } from "../../../support/random-otlp.ts";
import { ExportTraceServiceRequest } from "../../../support/otlp-descriptor.ts";
import { plainSpan } from "../../../support/plain-span.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { BadWire, slowSpans } from "../../../support/slow-otlp-reader.ts";

/** Spans as plain values, or that the message is malformed. */
function hotPath(bytes: Buffer): object[] | "malformed" {
  const decoded = decodeProtobufTraces(bytes);
  return decoded.kind === "malformed" ? "malformed" : decoded.spans.map(plainSpan);
}

function slowPath(bytes: Buffer): object[] | "malformed" {
  try {
    return slowSpans(bytes).map(plainSpan);
  } catch (error) {
    if (error instanceof BadWire) return "malformed";
    throw error;
  }
}

/** For the message of a failure: enough to see the case again. */
const told = (seed: number, bytes: Buffer): string => `seed ${seed}: ${bytes.toString("base64")}`;

describe("the protobuf reader of the hot path", () => {
  it("reads random requests as a slow reader does, with fields in any order and unknown ones among them", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = seededRandom(seed);
      // Several from one seed: shapes that were learnt from one message are used for the next.
      for (let message = 0; message < 3; message += 1) {
        const bytes = randomRequest(random);
        expect(hotPath(bytes), told(seed, bytes)).toEqual(slowPath(bytes));
      }
    }
  });

  it("reads the same attributes as protobufjs", () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const bytes = randomRequest(seededRandom(seed));
      const spans = hotPath(bytes);
      const names = theirs(bytes).map(({ name }) => name);
      expect(spans, `seed ${seed}`).toHaveLength(names.length);
      const attributes = theirs(bytes).map((span) => attributesOf(span.attributes));
      expect((spans as { attributes: unknown }[]).map((span) => span.attributes)).toEqual(attributes);
      expect((spans as { name: unknown }[]).map((span) => span.name)).toEqual(names);
    }
  });

  it("takes or refuses a request that is cut at any byte, as the slow reader does", () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const bytes = randomRequest(seededRandom(seed), { spanCountMax: 2 });
      for (let length = 0; length < bytes.length; length += 1) {
        const cut = bytes.subarray(0, length);
        expect(hotPath(cut), told(seed, cut)).toEqual(slowPath(cut));
      }
    }
  });

  it("takes or refuses a request with changed bytes, as the slow reader does", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = seededRandom(seed);
      const original = randomRequest(random, { spanCountMax: 2 });
      for (let change = 0; change < 60; change += 1) {
        const bytes = changed(original, random);
        expect(hotPath(bytes), told(seed, bytes)).toEqual(slowPath(bytes));
      }
    }
  });
});

function changed(original: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(original);
  for (let count = 0; count <= random() * 3; count += 1) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return bytes;
}

interface TheirValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly bytesValue?: Uint8Array;
  readonly arrayValue?: { readonly values?: readonly TheirValue[] };
  readonly kvlistValue?: { readonly values?: readonly TheirPair[] };
}
interface TheirPair {
  readonly key?: string;
  readonly value?: TheirValue;
}
interface TheirSpan {
  readonly name: string;
  readonly attributes: readonly TheirPair[];
}

function theirs(bytes: Buffer): TheirSpan[] {
  const message = ExportTraceServiceRequest.toObject(ExportTraceServiceRequest.decode(bytes), {
    longs: String,
    defaults: false,
    arrays: true,
  }) as { resourceSpans: { scopeSpans: { spans: TheirSpan[] }[] }[] };
  return message.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

function attributesOf(pairs: readonly TheirPair[]): Map<string, AttributeValue> {
  return new Map(pairs.map(({ key = "", value = {} }) => [key, valueOf(value)]));
}

function valueOf(value: TheirValue): AttributeValue {
  if (value.stringValue !== undefined) return value.stringValue;
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) return BigInt(value.intValue);
  if (value.doubleValue !== undefined) return value.doubleValue;
  if (value.bytesValue !== undefined) return Uint8Array.from(value.bytesValue);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(valueOf);
  if (value.kvlistValue === undefined) return null;
  const record = Object.create(null) as Record<string, AttributeValue>;
  for (const { key = "", value: inner = {} } of value.kvlistValue.values ?? []) record[key] = valueOf(inner);
  return record;
}
