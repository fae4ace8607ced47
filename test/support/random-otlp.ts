/** Random export requests in protobuf, written field by field so that they may have what no SDK would send. */
import { type Field, encode } from "../fixtures/otlp/protobuf-encoder.ts";

export type Random = () => number;

export interface RandomRequestOptions {
  /** @default 6 */
  readonly spanCountMax?: number;
}

const KEYS = [
  "gen_ai.request.model",
  "gen_ai.usage.input_tokens",
  "a",
  "",
  "tool",
  "schlüssel",
  "__proto__",
  "k".repeat(70),
];
const TEXTS = ["", "gpt-4o", "grüße 🚀", "x".repeat(49), "y".repeat(130), "session-4711", "0", "é".repeat(40)];

/** At most one of each field that protobuf would merge: merging is a matter of its own. */
export function randomRequest(random: Random, { spanCountMax = 6 }: RandomRequestOptions = {}): Buffer {
  const spans = Array.from({ length: upTo(random, spanCountMax) }, (_, index): Field => [2, span(random, index)]);
  const scope: Field = [1, [[1, pick(random, TEXTS)], [2, "1.0"], ...attributes(random, 3, 2)]];
  const resource: Field = [1, attributes(random, 1, 4)];
  return encode(
    shuffled(random, [[1, shuffled(random, [resource, [2, shuffled(random, [scope, ...spans])]])], ...unknown(random)]),
  );
}

function span(random: Random, index: number): Field[] {
  // Some seeds repeat a span's keys, as traffic does, and some make up new ones each time.
  const own = random() < 0.5 ? usual(index) : attributes(random, 9, 8);
  const fields: Field[] = [
    [1, id(random, 16)],
    [2, id(random, 8)],
    [5, pick(random, TEXTS)],
    [7, BigInt(Math.floor(random() * 1e15)) * 1_000n, "fixed64"],
    [8, BigInt(Math.floor(random() * 1e15)) * 1_000n, "fixed64"],
    [6, upTo(random, 5), "varint"],
    ...own,
  ];
  if (random() < 0.6) fields.push([4, random() < 0.3 ? Buffer.alloc(8) : id(random, 8)]);
  if (random() < 0.3) fields.push([3, "vendor=value"]);
  if (random() < 0.3) fields.push([10, upTo(random, 300), "varint"]);
  if (random() < 0.5)
    fields.push([
      15,
      shuffled(random, [
        [2, pick(random, TEXTS)],
        [3, upTo(random, 2), "varint"],
      ]),
    ]);
  if (random() < 0.3) fields.push([11, [[1, 5n, "fixed64"], [2, pick(random, TEXTS)], ...attributes(random, 3, 3)]]);
  if (random() < 0.3)
    fields.push([13, [[1, id(random, 16)], [2, id(random, 8)], [3, "s"], ...attributes(random, 4, 2)]]);
  return random() < 0.5 ? fields : shuffled(random, [...fields, ...unknown(random)]);
}

function usual(index: number): Field[] {
  return [
    pair(9, "gen_ai.operation.name", [[1, "chat"]]),
    pair(9, "gen_ai.request.model", [[1, `model-${index}`]]),
    pair(9, "gen_ai.usage.input_tokens", [[3, index * 7919, "varint"]]),
    pair(9, "flag", [[2, index % 2, "varint"]]),
    pair(9, "share", [[4, BigInt(index) << 52n, "fixed64"]]),
    ...(index % 3 === 0 ? [pair(9, "error.type", [[1, "timeout"]])] : []),
    pair(9, "list", [[5, [[1, [[1, "stop"]]]]]]),
  ];
}

function attributes(random: Random, field: number, countMax: number): Field[] {
  return Array.from({ length: upTo(random, countMax) }, () => {
    const key: Field = [1, pick(random, KEYS)];
    const value: Field = [2, anyValue(random, 0)];
    const parts: Field[] = random() < 0.1 ? [key] : random() < 0.1 ? [value] : [key, value];
    return [field, random() < 0.7 ? parts : shuffled(random, [...parts, ...unknown(random)])];
  });
}

function pair(field: number, key: string, value: Field[]): Field {
  return [
    field,
    [
      [1, key],
      [2, value],
    ],
  ];
}

function anyValue(random: Random, depth: number): Field[] {
  const kind = upTo(random, depth > 3 ? 5 : 7);
  if (kind === 0) return [];
  if (kind === 1) return [[1, pick(random, TEXTS)]];
  if (kind === 2) return [[2, upTo(random, 1), "varint"]];
  if (kind === 3) return [[3, Math.floor(random() * 2 ** Math.floor(random() * 53)), "varint"]];
  if (kind === 4) return [[4, BigInt(Math.floor(random() * 0x7fe)) << 52n, "fixed64"]];
  if (kind === 5) return [[7, Buffer.from([upTo(random, 255), 0xff, 0])]];
  const items = Array.from({ length: upTo(random, 3) }, () => anyValue(random, depth + 1));
  if (kind === 6) return [[5, items.map((item): Field => [1, item])]];
  return [[6, items.map((item, index): Field => pair(1, pick(random, [`k${index}`, "__proto__"]), item))]];
}

function unknown(random: Random): Field[] {
  const all: Field[] = [
    [200, "unknown"],
    [201, 5, "varint"],
    [202, 7n, "fixed64"],
  ];
  return all.filter(() => random() < 0.2);
}

function id(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index === 0 ? 1 : upTo(random, 255))));
}

function upTo(random: Random, max: number): number {
  return Math.floor(random() * (max + 1));
}

function pick<T>(random: Random, items: readonly [T, ...T[]] | readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

function shuffled(random: Random, fields: readonly Field[]): Field[] {
  return fields
    .map((field) => ({ field, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ field }) => field);
}
