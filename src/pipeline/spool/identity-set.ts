import { IDENTITY_BYTES, IDENTITY_WORDS, type IdentityCell, identityHash } from "../../pdata/identity.ts";

const INITIAL_ROWS = 256;
/** Slots a row at least: the table is never more than half full. */
const SLOTS_A_ROW = 2;

/** The identities of a block in the order of its rows, each once. Its memory only grows. */
export class IdentitySet {
  #words: Int32Array;
  /** Row number + 1; 0 is free. A power of two long. */
  #slots: Uint32Array;
  #size = 0;

  constructor() {
    this.#words = new Int32Array(INITIAL_ROWS * IDENTITY_WORDS);
    this.#slots = new Uint32Array(INITIAL_ROWS * SLOTS_A_ROW);
  }

  get size(): number {
    return this.#size;
  }

  /** Empties it; what `bytes` and `words` gave is written over from here on. */
  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  /** 24 bytes a row; valid until the next `add`. */
  bytes(): Buffer {
    return Buffer.from(this.#words.buffer, 0, this.#size * IDENTITY_BYTES);
  }

  /** The same as `bytes`, as words. */
  words(): Int32Array {
    return this.#words.subarray(0, this.#size * IDENTITY_WORDS);
  }

  has(cell: IdentityCell): boolean {
    return this.#slots[this.#slotOf(cell)] !== 0;
  }

  /** False when it is there already. */
  add(cell: IdentityCell): boolean {
    const slot = this.#slotOf(cell);
    if (this.#slots[slot] !== 0) return false;
    const at = this.#size * IDENTITY_WORDS;
    for (let index = 0; index < IDENTITY_WORDS; index += 1) this.#words[at + index] = cell.words[index] ?? 0;
    this.#size += 1;
    this.#slots[slot] = this.#size;
    if (this.#size * IDENTITY_WORDS === this.#words.length) this.#grow();
    return true;
  }

  /** The slot of this identity, or the free one where it belongs. */
  #slotOf(cell: IdentityCell): number {
    const mask = this.#slots.length - 1;
    let slot = identityHash(cell.words, 0) & mask;
    for (let row = this.#slots[slot]; row !== undefined && row !== 0; row = this.#slots[slot]) {
      if (cell.isAt(this.#words, (row - 1) * IDENTITY_WORDS)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const words = new Int32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let row = 0; row < this.#size; row += 1) {
      let slot = identityHash(words, row * IDENTITY_WORDS) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = row + 1;
    }
  }
}
