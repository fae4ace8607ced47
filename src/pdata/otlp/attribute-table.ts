/**
 * The attributes of all spans of one request, in flat memory: three numbers an attribute, no object. What the numbers mean
 * depends on the type; texts and bytes stay where they are in the request's bytes.
 */
import type { BufferSource } from "../../support/buffer-pool.ts";
import { type ByteSource, viewOf } from "./byte-source.ts";

export const AttributeType = {
  null: 0,
  /** `a`: start in the bytes, `b`: length. */
  text: 1,
  /** `a`: 0 or 1. */
  boolean: 2,
  /** `a`: low, `b`: high half of 64 bits. */
  integer: 3,
  /** `a`: low, `b`: high half of the float's 64 bits. */
  double: 4,
  /** `a`: start, `b`: length. */
  bytes: 5,
  /** A value that is there as such: a list or a map, or one that was set later. `a`: its place in the attributes' own list. */
  own: 6,
  /** Deleted later. */
  deleted: 7,
} as const;

const STRIDE = 3;
const ENTRIES_MIN = 64;
/** Bytes of the wire for each attribute, as a first guess: few requests have more attributes than that. */
const BYTES_PER_ENTRY = 32;

export class AttributeTable implements ByteSource {
  /** The request, or what its values were unpacked to. */
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #buffers: BufferSource;
  #words: Uint32Array;
  #size = 0;

  constructor(bytes: Buffer, buffers: BufferSource) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.#buffers = buffers;
    this.#words = this.#takeWords(STRIDE * Math.max(ENTRIES_MIN, Math.ceil(bytes.length / BYTES_PER_ENTRY)));
  }

  /** Where the next entry goes. */
  get size(): number {
    return this.#size;
  }

  push(type: number, a: number, b: number): void {
    if ((this.#size + 1) * STRIDE > this.#words.length) this.#grow();
    this.put(this.#size, type, a, b);
    this.#size += 1;
  }

  put(entry: number, type: number, a: number, b: number): void {
    const at = entry * STRIDE;
    const words = this.#words;
    words[at] = type;
    words[at + 1] = a;
    words[at + 2] = b;
  }

  type(entry: number): number {
    return this.#words[entry * STRIDE] ?? 0;
  }

  a(entry: number): number {
    return this.#words[entry * STRIDE + 1] ?? 0;
  }

  b(entry: number): number {
    return this.#words[entry * STRIDE + 2] ?? 0;
  }

  #grow(): void {
    const grown = this.#takeWords(this.#words.length * 2);
    grown.set(this.#words);
    this.#words = grown;
  }

  #takeWords(count: number): Uint32Array {
    const { buffer, byteOffset, byteLength } = this.#buffers.take(count * Uint32Array.BYTES_PER_ELEMENT);
    return new Uint32Array(buffer, byteOffset, Math.floor(byteLength / Uint32Array.BYTES_PER_ELEMENT));
  }
}
