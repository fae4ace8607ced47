/**
 * Cuts the bytes of an export into blocks of whole lines, as few as the chunks allow: a line that two chunks share is a block of its own,
 * and what stands between is not copied. Bounded: of a line that is too long only its beginning is left, which is no line of an export.
 */

const NEW_LINE = 0x0a;
const RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);
/** A checkpoint of a million chains has less. */
const LINE_BYTES_MAX = 256 * 1024 * 1024;
const BEGINNING_BYTES = 100;

export class ExportBlocks {
  readonly #take: (block: Buffer) => void;
  /** Of a line whose end did not come yet. */
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(take: (block: Buffer) => void) {
    this.#take = take;
  }

  /** The blocks that it makes are parts of `chunk`, where they can be. */
  add(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    if (this.#pieces.length > 0) {
      const end = bytes.indexOf(NEW_LINE);
      if (end >= 0) {
        this.#giveJoined(bytes.subarray(0, end));
        from = end + 1;
      }
    }
    const last = from === 0 && this.#pieces.length > 0 ? -1 : bytes.lastIndexOf(NEW_LINE);
    if (last >= from) {
      this.#take(bytes.subarray(from, last));
      from = last + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** Takes what came behind the last end of a line as one. */
  end(): void {
    if (this.#pieces.length > 0) this.#giveJoined(NOTHING);
  }

  #keep(piece: Buffer): void {
    if (this.#bytes > LINE_BYTES_MAX) return;
    this.#bytes += piece.length;
    this.#pieces.push(piece);
    if (this.#bytes <= LINE_BYTES_MAX) return;
    this.#pieces = [Buffer.from(Buffer.concat(this.#pieces).subarray(0, BEGINNING_BYTES))];
  }

  #giveJoined(last: Buffer): void {
    this.#keep(last);
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    if (whole.length > 0) this.#take(whole);
  }
}

/** Each line of a block that is not empty, without its end. */
export function eachLine(block: Buffer, take: (from: number, to: number) => void): void {
  let from = 0;
  while (from < block.length) {
    const next = block.indexOf(NEW_LINE, from);
    const end = next < 0 ? block.length : next;
    const to = end > from && block[end - 1] === RETURN ? end - 1 : end;
    if (to > from) take(from, to);
    from = end + 1;
  }
}
