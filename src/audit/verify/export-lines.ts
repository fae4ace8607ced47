/** Cuts the bytes of an export into lines, bounded: of a longer one only its beginning is left, which is no line of an export. */

const NEW_LINE = 0x0a;
const RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);
/** A checkpoint of a million chains has less. */
const LINE_BYTES_MAX = 256 * 1024 * 1024;
const BEGINNING_BYTES = 100;

/** One line, from `from` to `to`; what stands at `to` is never part of a text. */
type TakeLine = (bytes: Buffer, from: number, to: number) => void;

export class ExportLines {
  readonly #take: TakeLine;
  /** Of a line whose end did not come yet. */
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(take: TakeLine) {
    this.#take = take;
  }

  add(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let to = bytes.indexOf(NEW_LINE); to >= 0; to = bytes.indexOf(NEW_LINE, from)) {
      if (this.#pieces.length === 0) this.#give(bytes, from, to);
      else this.#giveJoined(bytes.subarray(from, to));
      from = to + 1;
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** Takes what came behind the last end of a line as one. */
  end(): void {
    this.#giveJoined(NOTHING);
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
    this.#give(whole, 0, whole.length);
  }

  #give(bytes: Buffer, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === RETURN ? to - 1 : to;
    if (end > from) this.#take(bytes, from, end);
  }
}
