/**
 * Cuts the bytes of an export into blocks of whole lines. Bounded: of a line that is too long only its beginning is left, which is no
 * line of an export.
 */
import type { ExportSource } from "./export-source.ts";

const NEW_LINE = 0x0a;
/** A checkpoint of a million chains has less. */
const LINE_BYTES_MAX = 256 * 1024 * 1024;
const BEGINNING_BYTES = 100;

export class ExportBlocks {
  readonly #source: ExportSource;
  readonly #lineBytesMax: number;
  /** What was read behind the last line that was given. */
  #rest = Buffer.alloc(0);
  #isEnded = false;

  constructor(source: ExportSource, { lineBytesMax = LINE_BYTES_MAX }: { readonly lineBytesMax?: number } = {}) {
    this.#source = source;
    this.#lineBytesMax = lineBytesMax;
  }

  /** The next block: a part of `room`, or one line that does not fit in. `undefined` at the end. Rooms are all of one size. */
  async next(room: Buffer): Promise<Buffer | undefined> {
    let size = this.#rest.copy(room);
    while (size < room.length && !this.#isEnded) size += await this.#read(room.subarray(size));
    if (this.#isEnded) {
      this.#rest = Buffer.alloc(0);
      return size === 0 ? undefined : room.subarray(0, size);
    }
    const last = room.lastIndexOf(NEW_LINE);
    if (last < 0) return this.#longLine(room);
    this.#rest = Buffer.from(room.subarray(last + 1));
    return room.subarray(0, last);
  }

  async #read(room: Buffer): Promise<number> {
    const bytes = await this.#source.read(room);
    this.#isEnded = bytes === 0;
    return bytes;
  }

  /** A line of which all of `room` is the beginning. */
  async #longLine(room: Buffer): Promise<Buffer> {
    let pieces = [Buffer.from(room)];
    let length = room.length;
    for (;;) {
      const size = await this.#read(room);
      const end = room.subarray(0, size).indexOf(NEW_LINE);
      const piece = Buffer.from(room.subarray(0, end < 0 ? size : end));
      if (length <= this.#lineBytesMax) pieces.push(piece);
      length += piece.length;
      if (length > this.#lineBytesMax) pieces = [Buffer.from(Buffer.concat(pieces).subarray(0, BEGINNING_BYTES))];
      this.#rest = Buffer.from(room.subarray(end < 0 ? size : end + 1, size));
      if (end >= 0 || this.#isEnded) return Buffer.concat(pieces);
    }
  }
}
