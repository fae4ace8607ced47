/**
 * The attributes of a span as they came: a view over the request's bytes that makes a value when somebody asks for it. To
 * those who use it, it is a `Map`, with one difference: a key that is set after it was deleted is where it was before.
 */
import type { Attributes, AttributeValue } from "../span.ts";
import type { AttributeKey } from "../attribute-key.ts";
import { mixBytes, mixUtf8 } from "../text-digest.ts";
import { ABSENT, type AttributeShape } from "./attribute-shape.ts";
import { type AttributeTable, AttributeType } from "./attribute-table.ts";
import type { ByteSource } from "./byte-source.ts";
import { signed64 } from "./protobuf-reader.ts";
import { textOf } from "./text-cache.ts";

/** Takes texts one after the other, however they are given. */
export interface TextSink {
  /** UTF-8 that may hold invalid sequences. */
  utf8(source: ByteSource, start: number, length: number): void;
  text(text: string): void;
  /** The decimal digits of a signed 64-bit integer, by its halves. */
  integer(low: number, high: number): void;
}

export interface WireAttributesOptions {
  readonly table: AttributeTable;
  /** Their first entry in the table; as many follow as the shape has keys. */
  readonly first: number;
  readonly shape: AttributeShape;
  /** Values of entries of type `own`. */
  readonly own: AttributeValue[] | undefined;
}

const TWO_TO_32 = 0x1_0000_0000;
const float = new DataView(new ArrayBuffer(8));

export class WireAttributes implements Attributes {
  readonly #table: AttributeTable;
  readonly #first: number;
  /** How many came; keys from this place on were added. */
  readonly #count: number;
  #shape: AttributeShape;
  #own: AttributeValue[] | undefined;
  /** By place after `#count`; `undefined` when it was deleted. */
  #added: (AttributeValue | undefined)[] | undefined;
  #deleted = 0;

  constructor({ table, first, shape, own }: WireAttributesOptions) {
    this.#table = table;
    this.#first = first;
    this.#count = shape.size;
    this.#shape = shape;
    this.#own = own;
  }

  get size(): number {
    return this.#shape.size - this.#deleted;
  }

  /** The keys, as something to compare and to keep things by; `undefined` once a key was deleted. */
  get shape(): AttributeShape | undefined {
    return this.#deleted === 0 ? this.#shape : undefined;
  }

  get(key: string): AttributeValue | undefined {
    const place = this.#shape.indexOf(key);
    return place === undefined ? undefined : this.#valueAt(place);
  }

  /** The text under a key that is asked for often; "" when it is absent, empty or not a text. */
  textAt(key: AttributeKey): string {
    const place = this.#shape.placeOf(key);
    if (place === ABSENT) return "";
    const table = this.#table;
    const entry = this.#first + place;
    if (place < this.#count && table.type(entry) === AttributeType.text) {
      return key.texts.textOf(table, table.a(entry), table.b(entry));
    }
    const value = this.#valueAt(place);
    return typeof value === "string" ? value : "";
  }

  /** Mixes the bytes of such a text into `words`, and returns how many they are. */
  mixTextAt(key: AttributeKey, words: Int32Array): number {
    const place = this.#shape.placeOf(key);
    const table = this.#table;
    const entry = this.#first + place;
    if (place === ABSENT || place >= this.#count || table.type(entry) !== AttributeType.text) {
      return mixUtf8(words, this.textAt(key));
    }
    const length = table.b(entry);
    mixBytes(words, table, table.a(entry), length);
    return length;
  }

