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

/**
 * INVARIANT: a line that becomes a row is longer: it has two hashes, a span and a trace or another hash, as hex. So there is a row for
 * each line of a block.
 */
export const LINE_BYTES_MIN = 176;
/** Three columns of eight bytes, one of four, one of one. */
const COLUMN_BYTES = ROW_BYTES + 29;

interface FullLine {
  /** How many rows come before it. */
  readonly before: number;
  readonly from: number;
  readonly to: number;
}

/** What is said of the rows beside their columns. */
export interface RowNotes {
  readonly count: number;
  readonly chainIds: readonly string[];
  /** The first that is not empty, of each chain. */
  readonly agents: readonly string[];
  readonly inFull: readonly FullLine[];
}

export class EvidenceRows {
  /** What all columns lie in. */
  readonly memory: ArrayBufferLike;
  readonly kinds: Uint8Array;
  /** Of `chainIds`. */
  readonly chains: Uint32Array;
  readonly seqs: Float64Array;
  /** Of links: when they ended and came. */
  readonly endsMs: Float64Array;
  readonly receivedMs: Float64Array;
  readonly bytes: Uint8Array;
  /** The same. */
  readonly words: Int32Array;
  count = 0;
  chainIds: string[] = [];
  agents: string[] = [];
  inFull: FullLine[] = [];
  readonly #places = new Map<string, number>();
  #last = { id: "", place: -1 };

  /** `memory` has room for the rows of a block (`memoryOf`). */
  constructor(memory: ArrayBufferLike) {
    const rows = Math.trunc(memory.byteLength / COLUMN_BYTES);
    this.memory = memory;
    this.seqs = new Float64Array(memory, 0, rows);
    this.endsMs = new Float64Array(memory, rows * 8, rows);
    this.receivedMs = new Float64Array(memory, rows * 16, rows);
    this.bytes = new Uint8Array(memory, rows * 24, rows * ROW_BYTES);
    this.words = new Int32Array(memory, rows * 24, rows * ROW_WORDS);
    this.chains = new Uint32Array(memory, rows * (24 + ROW_BYTES), rows);
    this.kinds = new Uint8Array(memory, rows * (28 + ROW_BYTES), rows);
  }

  /** For a block of so many bytes. */
  static of(blockBytes: number): EvidenceRows {
    return new EvidenceRows(new ArrayBuffer(memoryBytes(blockBytes)));
  }

  /** Makes it empty, for another block. */
  clear(): void {
    this.count = 0;
    this.chainIds = [];
    this.agents = [];
    this.inFull = [];
    this.#places.clear();
    this.#last = { id: "", place: -1 };
  }

  /** What another thread has to know that has the columns. */
  get notes(): RowNotes {
    const { count, chainIds, agents, inFull } = this;
    return { count, chainIds, agents, inFull };
  }

  /** Takes what another thread said of the columns that it filled. */
  takeNotes({ count, chainIds, agents, inFull }: RowNotes): void {
    this.count = count;
    this.chainIds = [...chainIds];
    this.agents = [...agents];
    this.inFull = [...inFull];
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

/** What the columns of a block take. */
export function memoryBytes(blockBytes: number): number {
  return Math.ceil((blockBytes + 1) / LINE_BYTES_MIN) * COLUMN_BYTES;
}

/** So many bytes as hex. */
export function hexOf(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString("hex");
}
