/**
 * Map(LowCardinality(String), String) from what has attributes. In a block the keys are a handful and the values are most
 * of the bytes: attributes that came over the wire are written from there, their keys by their shape; what many rows share
 * (a resource, the labels of a session) is written once and copied.
 */
import { attributeText } from "../../pdata/attribute-text.ts";
import type { AttributeShape } from "../../pdata/otlp/attribute-shape.ts";
import { WireAttributes } from "../../pdata/otlp/wire-attributes.ts";
import type { Attributes } from "../../pdata/span.ts";
import type { ByteSink } from "./byte-sink.ts";
import { Dictionary, LOW_CARDINALITY_NAME, writeLowCardinalityPrefix } from "./low-cardinality.ts";
import type { NativeType } from "./native-types.ts";

const NAME = `Map(${LOW_CARDINALITY_NAME}, String)`;

/** Any attributes, as text. */
export const nativeAttributes: NativeType<Attributes> = {
  name: NAME,
  writePrefix: writeLowCardinalityPrefix,
  write(sink, { rows, read }) {
    let end = 0;
    for (const row of rows) sink.uint64((end += read(row).size));
    const keys = new KeyColumn();
    keys.reserve(end);
    for (const row of rows) keys.addKeysOf(read(row));
    keys.writeTo(sink);
    for (const row of rows) writeTexts(sink, read(row));
  },
};

/** Texts by key that several rows share: the same object is written once. */
export function nativeSharedMap<T extends object>(texts: TextsByKey<T>): NativeType<T> {
  return {
    name: NAME,
    writePrefix: writeLowCardinalityPrefix,
    write(sink, { rows, read }) {
      const keys = new KeyColumn();
      const known = new Map<T, SharedEntries<T>>();
      const all: SharedEntries<T>[] = [];
      let end = 0;
      for (const row of rows) {
        const value = read(row);
        let shared = known.get(value);
        if (shared === undefined) known.set(value, (shared = keys.share(value, texts)));
        all.push(shared);
        sink.uint64((end += shared.keys.length));
      }
      keys.reserve(end);
      for (const { indexes } of all) keys.append(indexes);
      keys.writeTo(sink);
      for (const shared of all) writeShared(sink, shared);
    },
  };
}

/** How keys and texts are found in what rows share. */
export interface TextsByKey<T> {
  keysOf(value: T): readonly string[];
  /** In the order of the keys. */
  textsOf(value: T): readonly string[];
}

/** The texts of a record, by their names. */
export const RECORD: TextsByKey<Readonly<Record<string, string>>> = {
  keysOf: (record) => Object.keys(record),
  textsOf: (record) => Object.values(record),
};

/** Attributes as text. */
export const ATTRIBUTES: TextsByKey<Attributes> = {
  keysOf: (attributes) => [...attributes.keys()],
  textsOf: (attributes) => Array.from(attributes, ([, value]) => attributeText(value)),
};

interface SharedEntries<T> {
  readonly value: T;
  readonly texts: TextsByKey<T>;
  readonly keys: readonly string[];
  /** Of the keys in the column's dictionary. */
  readonly indexes: Uint32Array;
  /** Where the values stand in the sink once they were written; -1 before. */
  start: number;
  length: number;
}

function writeShared<T>(sink: ByteSink, shared: SharedEntries<T>): void {
  if (shared.start >= 0) return sink.repeat(shared.start, shared.length);
  shared.start = sink.length;
  for (const text of shared.texts.textsOf(shared.value)) sink.text(text);
  shared.length = sink.length - shared.start;
}

function writeTexts(sink: ByteSink, attributes: Attributes): void {
  if (attributes instanceof WireAttributes && attributes.shape !== undefined)
    attributes.writeTexts(sink, attributeText);
  else for (const [, value] of attributes) sink.text(attributeText(value));
}

/** Lists of keys that are looked through, the first ones of the block: what rows share has one of a few. */
const LISTS_MAX = 4;

interface KeyList {
  readonly keys: readonly string[];
  readonly indexes: Uint32Array;
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let place = 0; place < one.length; place += 1) if (one[place] !== other[place]) return false;
  return true;
}

/** The keys of all rows' maps. */
class KeyColumn {
  readonly #dictionary = new Dictionary();
  readonly #ofShapes = new Map<AttributeShape, Uint32Array>();
  readonly #lists: KeyList[] = [];
  #rows = new Uint32Array(0);
  #length = 0;

  /** To be called before anything is appended, with the number of all keys. */
  reserve(count: number): void {
    this.#rows = new Uint32Array(count);
  }

  append(indexes: Uint32Array): void {
    this.#rows.set(indexes, this.#length);
    this.#length += indexes.length;
  }

  addKeysOf(attributes: Attributes): void {
    const shape = attributes instanceof WireAttributes ? attributes.shape : undefined;
    if (shape !== undefined) return this.append(this.#indexesOf(shape));
    for (const key of attributes.keys()) this.#rows[this.#length++] = this.#dictionary.indexOf(key);
  }

  share<T>(value: T, texts: TextsByKey<T>): SharedEntries<T> {
    const keys = texts.keysOf(value);
    const list = this.#lists.find((known) => isSameList(known.keys, keys)) ?? this.#newList(keys);
    return { value, texts, keys: list.keys, indexes: list.indexes, start: -1, length: 0 };
  }

  writeTo(sink: ByteSink): void {
    this.#dictionary.writeTo(sink, this.#rows);
  }

  #newList(keys: readonly string[]): KeyList {
    const list = { keys, indexes: Uint32Array.from(keys, (key) => this.#dictionary.indexOf(key)) };
    if (this.#lists.length < LISTS_MAX) this.#lists.push(list);
    return list;
  }

  #indexesOf(shape: AttributeShape): Uint32Array {
    let indexes = this.#ofShapes.get(shape);
    if (indexes === undefined) {
      indexes = Uint32Array.from(shape.keys, (key) => this.#dictionary.indexOf(key));
      this.#ofShapes.set(shape, indexes);
    }
    return indexes;
  }
}
