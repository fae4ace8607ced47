/**
 * Map(LowCardinality(String), String) from what has attributes. In a block the keys are a handful and the values are most
 * of the bytes: attributes that came over the wire are written from there, their keys by their shape; what many rows share
 * (a resource, the labels of a session) is written once and copied.
 */
import { attributesAsText, attributeText } from "../../pdata/attribute-text.ts";
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
export function nativeSharedMap<T extends object>(textsOf: (value: T) => TextsByKey): NativeType<T> {
  return {
    name: NAME,
    writePrefix: writeLowCardinalityPrefix,
    write(sink, { rows, read }) {
      const keys = new KeyColumn();
      const known = new Map<T, SharedEntries>();
      const all: SharedEntries[] = [];
      let end = 0;
      for (const row of rows) {
        const value = read(row);
        let shared = known.get(value);
        if (shared === undefined) known.set(value, (shared = keys.share(textsOf(value))));
        all.push(shared);
        sink.uint64((end += shared.indexes.length));
      }
      keys.reserve(end);
      for (const { indexes } of all) keys.append(indexes);
      keys.writeTo(sink);
      for (const shared of all) writeShared(sink, shared);
    },
  };
}

/** A text for each key, in the same order. */
export interface TextsByKey {
  readonly keys: readonly string[];
  readonly texts: readonly string[];
}

/** The texts of a record, by their names. */
export function recordTexts(record: Readonly<Record<string, string>>): TextsByKey {
  return { keys: Object.keys(record), texts: Object.values(record) };
}

/** Attributes as text. */
export function attributeTexts(attributes: Attributes): TextsByKey {
  const texts = attributesAsText(attributes);
  return { keys: [...texts.keys()], texts: [...texts.values()] };
}

interface SharedEntries {
  readonly texts: readonly string[];
  /** Of the keys in the column's dictionary. */
  readonly indexes: Uint32Array;
  /** Where the values stand in the sink once they were written; -1 before. */
  start: number;
  length: number;
}

function writeShared(sink: ByteSink, shared: SharedEntries): void {
  if (shared.start >= 0) return sink.repeat(shared.start, shared.length);
  shared.start = sink.length;
  for (const text of shared.texts) sink.text(text);
  shared.length = sink.length - shared.start;
}

function writeTexts(sink: ByteSink, attributes: Attributes): void {
  if (attributes instanceof WireAttributes && attributes.shape !== undefined)
    attributes.writeTexts(sink, attributeText);
  else for (const [, value] of attributes) sink.text(attributeText(value));
}

/** The keys of all rows' maps. */
class KeyColumn {
  readonly #dictionary = new Dictionary();
  readonly #ofShapes = new Map<AttributeShape, Uint32Array>();
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

  share({ keys, texts }: TextsByKey): SharedEntries {
    const indexes = new Uint32Array(keys.length);
    let place = 0;
    for (const key of keys) indexes[place++] = this.#dictionary.indexOf(key);
    return { texts, indexes, start: -1, length: 0 };
  }

  writeTo(sink: ByteSink): void {
    this.#dictionary.writeTo(sink, this.#rows);
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
