/**
 * Which rows were taken lately. OTLP is at-least-once: a client whose answer got lost sends the batch again, and those
 * rows must not count twice. Bounded by time and by number; what falls out of it would be taken for new.
 *
 * What is kept of a row is a fingerprint under a secret of the process: 94 bits, of which 88 lie in a table and 6 say in which of 64. A row
 * that is taken for another is an audit record lost: with 4 million known, that happens to one of 10^12 new rows with a
 * probability of 2 * 10^-10, whatever ids senders choose. 17 bytes a row at most, and nothing for the garbage collector to look at.
 *
 * Rows come in generations, a 64th of the window or of the number each, and are forgotten by the generation: a row may be known a
 * 64th of the window too long, and of the number a 64th less may be known. Tables are gone through, and grow, one at a time: no long pause.
 * Ages are measured by a clock that never jumps.
 */
import type { IdentityCell } from "../../pdata/identity.ts";
import { IdentityPrint } from "./identity-print.ts";
import { GENERATIONS_MAX, PrintTable, type PrintTables } from "./print-table.ts";

export interface RecentSpansOptions {
  readonly windowMs: number;
  readonly entriesMax: number;
}

const TABLES = 64;
const TABLE_SHIFT = 26;
const GENERATIONS = 64;
/**
 * A table is gone through for each eighth of a full generation, and for each generation that time ends. All are within 64 generations,
 * so what is left of one is gone before its number comes round: up to 131 live, 64 are being let go, and there are 255.
 */
const RENEWALS = 8;

interface Generation {
  readonly number: number;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

export class RecentSpans {
  readonly #windowMs: number;
  readonly #entriesMax: number;
  readonly #generationMax: number;
  readonly #renewalEach: number;
  readonly #print = new IdentityPrint();
  readonly #shared: PrintTables;
  readonly #tables: readonly PrintTable[];
  /** Those that live, oldest first. */
  readonly #generations: Generation[] = [];
  #number = 0;
  #renewed = 0;
  #size = 0;
  #evictedEarly = 0;

  constructor(options: RecentSpansOptions) {
    this.#windowMs = options.windowMs;
    this.#entriesMax = options.entriesMax;
    this.#generationMax = Math.ceil(options.entriesMax / GENERATIONS);
    this.#renewalEach = Math.ceil(this.#generationMax / RENEWALS);
    this.#shared = { lives: new Uint8Array(GENERATIONS_MAX + 1), entriesMax: options.entriesMax / TABLES };
    this.#tables = Array.from({ length: TABLES }, () => new PrintTable(this.#shared));
  }

  get size(): number {
    return this.#size;
  }

  /** What the tables take, in bytes. */
  get bytes(): number {
    return this.#tables.reduce((sum, table) => sum + table.bytes, 0);
  }

  /** How many entries were dropped before their time because there were too many. Above 0, `entriesMax` is too small for the window. */
  get evictedEarly(): number {
    return this.#evictedEarly;
  }

  has(cell: IdentityCell): boolean {
    this.#print.read(cell);
    return this.#table().find(this.#print.words) >= 0;
  }

  /** `now` is monotonic time in ms. Adding what is there changes nothing. */
  add(cell: IdentityCell, now: number): void {
    this.#print.read(cell);
    const table = this.#table();
    const place = table.find(this.#print.words);
    if (place >= 0) return;
    this.#forget(now);
    const generation = this.#generationAt(now);
    table.put(this.#print.words, place, generation.number);
    if (generation.count % this.#renewalEach === 0) this.#renewNext();
    generation.count += 1;
    generation.lastMs = now;
    this.#size += 1;
  }

  /** The table of the fingerprint that was made last. */
  #table(): PrintTable {
    const table = this.#tables[(this.#print.words[3] ?? 0) >>> TABLE_SHIFT];
    if (table === undefined) throw new RangeError("a table for each value of six bits");
    return table;
  }

  #forget(now: number): void {
    while ((this.#generations[0]?.lastMs ?? now) + this.#windowMs < now) this.#forgetOldest();
    if (this.#size >= this.#entriesMax) this.#evictedEarly += this.#forgetOldest();
  }

  /** Returns how many. */
  #forgetOldest(): number {
    const oldest = this.#generations.shift();
    if (oldest === undefined) return 0;
    this.#shared.lives[oldest.number] = 0;
    this.#size -= oldest.count;
    return oldest.count;
  }

  /** The one that is being filled. */
  #generationAt(now: number): Generation {
    const current = this.#generations.at(-1);
    const isOpen =
      current !== undefined &&
      current.count < this.#generationMax &&
      now - current.firstMs < this.#windowMs / GENERATIONS;
    if (isOpen) return current;
    this.#number = (this.#number % GENERATIONS_MAX) + 1;
    const next = { number: this.#number, firstMs: now, lastMs: now, count: 0 };
    this.#shared.lives[next.number] = 1;
    this.#generations.push(next);
    return next;
  }

  #renewNext(): void {
    this.#tables[this.#renewed]?.renew();
    this.#renewed = (this.#renewed + 1) % TABLES;
  }
}
