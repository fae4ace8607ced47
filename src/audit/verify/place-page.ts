/**
 * Sixty-four places of a chain, as most are: a link, and the record that it is of. Such a place takes a hundred bytes and no object.
 * Where more is said of one place, or not the same twice, the page does not take it.
 */
import type { Place } from "./chain-evidence.ts";
import {
  HASH_AT,
  hexOf,
  IS_CLOSED,
  IS_LINK,
  IS_RECORD,
  PREV_AT,
  RECORD_WORDS,
  ROW_BYTES,
  ROW_WORDS,
  SPAN_AT,
  TRACE_AT,
} from "./evidence-rows.ts";

export const PAGE_PLACES = 64;
/** Hash and hash before, in words. */
const SPAN_WORD = SPAN_AT / 4;
const HASH_WORDS = PREV_AT / 4;

/** What is said of one place. */
export interface Said {
  /** `IS_LINK`, maybe with `IS_CLOSED`, or `IS_RECORD`. */
  readonly kind: number;
  /** Of a row, from `at`. */
  readonly words: Int32Array;
  readonly at: number;
  /** Of links. */
  readonly endMs: number;
  readonly receivedMs: number;
}

export class PlacePage {
  /** Of its first place. */
  readonly seq: number;
  /** Of each place; 0 where nothing is said. */
  readonly kinds: Uint8Array;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly endsMs: Float64Array;
  readonly receivedMs: Float64Array;

  constructor(seq: number) {
    this.seq = seq;
    // One piece of memory: the collector has to know of each.
    const memory = new ArrayBuffer(PAGE_PLACES * (ROW_BYTES + 17));
    this.bytes = new Uint8Array(memory, 0, PAGE_PLACES * ROW_BYTES);
    this.words = new Int32Array(memory, 0, PAGE_PLACES * ROW_WORDS);
    this.endsMs = new Float64Array(memory, PAGE_PLACES * ROW_BYTES, PAGE_PLACES);
    this.receivedMs = new Float64Array(memory, PAGE_PLACES * (ROW_BYTES + 8), PAGE_PLACES);
    this.kinds = new Uint8Array(memory, PAGE_PLACES * (ROW_BYTES + 16), PAGE_PLACES);
  }

  /** False where what is said does not fit what was said before: nothing is changed then. */
  take(place: number, { kind, words, at, endMs, receivedMs }: Said): boolean {
    const known = this.kinds[place] ?? 0;
    const own = place * ROW_WORDS;
    if ((kind & IS_RECORD) !== 0) {
      if ((known & IS_RECORD) !== 0) return false;
      if (known !== 0 && !this.#isSame(own, words, { at, from: 0, to: RECORD_WORDS })) return false;
      if (known === 0)
        for (let word = 0; word < RECORD_WORDS; word += 1) this.words[own + word] = words[at + word] ?? 0;
      this.kinds[place] = known | IS_RECORD;
      return true;
    }
    // A link that came twice says nothing new.
    if ((known & IS_LINK) !== 0)
      return (
        this.#isSame(own, words, { at, from: 0, to: HASH_WORDS }) &&
        this.#isSame(own, words, { at, from: SPAN_WORD, to: RECORD_WORDS })
      );
    if (known !== 0 && !this.#isSame(own, words, { at, from: 0, to: RECORD_WORDS })) return false;
    for (let word = 0; word < ROW_WORDS; word += 1) this.words[own + word] = words[at + word] ?? 0;
    this.endsMs[place] = endMs;
    this.receivedMs[place] = receivedMs;
    this.kinds[place] = known | kind;
    return true;
  }

  /** Whether a place's hash before it is the hash of that word's row. */
  followsOn(place: number, words: Int32Array, at: number): boolean {
    const own = place * ROW_WORDS + HASH_WORDS;
    for (let word = 0; word < HASH_WORDS; word += 1) if (this.words[own + word] !== words[at + word]) return false;
    return true;
  }

  hash(place: number): string {
    return hexOf(this.bytes, place * ROW_BYTES + HASH_AT, 32);
  }

  prev(place: number): string {
    return hexOf(this.bytes, place * ROW_BYTES + PREV_AT, 32);
  }

  /** What is known of a place, as `ChainCheck` reads it; nothing is known of it here from now on. */
  release(place: number): Place {
    const kind = this.kinds[place] ?? 0;
    const at = place * ROW_BYTES;
    const said = { hash: this.hash(place), prev: this.prev(place), spanId: hexOf(this.bytes, at + SPAN_AT, 8) };
    const link = {
      ...said,
      isClosed: (kind & IS_CLOSED) !== 0,
      traceId: hexOf(this.bytes, at + TRACE_AT, 16),
      endMs: this.endsMs[place] ?? 0,
      receivedMs: this.receivedMs[place] ?? 0,
    };
    this.kinds[place] = 0;
    return {
      seq: this.seq + place,
      links: (kind & IS_LINK) === 0 ? [] : [link],
      whole: (kind & IS_RECORD) === 0 ? [] : [said],
      broken: [],
      truth: undefined,
    };
  }

  #isSame(own: number, words: Int32Array, { at, from, to }: { at: number; from: number; to: number }): boolean {
    for (let word = from; word < to; word += 1) if (this.words[own + word] !== words[at + word]) return false;
    return true;
  }
}
