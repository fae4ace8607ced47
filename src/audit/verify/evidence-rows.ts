/**
 * What was read of the lines of one block, in columns: little to give from one thread to another, and nothing that the collector has
 * to follow. Lines that are to be read in full are noted with their place among the rows.
 */

/** Of a row: its hash, the one before it, its span and its trace. */
export const ROW_BYTES = 88;
export const HASH_AT = 0;
export const PREV_AT = 32;
export const SPAN_AT = 64;
export const TRACE_AT = 72;
/** The same in words of four bytes; a record has no more than its hash, the one before it, and its span. */
export const ROW_WORDS = 22;
export const RECORD_WORDS = 18;

/** What a row says. */
export const IS_LINK = 1;
export const IS_CLOSED = 2;
export const IS_RECORD = 4;
export const IS_REDACTED = 8;

/** Of a block's bytes; shorter lines make the columns grow. */
const LINE_BYTES = 1_024;
const ROWS_MIN = 64;

interface FullLine {
  /** How many rows come before it. */
  readonly before: number;
  readonly from: number;
  readonly to: number;
}

/** The columns, as they go from thread to thread. */
export interface RowColumns {
  readonly count: number;
  readonly kinds: Uint8Array<ArrayBuffer>;
  /** Of `chainIds`. */
  readonly chains: Uint32Array<ArrayBuffer>;
  readonly seqs: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of links: when they ended and came. */
  readonly endsMs: Float64Array<ArrayBuffer>;
  readonly receivedMs: Float64Array<ArrayBuffer>;
  readonly chainIds: readonly string[];
  /** The first that is not empty, of each chain. */
  readonly agents: readonly string[];
  readonly inFull: readonly FullLine[];
}

export class EvidenceRows implements RowColumns {
  count = 0;
  kinds: Uint8Array<ArrayBuffer>;
  chains: Uint32Array<ArrayBuffer>;
  seqs: Float64Array<ArrayBuffer>;
  bytes: Uint8Array<ArrayBuffer>;
  endsMs: Float64Array<ArrayBuffer>;
  receivedMs: Float64Array<ArrayBuffer>;
  readonly chainIds: string[] = [];
  readonly agents: string[] = [];
  readonly inFull: FullLine[] = [];
  readonly #places = new Map<string, number>();
  #last = { id: "", place: -1 };

  /** For a block of so many bytes. */
  constructor(blockBytes: number) {
    const rows = ROWS_MIN + Math.ceil(blockBytes / LINE_BYTES);
    this.kinds = new Uint8Array(rows);
    this.chains = new Uint32Array(rows);
    this.seqs = new Float64Array(rows);
    this.bytes = new Uint8Array(rows * ROW_BYTES);
    this.endsMs = new Float64Array(rows);
    this.receivedMs = new Float64Array(rows);
  }

  /** Has room for one more row behind the last. */
  makeRoom(): void {
    const { count } = this;
    if (count < this.kinds.length) return;
    const rows = count * 2;
    this.kinds = grown(this.kinds, new Uint8Array(rows));
    this.chains = grown(this.chains, new Uint32Array(rows));
    this.seqs = grown(this.seqs, new Float64Array(rows));
    this.bytes = grown(this.bytes, new Uint8Array(rows * ROW_BYTES));
    this.endsMs = grown(this.endsMs, new Float64Array(rows));
    this.receivedMs = grown(this.receivedMs, new Float64Array(rows));
  }

  /** Which of `chainIds` it is. */
  chainPlace(id: string): number {
    if (this.#last.place >= 0 && this.#last.id === id) return this.#last.place;
    let place = this.#places.get(id);
    if (place === undefined) {
      place = this.chainIds.push(id) - 1;
      this.agents.push("");
      this.#places.set(id, place);
    }
    this.#last = { id, place };
    return place;
  }

  /** Notes a line that none of the short ways could read. */
  addInFull(from: number, to: number): void {
    this.inFull.push({ before: this.count, from, to });
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** What is to go along with columns that leave their thread. */
export function buffersOf(rows: RowColumns): ArrayBuffer[] {
  return [rows.kinds, rows.chains, rows.seqs, rows.bytes, rows.endsMs, rows.receivedMs].map(({ buffer }) => buffer);
}

/** So many bytes as hex. */
export function hexOf(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("hex");
}
