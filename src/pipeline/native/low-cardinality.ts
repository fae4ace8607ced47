/** LowCardinality(String) of the Native format: the distinct strings once, then an index a row in the narrowest width. */
import type { ByteSink } from "./byte-sink.ts";

const DICTIONARY_VERSION = 1n;
const HAS_ADDITIONAL_KEYS = 1 << 9;
const NEED_UPDATE_DICTIONARY = 1 << 10;

export const LOW_CARDINALITY_NAME = "LowCardinality(String)";

export function writeLowCardinalityPrefix(sink: ByteSink): void {
  sink.int64(DICTIONARY_VERSION);
}

/** The words of one column of one block. */
export class Dictionary {
  readonly #indexes = new Map<string, number>();
  #last = "";
  #lastIndex = -1;

  indexOf(word: string): number {
    if (word === this.#last && this.#lastIndex >= 0) return this.#lastIndex;
    let index = this.#indexes.get(word);
    if (index === undefined) {
      index = this.#indexes.size;
      this.#indexes.set(word, index);
    }
    this.#last = word;
    this.#lastIndex = index;
    return index;
  }

  /** Writes the dictionary and the rows' indexes into it. Nothing when there are no rows. */
  writeTo(sink: ByteSink, rows: Uint32Array): void {
    if (rows.length === 0) return;
    const { size } = this.#indexes;
    const width = size <= 0x100 ? 1 : size <= 0x1_0000 ? 2 : 4;
    // The width is written as its logarithm.
    sink.uint64((width >> 1) | HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY);
    sink.uint64(size);
    for (const word of this.#indexes.keys()) sink.text(word);
    sink.uint64(rows.length);
    sink.indexes(rows, width);
  }
}
