/**
 * OTLP traces read the slow and obvious way: each message becomes a list of fields, each field a plain value. What the
 * hot path reads must be this, malformed messages included. It follows the encoding's rules, not our decoder's code.
 * https://protobuf.dev/programming-guides/encoding/
 */
import { emptyFacts } from "../../src/pdata/facts.ts";
import type { AttributeValue, Span, SpanEvent, SpanLink } from "../../src/pdata/span.ts";

const DEPTH_MAX = 16;

export class BadWire extends Error {}

interface Field {
  readonly number: number;
  /** varint and fixed: a bigint without sign; length-delimited: the bytes. */
  readonly value: bigint | Buffer;
  readonly wire: number;
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const take = (count: number): Buffer => {
    if (count > bytes.length - at) throw new BadWire("cut off");
    return bytes.subarray(at, (at += count));
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let group = 0n; group < 10n; group += 1n) {
      const byte = BigInt(take(1)[0] ?? 0);
      value |= (byte & 0x7fn) << (group * 7n);
      if (byte < 0x80n) return BigInt.asUintN(64, value);
    }
    throw new BadWire("long varint");
  };
  while (at < bytes.length) {
    const tag = Number(BigInt.asUintN(32, varint()));
    const [number, wire] = [tag >>> 3, tag & 7];
    if (number === 0) throw new BadWire("field 0");
    if (wire === 0) fields.push({ number, wire, value: varint() });
    else if (wire === 1) fields.push({ number, wire, value: take(8).readBigUInt64LE() });
    else if (wire === 2) fields.push({ number, wire, value: take(Number(BigInt.asUintN(32, varint()))) });
    else if (wire === 5) fields.push({ number, wire, value: BigInt(take(4).readUInt32LE()) });
    else throw new BadWire("group");
  }
  return fields;
}

/** The fields of a message by number and wire type; others are unknown. */
function eachField(bytes: Buffer, readers: Readonly<Record<string, (value: never) => void>>): void {
  for (const { number, wire, value } of fieldsOf(bytes)) readers[`${number}:${wire}`]?.(value as never);
}

function attributeOf(bytes: Buffer, depth: number): [string, AttributeValue] {
  let key = "";
  let value: AttributeValue = null;
  eachField(bytes, {
    "1:2": (text: Buffer) => (key = text.toString("utf8")),
    "2:2": (any: Buffer) => (value = valueOf(any, depth)),
  });
  return [key, value];
}

function valueOf(bytes: Buffer, depth: number): AttributeValue {
  let value: AttributeValue = null;
  const isShallow = depth < DEPTH_MAX;
  eachField(bytes, {
    "1:2": (text: Buffer) => (value = text.toString("utf8")),
    "2:0": (flag: bigint) => (value = BigInt.asUintN(32, flag) !== 0n),
    "3:0": (integer: bigint) => (value = BigInt.asIntN(64, integer)),
    "4:1": (bits: bigint) => (value = Buffer.from(new BigUint64Array([bits]).buffer).readDoubleLE()),
    ...(isShallow ? { "5:2": (array: Buffer) => (value = arrayOf(array, depth + 1)) } : {}),
    ...(isShallow ? { "6:2": (list: Buffer) => (value = recordOf(list, depth + 1)) } : {}),
    "7:2": (raw: Buffer) => (value = Uint8Array.from(raw)),
  });
  return value;
}

function arrayOf(bytes: Buffer, depth: number): AttributeValue {
  const values: AttributeValue[] = [];
  eachField(bytes, { "1:2": (any: Buffer) => values.push(valueOf(any, depth)) });
  return values;
}

function recordOf(bytes: Buffer, depth: number): AttributeValue {
  const record = Object.create(null) as Record<string, AttributeValue>;
  eachField(bytes, {
    "1:2": (pair: Buffer) => {
      const [key, value] = attributeOf(pair, depth);
      record[key] = value;
    },
  });
  return record;
}

type Attributes = Map<string, AttributeValue>;
const into =
  (attributes: Attributes) =>
  (pair: Buffer): void => {
    attributes.set(...attributeOf(pair, 0));
  };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const id = (hex: string, length: number): boolean => hex.length === length && !/^0*$/.test(hex);

/** All spans that can be taken, in plain objects. Throws `BadWire`. */
export function slowSpans(body: Buffer): Span[] {
  const spans: Span[] = [];
  eachField(body, { "1:2": (resourceSpans: Buffer) => readResourceSpans(resourceSpans, spans) });
  return spans;
}

