/**
 * Fingerprints with an age, in one typed array with open addressing: three words each, of which eight bits say of which generation it
 * is. What is of a generation that lives no more is as good as gone: it is passed over, and let go when the table is gone
 * through. The first word says where to look, by its upper bits, so the table may have any size and nothing is hashed again.
 */

/** Of a generation: 0 is none, the others come round again. */
export const GENERATIONS_MAX = 255;

const ENTRY_WORDS = 3;
const GENERATION_BITS = 0xff;
const SLOTS_MIN = 64;
/** A table that is fuller is gone through; what lives fills it less than that by a twentieth, or it is made larger. */
const LOAD_MAX = 0.82;
const SPARE = 1.05;
/** For each that lives in a table that is as large as it gets: the dead of an eighth of the set's time, and the scatter between tables. */
const ROOM = 1.15;

/** What the tables of one set share. */
export interface PrintTables {
  /** Whether a generation lives, by its number. */
  readonly lives: Uint8Array;
  /** How many are to live in a table when the set is full. */
  readonly entriesMax: number;
}

export class PrintTable {
  readonly #shared: PrintTables;
  #words = new Int32Array(SLOTS_MIN * ENTRY_WORDS);
  #used = 0;

  constructor(shared: PrintTables) {
    this.#shared = shared;
  }

  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Where a fingerprint is; where it belongs as `~place`, until anything is put here. */
  find(print: Int32Array): number {
    const words = this.#words;
    const first = print[0] ?? 0;
    const second = print[1] ?? 0;
    const third = (print[2] ?? 0) & ~GENERATION_BITS;
    for (let at = homeOf(first, words); ; at = after(at, words)) {
      const last = words[at + 2] ?? 0;
      if (last === 0) return ~at;
      if (words[at] !== first || words[at + 1] !== second || (last & ~GENERATION_BITS) !== third) continue;
      if (this.#shared.lives[last & GENERATION_BITS] === 1) return at;
    }
  }

  /** `place`: as `find` said of a fingerprint that is not there. */
  put(print: Int32Array, place: number, generation: number): void {
    let at = ~place;
    if (this.#used * ENTRY_WORDS >= this.#words.length * LOAD_MAX) {
      this.renew();
      at = ~this.find(print);
    }
    this.#words[at] = print[0] ?? 0;
    this.#words[at + 1] = print[1] ?? 0;
    this.#words[at + 2] = ((print[2] ?? 0) & ~GENERATION_BITS) | generation;
    this.#used += 1;
  }

  /** Lets go what lives no more, and the memory that is too much for the rest. */
  renew(): void {
    this.#sweep();
    const needed = this.#used / LOAD_MAX;
    const slots = this.#words.length / ENTRY_WORDS;
    const isRight = slots >= needed * SPARE && slots <= Math.max(needed * 4, SLOTS_MIN);
    if (isRight) return;
    const most = Math.max((this.#shared.entriesMax / LOAD_MAX) * ROOM, needed * ROOM);
    this.#resize(Math.ceil(Math.max(Math.min(needed * 2, most), SLOTS_MIN)));
  }

  /** In place: behind a gap that the dead leave, each of the living goes as near to where it belongs as it can. */
  #sweep(): void {
    const { lives } = this.#shared;
    const words = this.#words;
    // Nothing that lies behind a free place belongs before it.
    let start = 0;
    while (words[start + 2] !== 0) start += ENTRY_WORDS;
    let hasGap = false;
    let at = start;
    do {
      const last = words[at + 2] ?? 0;
      if (last === 0) hasGap = false;
      else if (lives[last & GENERATION_BITS] !== 1) {
        words[at + 2] = 0;
        this.#used -= 1;
        hasGap = true;
      } else if (hasGap) {
        words[at + 2] = 0;
        copyEntry(words, at, { words, last });
      }
      at = after(at, words);
    } while (at !== start);
  }

  #resize(slots: number): void {
    const before = this.#words;
    this.#words = new Int32Array(slots * ENTRY_WORDS);
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      const last = before[at + 2] ?? 0;
      if (last !== 0) copyEntry(before, at, { words: this.#words, last });
    }
  }
}

/** Puts the entry at a place, which ends with `last`, where it belongs in `words`. */
function copyEntry(from: Int32Array, at: number, { words, last }: { words: Int32Array; last: number }): void {
  const first = from[at] ?? 0;
  let to = homeOf(first, words);
  while (words[to + 2] !== 0) to = after(to, words);
  words[to] = first;
  words[to + 1] = from[at + 1] ?? 0;
  words[to + 2] = last;
}

function homeOf(first: number, words: Int32Array): number {
  return Math.floor(((first >>> 0) / 2 ** 32) * (words.length / ENTRY_WORDS)) * ENTRY_WORDS;
}

function after(at: number, words: Int32Array): number {
  return at + ENTRY_WORDS === words.length ? 0 : at + ENTRY_WORDS;
}
