/**
 * Which rows were taken lately. OTLP is at-least-once: a client whose answer got lost sends the batch again, and those
 * rows must not count twice. Bounded by time and by number; what falls out of it would be taken for new.
 *
 * The identities lie in a ring in the order they came, 24 bytes each. Over it lies a hash table with open addressing: a slot
 * holds a place in the ring and some bits of the hash, so that the ring is read when they agree only. About 32 bytes an entry, and
 * nothing for the garbage collector to look at. The table is cut in parts that grow one at a time: no long pause.
 * Ages are measured by a clock that never jumps; an entry may be known a sixty-fourth of the window too long.
 */
import { IDENTITY_WORDS, type IdentityCell, identityHash } from "../../pdata/identity.ts";

export interface RecentSpansOptions {
  readonly windowMs: number;
  readonly entriesMax: number;
}

const CHUNK_ROWS = 16_384;
const PARTS = 64;
const PART_SHIFT = 26;
const PART_SLOTS_MIN = 64;
/** A part that is fuller than this is doubled. */
const LOAD_MAX = 0.75;
const MARKS_A_WINDOW = 64;
/** Old entries go with the new ones that come, a few each: no long pause either. */
const EVICTIONS_AN_ADD = 4;

interface Part {
  /** 0 is free; else place in the ring + 1 below, bits of the hash above. A power of two long. */
  slots: Uint32Array;
  used: number;
}

export class RecentSpans {
  readonly #windowMs: number;
  readonly #entriesMax: number;
  readonly #parts: Part[] = Array.from({ length: PARTS }, () => ({ slots: new Uint32Array(PART_SLOTS_MIN), used: 0 }));
  readonly #chunks: (Int32Array | undefined)[];
  readonly #ringRows: number;
  readonly #placeBits: number;
  readonly #placeMask: number;
  /** Entries are numbered as they come; `#first` up to `#next` are known. */
  #first = 0;
  #next = 0;
  /** From which entry on they were added at `ms` or later, oldest first. */
  readonly #marks: { readonly entry: number; readonly ms: number }[] = [];
  #evictedEarly = 0;

  constructor(options: RecentSpansOptions) {
    this.#windowMs = options.windowMs;
    this.#entriesMax = options.entriesMax;
    // One chunk more than needed: the oldest and the newest entries never share one.
    this.#chunks = Array.from({ length: Math.ceil(options.entriesMax / CHUNK_ROWS) + 1 });
    this.#ringRows = this.#chunks.length * CHUNK_ROWS;
    this.#placeBits = 32 - Math.clz32(this.#ringRows);
    this.#placeMask = 2 ** this.#placeBits - 1;
  }

  get size(): number {
    return this.#next - this.#first;
  }

  /** What the entries and their table take, in bytes. */
  get bytes(): number {
    const chunks = this.#chunks.reduce((sum, chunk) => sum + (chunk?.byteLength ?? 0), 0);
    return this.#parts.reduce((sum, part) => sum + part.slots.byteLength, chunks);
  }

  /** How many entries were dropped before their time because there were too many. Above 0, `entriesMax` is too small for the window. */
  get evictedEarly(): number {
    return this.#evictedEarly;
  }

  has(cell: IdentityCell): boolean {
    return this.#find(cell, identityHash(cell.words, 0));
  }

