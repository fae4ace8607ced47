/**
 * Remembers one bit of each of the latest identities, as `RecentMap` does: two generations, what is asked for moves to the
 * younger one, and when that is full the older one is forgotten as a whole. All of it lies in typed arrays that are made
 * once: what comes with every span must leave nothing behind for the garbage collector.
 */
import { IDENTITY_WORDS, type IdentityCell, identityHash } from "./identity.ts";

/** Slots a row at least: a table is never more than half full. */
const SLOTS_A_ROW = 2;
/** A slot is a row number + 1 and the upper bits of its hash, which tell nearly all others apart without a look at the row. */
const ROW_BITS = 0xffff;

export class RecentIdentities {
  #recent: Generation;
  #before: Generation;

  /** So many of the latest are always known; a power of two below 2^16. */
  constructor(count: number) {
    this.#recent = new Generation(count);
    this.#before = new Generation(count);
  }

  /** `undefined` for what is not known (any more). `hash`: the identity's. */
  get(cell: IdentityCell, hash: number = identityHash(cell.words, 0)): boolean | undefined {
    const recent = this.#recent.get(cell, hash);
    if (recent !== undefined) return recent;
    const before = this.#before.get(cell, hash);
    if (before !== undefined) this.set(cell, before, hash);
    return before;
  }

  set(cell: IdentityCell, value: boolean, hash: number = identityHash(cell.words, 0)): void {
    if (this.#recent.set(cell, hash, value)) return;
    const emptied = this.#before;
    this.#before = this.#recent;
    this.#recent = emptied;
    emptied.clear();
    emptied.set(cell, hash, value);
  }
}

class Generation {
  readonly #words: Int32Array;
  readonly #values: Uint8Array;
  /** 0 is free. */
  readonly #slots: Int32Array;
  readonly #rowsMax: number;
  #rows = 0;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
    this.#words = new Int32Array(rowsMax * IDENTITY_WORDS);
    this.#values = new Uint8Array(rowsMax);
    this.#slots = new Int32Array(rowsMax * SLOTS_A_ROW);
  }

  clear(): void {
    this.#slots.fill(0);
    this.#rows = 0;
  }

  get(cell: IdentityCell, hash: number): boolean | undefined {
    const found = this.#slots[this.#slotOf(cell, hash)] ?? 0;
    return found === 0 ? undefined : this.#values[(found & ROW_BITS) - 1] === 1;
  }

  /** False, and nothing done, when there is no room for one more. */
  set(cell: IdentityCell, hash: number, value: boolean): boolean {
    const slot = this.#slotOf(cell, hash);
    let row = (this.#slots[slot] ?? 0) & ROW_BITS;
    if (row === 0) {
      if (this.#rows === this.#rowsMax) return false;
      const at = this.#rows * IDENTITY_WORDS;
      for (let index = 0; index < IDENTITY_WORDS; index += 1) this.#words[at + index] = cell.words[index] ?? 0;
      this.#rows += 1;
      row = this.#rows;
      this.#slots[slot] = (hash & ~ROW_BITS) | row;
    }
    this.#values[row - 1] = value ? 1 : 0;
    return true;
  }

  /** The slot of this identity, or the free one where it belongs. */
  #slotOf(cell: IdentityCell, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let found = this.#slots[slot]; found !== undefined && found !== 0; found = this.#slots[slot]) {
      const isAlike = ((found ^ hash) & ~ROW_BITS) === 0;
      if (isAlike && cell.isAt(this.#words, ((found & ROW_BITS) - 1) * IDENTITY_WORDS)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
