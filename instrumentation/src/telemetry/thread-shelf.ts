/**
 * Memory that a thread shares with the main thread of its process, and on which lies each span that is not acknowledged yet: a
 * thread that is cut off says nothing any more, and the main thread reads what it left. A ring of records of one writer, in the
 * order of the spans' ends; the reader takes nothing away, and no lock is held that somebody who is cut off would keep.
 */
const CAPACITY_BYTES = 4 * 1024 * 1024;
/** Where the oldest record begins and the newest ends, in bytes that were ever written, and how many spans found no room. */
const HEAD = 0;
const TAIL = 1;
const MISSED = 2;
const WORDS_BYTES = 4 * BigInt64Array.BYTES_PER_ELEMENT;
/** Before each record: its length in bytes, or that the ring goes on at its beginning. */
const LENGTH_BYTES = 4;
const WRAPPED = 0xffff_ffff;
const ALIGNED_BYTES = 8;

interface Memory {
  readonly words: BigInt64Array;
  readonly bytes: Buffer;
}

/** The writer's side. */
export class ThreadShelf {
  readonly memory: SharedArrayBuffer;
  readonly #words: BigInt64Array;
  readonly #bytes: Buffer;
  #tail = 0;
  /** Of the spans from number `#base` on: where each ends; -1: there was no room for it. */
  #ends: number[] = [];
  /** Those of them that are safe elsewhere. */
  #isFree: boolean[] = [];
  #base = 0;
  /** The oldest that is not, counted from `#base`. */
  #first = 0;
  #missed = 0;

  /** @param capacityBytes a multiple of 8; 4 MiB, of which the system gives what is used. */
  constructor(capacityBytes: number = CAPACITY_BYTES) {
    this.memory = new SharedArrayBuffer(WORDS_BYTES + capacityBytes);
    const { words, bytes } = viewsOf(this.memory);
    this.#words = words;
    this.#bytes = bytes;
  }

  /** One span more that waits, after what is to stand before it. Its number, by which it is released. */
  put(head: string, span: Uint8Array): number {
    const end = this.#write(head, span);
    this.#ends.push(end ?? -1);
    this.#isFree.push(false);
    if (end === undefined) Atomics.store(this.#words, MISSED, BigInt((this.#missed += 1)));
    else Atomics.store(this.#words, TAIL, BigInt((this.#tail = end)));
    return this.#base + this.#ends.length - 1;
  }

  /**
   * These are safe elsewhere, in whatever order they came to be: what is put on disk while older ones are on their way lies there until those
   * have arrived, and is then sent twice at worst.
   */
  release(numbers: Iterable<number>): void {
    let missed = this.#missed;
    for (const number of numbers) {
      const place = number - this.#base;
      if (this.#isFree[place] !== false) continue;
      this.#isFree[place] = true;
      if (this.#ends[place] === -1) missed -= 1;
    }
    if (missed !== this.#missed) Atomics.store(this.#words, MISSED, BigInt((this.#missed = missed)));
    this.#moveOn();
  }

  releaseAll(): void {
    this.release(this.#ends.map((_end, place) => this.#base + place));
  }

  /** Past what is free, up to the oldest that is not. */
  #moveOn(): void {
    let head: number | undefined;
    for (; this.#isFree[this.#first] === true; this.#first += 1) {
      const end = this.#ends[this.#first] ?? -1;
      if (end >= 0) head = end;
    }
    if (head !== undefined) Atomics.store(this.#words, HEAD, BigInt(head));
    if (this.#first * 2 < this.#ends.length) return;
    this.#ends = this.#ends.slice(this.#first);
    this.#isFree = this.#isFree.slice(this.#first);
    this.#base += this.#first;
    this.#first = 0;
  }

  #write(head: string, span: Uint8Array): number | undefined {
    const capacity = this.#bytes.length;
    const length = Buffer.byteLength(head) + span.length;
    const size = sizeOf(length);
    let at = this.#tail % capacity;
    const skipped = at + size > capacity ? capacity - at : 0;
    if (this.#tail + skipped + size - Number(this.#words[HEAD]) > capacity) return undefined;
    if (skipped > 0) {
      this.#bytes.writeUInt32LE(WRAPPED, at);
      at = 0;
    }
    this.#bytes.writeUInt32LE(length, at);
    const written = this.#bytes.write(head, at + LENGTH_BYTES);
    this.#bytes.set(span, at + LENGTH_BYTES + written);
    return this.#tail + skipped + size;
  }
}

export interface Left {
  /** Each with its head. */
  readonly records: readonly Buffer[];
  /** Until where it was read. */
  readonly end: number;
  /** Spans that wait and found no room. */
  readonly missed: number;
}

/** What lies there from `start` on, whether its thread still writes or not. */
export function readShelf(memory: SharedArrayBuffer, start = 0): Left {
  const { words, bytes } = viewsOf(memory);
  const before = Number(Atomics.load(words, HEAD));
  const end = Number(Atomics.load(words, TAIL));
  const missed = Number(Atomics.load(words, MISSED));
  if (Math.max(start, before) >= end) return { records: [], end, missed };
  const copy = Buffer.from(bytes);
  // What was released meanwhile may have been written over.
  let at = Math.max(start, before, Number(Atomics.load(words, HEAD)));
  const records: Buffer[] = [];
  while (at < end) {
    const offset = at % copy.length;
    const length = copy.readUInt32LE(offset);
    if (length === WRAPPED) at += copy.length - offset;
    else {
      records.push(copy.subarray(offset + LENGTH_BYTES, offset + LENGTH_BYTES + length));
      at += sizeOf(length);
    }
  }
  return { records, end, missed };
}

function sizeOf(length: number): number {
  return Math.ceil((LENGTH_BYTES + length) / ALIGNED_BYTES) * ALIGNED_BYTES;
}

function viewsOf(memory: SharedArrayBuffer): Memory {
  return { words: new BigInt64Array(memory, 0, WORDS_BYTES / 8), bytes: Buffer.from(memory, WORDS_BYTES) };
}