  /** `now` is monotonic time in ms. Adding what is there changes nothing. */
  add(cell: IdentityCell, now: number): void {
    const hash = identityHash(cell.words, 0);
    if (this.#find(cell, hash)) return;
    this.#evict(now);
    const last = this.#marks.at(-1);
    if (last === undefined || now - last.ms >= this.#windowMs / MARKS_A_WINDOW) {
      this.#marks.push({ entry: this.#next, ms: now });
    }
    const place = this.#next % this.#ringRows;
    const chunk = (this.#chunks[Math.floor(place / CHUNK_ROWS)] ??= new Int32Array(CHUNK_ROWS * IDENTITY_WORDS));
    const at = (place % CHUNK_ROWS) * IDENTITY_WORDS;
    for (let index = 0; index < IDENTITY_WORDS; index += 1) chunk[at + index] = cell.words[index] ?? 0;
    this.#next += 1;
    const part = this.#partOf(hash);
    if (part.used >= part.slots.length * LOAD_MAX) this.#grow(part);
    this.#put(part.slots, hash, place);
    part.used += 1;
  }

  #find(cell: IdentityCell, hash: number): boolean {
    const { slots } = this.#partOf(hash);
    const mask = slots.length - 1;
    const tag = this.#tagOf(hash);
    let at = hash & mask;
    for (let slot = slots[at]; slot !== undefined && slot !== 0; slot = slots[at]) {
      if ((slot & ~this.#placeMask) >>> 0 === tag && this.#isAt((slot & this.#placeMask) - 1, cell)) return true;
      at = (at + 1) & mask;
    }
    return false;
  }

  #isAt(place: number, cell: IdentityCell): boolean {
    const chunk = this.#chunks[Math.floor(place / CHUNK_ROWS)];
    return chunk !== undefined && cell.isAt(chunk, (place % CHUNK_ROWS) * IDENTITY_WORDS);
  }

  #hashAt(place: number): number {
    const chunk = this.#chunks[Math.floor(place / CHUNK_ROWS)];
    return chunk === undefined ? 0 : identityHash(chunk, (place % CHUNK_ROWS) * IDENTITY_WORDS);
  }

  #partOf(hash: number): Part {
    const part = this.#parts[hash >>> PART_SHIFT];
    if (part === undefined) throw new RangeError("a hash has 32 bits");
    return part;
  }

  /** The bits of a slot above the place; mixed once more, as neighbours in the table have alike low bits. */
  #tagOf(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) & ~this.#placeMask) >>> 0;
  }

  #put(slots: Uint32Array, hash: number, place: number): void {
    const mask = slots.length - 1;
    let at = hash & mask;
    while (slots[at] !== 0) at = (at + 1) & mask;
    slots[at] = (this.#tagOf(hash) | (place + 1)) >>> 0;
  }

  #grow(part: Part): void {
    const old = part.slots;
    part.slots = new Uint32Array(old.length * 2);
    for (const slot of old) {
      if (slot === 0) continue;
      const place = (slot & this.#placeMask) - 1;
      this.#put(part.slots, this.#hashAt(place), place);
    }
  }

  #evict(now: number): void {
    if (this.size >= this.#entriesMax) {
      this.#removeOldest();
      this.#evictedEarly += 1;
    }
    const slack = this.#windowMs / MARKS_A_WINDOW;
    for (let count = 0; count < EVICTIONS_AN_ADD && this.size > 0; count += 1) {
      while ((this.#marks[1]?.entry ?? Infinity) <= this.#first) this.#marks.shift();
      if ((this.#marks[0]?.ms ?? now) + this.#windowMs + slack >= now) return;
      this.#removeOldest();
    }
  }

  #removeOldest(): void {
    const place = this.#first % this.#ringRows;
    const hash = this.#hashAt(place);
    const part = this.#partOf(hash);
    this.#free(part.slots, hash & (part.slots.length - 1), place);
    part.used -= 1;
    this.#first += 1;
    if (this.#first % CHUNK_ROWS === 0) this.#chunks[Math.floor(place / CHUNK_ROWS)] = undefined;
  }

  /** Empties the slot of `place` and moves up those after it that would not be found across the gap. */
  #free(slots: Uint32Array, home: number, place: number): void {
    const mask = slots.length - 1;
    let gap = home;
    while (((slots[gap] ?? 0) & this.#placeMask) !== place + 1) gap = (gap + 1) & mask;
    let at = (gap + 1) & mask;
    for (let slot = slots[at]; slot !== undefined && slot !== 0; slot = slots[at]) {
      const wanted = this.#hashAt((slot & this.#placeMask) - 1) & mask;
      if (((at - wanted) & mask) >= ((at - gap) & mask)) {
        slots[gap] = slot;
        gap = at;
      }
      at = (at + 1) & mask;
    }
    slots[gap] = 0;
  }
}
