/**
 * Remembers one bit of each of the latest identities, as `RecentMap` does: two generations, what is asked for moves to the
 * younger one, and when that is full the older one is forgotten as a whole. All of it lies in typed arrays that are made
 * once: what comes with every span must leave nothing behind for the garbage collector.
 */
import { IDENTITY_WORDS, type IdentityCell, identityHash } from "./identity.ts";

/** Slots a row at least: a table is never more than half full. */
const SLOTS_A_ROW = 2;

export class RecentIdentities {
  #recent: Generation;
  #before: Generation;

  /** So many of the latest are always known; a power of two. */
  constructor(count: number) {
    this.#recent = new Generation(count);
    this.#before = new Generation(count);
  }

  /** `undefined` for what is not known (any more). */
  get(cell: IdentityCell): boolean | undefined {
    const hash = identityHash(cell.words, 0);
    const recent = this.#recent.get(cell, hash);
    if (recent !== undefined) return recent;
    const before = this.#before.get(cell, hash);
    if (before !== undefined) this.#set(cell, hash, before);
    return before;
  }

  set(cell: IdentityCell, value: boolean): void {
    this.#set(cell, identityHash(cell.words, 0), value);
  }

  #set(cell: IdentityCell, hash: number, value: boolean): void {
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
  /** Row number + 1; 0 is free. */
  readonly #slots: Uint32Array;
  readonly #rowsMax: number;
  #rows = 0;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
    this.#words = new Int32Array(rowsMax * IDENTITY_WORDS);
    this.#values = new Uint8Array(rowsMax);
    this.#slots = new Uint32Array(rowsMax * SLOTS_A_ROW);
  }

  clear(): void {
    this.#slots.fill(0);
    this.#rows = 0;
  }

  get(cell: IdentityCell, hash: number): boolean | undefined {
    const row = this.#slots[this.#slotOf(cell, hash)] ?? 0;
    return row === 0 ? undefined : this.#values[row - 1] === 1;
  }

  /** False, and nothing done, when there is no room for one more. */
  set(cell: IdentityCell, hash: number, value: boolean): boolean {
    const slot = this.#slotOf(cell, hash);
    let row = this.#slots[slot] ?? 0;
    if (row === 0) {
      if (this.#rows === this.#rowsMax) return false;
      const at = this.#rows * IDENTITY_WORDS;
      for (let index = 0; index < IDENTITY_WORDS; index += 1) this.#words[at + index] = cell.words[index] ?? 0;
      this.#rows += 1;
      row = this.#rows;
      this.#slots[slot] = row;
    }
    this.#values[row - 1] = value ? 1 : 0;
    return true;
  }

  /** The slot of this identity, or the free one where it belongs. */
  #slotOf(cell: IdentityCell, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let row = this.#slots[slot]; row !== undefined && row !== 0; row = this.#slots[slot]) {
      if (cell.isAt(this.#words, (row - 1) * IDENTITY_WORDS)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