function readResourceSpans(bytes: Buffer, spans: Span[]): void {
  const resource = { attributes: new Map() as Attributes };
  eachField(bytes, {
    "1:2": (message: Buffer) => eachField(message, { "1:2": into(resource.attributes) }),
    "2:2": (message: Buffer) => {
      const scope = { name: "", version: "", attributes: new Map() as Attributes };
      eachField(message, {
        "1:2": (inner: Buffer) =>
          eachField(inner, {
            "1:2": (text: Buffer) => (scope.name = text.toString("utf8")),
            "2:2": (text: Buffer) => (scope.version = text.toString("utf8")),
            "3:2": into(scope.attributes),
          }),
        "2:2": (inner: Buffer) => {
          const span = spanOf(inner);
          const isGood =
            id(span.traceId, 32) &&
            id(span.spanId, 16) &&
            (span.parentSpanId === "" || id(span.parentSpanId, 16)) &&
            span.startUnixNano < 2n ** 63n &&
            span.endUnixNano < 2n ** 63n;
          if (isGood) spans.push({ ...span, resource, scope });
        },
      });
    },
  });
}

function spanOf(bytes: Buffer): Omit<Span, "resource" | "scope"> {
  const attributes: Attributes = new Map();
  const events: SpanEvent[] = [];
  const links: SpanLink[] = [];
  const span: Mutable<Omit<Span, "resource" | "scope">> = {
    traceId: "",
    spanId: "",
    parentSpanId: "",
    traceState: "",
    flags: 0,
    name: "",
    kind: 0,
    startUnixNano: 0n,
    endUnixNano: 0n,
    statusCode: 0,
    statusMessage: "",
    attributes,
    events,
    links,
    droppedAttributesCount: 0,
    facts: emptyFacts(),
  };
  const count = (value: bigint): number => Number(BigInt.asUintN(32, value));
  eachField(bytes, {
    "1:2": (raw: Buffer) => (span.traceId = raw.toString("hex")),
    "2:2": (raw: Buffer) => (span.spanId = raw.toString("hex")),
    "3:2": (text: Buffer) => (span.traceState = text.toString("utf8")),
    "4:2": (raw: Buffer) => (span.parentSpanId = /^0*$/.test(raw.toString("hex")) ? "" : raw.toString("hex")),
    "5:2": (text: Buffer) => (span.name = text.toString("utf8")),
    "6:0": (value: bigint) => (span.kind = count(value)),
    "7:1": (value: bigint) => (span.startUnixNano = value),
    "8:1": (value: bigint) => (span.endUnixNano = value),
    "9:2": into(attributes),
    "10:0": (value: bigint) => (span.droppedAttributesCount = count(value)),
    "11:2": (message: Buffer) => events.push(eventOf(message)),
    "13:2": (message: Buffer) => {
      const link = linkOf(message);
      if (id(link.traceId, 32) && id(link.spanId, 16)) links.push(link);
    },
    "15:2": (message: Buffer) =>
      eachField(message, {
        "2:2": (text: Buffer) => (span.statusMessage = text.toString("utf8")),
        "3:0": (value: bigint) => (span.statusCode = count(value)),
      }),
    "16:5": (value: bigint) => (span.flags = count(value)),
  });
  return span;
}

function eventOf(bytes: Buffer): SpanEvent {
  const attributes: Attributes = new Map();
  const event: Mutable<SpanEvent> = { timeUnixNano: 0n, name: "", attributes };
  eachField(bytes, {
    "1:1": (value: bigint) => (event.timeUnixNano = value),
    "2:2": (text: Buffer) => (event.name = text.toString("utf8")),
    "3:2": into(attributes),
  });
  return event;
}

function linkOf(bytes: Buffer): SpanLink {
  const attributes: Attributes = new Map();
  const link: Mutable<SpanLink> = { traceId: "", spanId: "", traceState: "", attributes };
  eachField(bytes, {
    "1:2": (raw: Buffer) => (link.traceId = raw.toString("hex")),
    "2:2": (raw: Buffer) => (link.spanId = raw.toString("hex")),
    "3:2": (text: Buffer) => (link.traceState = text.toString("utf8")),
    "4:2": into(attributes),
  });
  return link;
}