  /** Like `get`, but an integer of the wire as a double: rounded beyond 2^53. */
  getRounded(key: string | AttributeKey): AttributeValue | undefined {
    const place = typeof key === "string" ? (this.#shape.indexOf(key) ?? ABSENT) : this.#shape.placeOf(key);
    if (place === ABSENT) return undefined;
    const entry = this.#first + place;
    if (place >= this.#count || this.#table.type(entry) !== AttributeType.integer) return this.#valueAt(place);
    return (this.#table.b(entry) | 0) * TWO_TO_32 + this.#table.a(entry);
  }

  has(key: string): boolean {
    const place = this.#shape.indexOf(key);
    if (place === undefined || this.#deleted === 0) return place !== undefined;
    return !this.#isDeleted(place);
  }

  /** `has` of a key that is asked for often. */
  hasAt(key: AttributeKey): boolean {
    const place = this.#shape.placeOf(key);
    return place !== ABSENT && (this.#deleted === 0 || !this.#isDeleted(place));
  }

  set(key: string, value: AttributeValue): this {
    const place = this.#shape.indexOf(key);
    if (place === undefined) {
      this.#shape = this.#shape.with(key);
      // Mostly one: a list of its own size, where pushing to an empty one makes room for many.
      if (this.#added === undefined) this.#added = [value];
      else this.#added.push(value);
      return this;
    }
    if (this.#deleted > 0 && this.#isDeleted(place)) this.#deleted -= 1;
    if (place >= this.#count) (this.#added ??= [])[place - this.#count] = value;
    else this.#table.put(this.#first + place, AttributeType.own, (this.#own ??= []).push(value) - 1, 0);
    return this;
  }

  delete(key: string): boolean {
    const place = this.#shape.indexOf(key);
    if (place === undefined || this.#isDeleted(place)) return false;
    this.#deleted += 1;
    if (place >= this.#count) (this.#added ??= [])[place - this.#count] = undefined;
    else this.#table.put(this.#first + place, AttributeType.deleted, 0, 0);
    return true;
  }

  keys(): Iterable<string> {
    const { keys } = this.#shape;
    return this.#deleted === 0 ? keys : keys.filter((_, place) => !this.#isDeleted(place));
  }

  *[Symbol.iterator](): Generator<[string, AttributeValue]> {
    // What is added on the way is visited, as with a Map.
    for (let place = 0; place < this.#shape.size; place += 1) {
      const value = this.#valueAt(place);
      const key = this.#shape.keys[place];
      if (value !== undefined && key !== undefined) yield [key, value];
    }
  }

  /** Gives all values as text, in the order of the shape's keys, to a sink; others by `textOfOther`. Only where `shape` is. */
  writeTexts(sink: TextSink, textOfOther: (value: AttributeValue) => string): void {
    const table = this.#table;
    for (let place = 0; place < this.#count; place += 1) {
      const entry = this.#first + place;
      const type = table.type(entry);
      if (type === AttributeType.text) sink.utf8(table, table.a(entry), table.b(entry));
      else if (type === AttributeType.integer) sink.integer(table.a(entry), table.b(entry));
      else sink.text(textOfOther(this.#valueAt(place) ?? null));
    }
    if (this.#added === undefined) return;
    for (const value of this.#added) sink.text(textOfOther(value ?? null));
  }

  #isDeleted(place: number): boolean {
    if (place >= this.#count) return this.#added?.[place - this.#count] === undefined;
    return this.#table.type(this.#first + place) === AttributeType.deleted;
  }

  #valueAt(place: number): AttributeValue | undefined {
    if (place >= this.#count) return this.#added?.[place - this.#count];
    const table = this.#table;
    const entry = this.#first + place;
    const a = table.a(entry);
    const b = table.b(entry);
    switch (table.type(entry)) {
      case AttributeType.text:
        return textOf(table, a, b);
      case AttributeType.boolean:
        return a !== 0;
      case AttributeType.integer:
        return signed64(a, b);
      case AttributeType.double:
        return doubleOf(a, b);
      case AttributeType.bytes:
        return Uint8Array.from(table.bytes.subarray(a, a + b));
      case AttributeType.own:
        return this.#own?.[a] ?? null;
      case AttributeType.deleted:
        return undefined;
      default:
        return null;
    }
  }
}

function doubleOf(low: number, high: number): number {
  float.setUint32(0, low, true);
  float.setUint32(4, high, true);
  return float.getFloat64(0, true);
}
