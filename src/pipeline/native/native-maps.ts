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
  writeValues(sink, values) {
    let end = 0;
    for (const attributes of values) sink.uint64((end += attributes.size));
    const keys = new KeyColumn();
    keys.reserve(end);
    for (const attributes of values) keys.addKeysOf(attributes);
    keys.writeTo(sink);
    for (const attributes of values) writeTexts(sink, attributes);
  },
};

/** Texts by key that several rows share: the same object is written once. */
export function nativeSharedMap<T extends object>(
  entriesOf: (value: T) => Iterable<readonly [string, string]>,
): NativeType<T> {
  return {
    name: NAME,
    writePrefix: writeLowCardinalityPrefix,
    writeValues(sink, values) {
      const keys = new KeyColumn();
      const known = new Map<T, SharedEntries>();
      const rows = values.map((value) => {
        let shared = known.get(value);
        if (shared === undefined) known.set(value, (shared = keys.share([...entriesOf(value)])));
        return shared;
      });
      let end = 0;
      for (const { indexes } of rows) sink.uint64((end += indexes.length));
      keys.reserve(end);
      for (const { indexes } of rows) keys.append(indexes);
      keys.writeTo(sink);
      for (const shared of rows) writeShared(sink, shared);
    },
  };
}

interface SharedEntries {
  readonly entries: readonly (readonly [string, string])[];
  /** Of the keys in the column's dictionary. */
  readonly indexes: Uint32Array;
  /** Where the values stand in the sink once they were written; -1 before. */
  start: number;
  length: number;
}

function writeShared(sink: ByteSink, shared: SharedEntries): void {
  if (shared.start >= 0) return sink.repeat(shared.start, shared.length);
  shared.start = sink.length;
  for (const [, value] of shared.entries) sink.text(value);
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

  share(entries: SharedEntries["entries"]): SharedEntries {
    const indexes = new Uint32Array(entries.length);
    for (let place = 0; place < entries.length; place += 1) {
      indexes[place] = this.#dictionary.indexOf(entries[place]?.[0] ?? "");
    }
    return { entries, indexes, start: -1, length: 0 };
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
