/**
 * Where the frames of a zstd stream end. Node's decoder reads one frame after another, but only where a frame ends with a piece
 * that it is given: of a piece that goes on behind a frame's end, it drops the rest. Headers and lengths are looked at, nothing else:
 * what is wrong with a frame is for the decoder to say.
 * https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */
import { Transform } from "node:stream";

/** Passes on what it gets, in pieces none of which goes on behind the end of a frame. */
export function frameCutter(): Transform {
  const frames = new FrameWalk();
  return new Transform({
    // Or pieces that wait would be joined again.
    readableObjectMode: true,
    transform(chunk: Buffer, _encoding, done) {
      for (const piece of frames.cut(chunk)) this.push(piece);
      done();
    },
  });
}

const MAGIC = 0xfd2f_b528;
/** One of sixteen. */
const MAGIC_SKIPPABLE = 0x184d_2a50;
const START_BYTES = 5;
const LENGTH_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const BLOCK_OF_ONE_BYTE = 1;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

type Part = "start" | "skippable-length" | "block-header" | "unknown";

class FrameWalk {
  /** What is collected, until it has as many bytes as `#needed`. */
  #part: Part = "start";
  #needed = START_BYTES;
  readonly #head: number[] = [];
  /** Bytes that are passed over before the next part, and whether the frame ends behind them. */
  #skip = 0;
  #isLast = false;
  #hasChecksum = false;

  *cut(chunk: Buffer): Generator<Buffer, undefined> {
    let from = 0;
    for (let at = 0; at < chunk.length;) {
      const walked = this.#walk(chunk, at);
      at = walked.at;
      if (!walked.isEnd) continue;
      yield chunk.subarray(from, at);
      from = at;
    }
    if (from < chunk.length) yield chunk.subarray(from);
    return undefined;
  }

  /** Goes on from `at`, by one byte at least: to the end of a frame, of a part, or of the piece. */
  #walk(chunk: Buffer, at: number): { readonly at: number; readonly isEnd: boolean } {
    // Not zstd, or not as it is known here: the decoder will say so.
    if (this.#part === "unknown") return { at: chunk.length, isEnd: false };
    let next = at;
    if (this.#skip === 0) {
      this.#head.push(chunk[next] ?? 0);
      next += 1;
      if (this.#head.length < this.#needed) return { at: next, isEnd: false };
      this.#read(Buffer.from(this.#head.splice(0)));
    }
    const skipped = Math.min(this.#skip, chunk.length - next);
    this.#skip -= skipped;
    const isEnd = this.#skip === 0 && this.#isLast;
    if (isEnd) this.#expect("start", START_BYTES);
    return { at: next + skipped, isEnd };
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#needed = bytes;
    this.#isLast = false;
  }

  #read(head: Buffer): void {
    if (this.#part === "start") this.#readStart(head);
    else if (this.#part === "skippable-length") this.#readSkippable(head);
    else this.#readBlock(head);
  }

  #readStart(head: Buffer): void {
    const magic = head.readUInt32LE(0);
    const descriptor = head[START_BYTES - 1] ?? 0;
    if (magic === MAGIC) {
      const isSingle = (descriptor & 0x20) !== 0;
      const sizeBytes = CONTENT_SIZE_BYTES[(descriptor >> 6) as 0 | 1 | 2 | 3];
      this.#hasChecksum = (descriptor & 0x04) !== 0;
      this.#skip =
        DICTIONARY_ID_BYTES[(descriptor & 3) as 0 | 1 | 2 | 3] + (isSingle ? Math.max(sizeBytes, 1) : sizeBytes + 1);
      this.#expect("block-header", BLOCK_HEADER_BYTES);
    } else if ((magic & 0xffff_fff0) === MAGIC_SKIPPABLE) {
      this.#head.push(descriptor);
      this.#expect("skippable-length", LENGTH_BYTES);
    } else this.#expect("unknown", 0);
  }

  #readSkippable(head: Buffer): void {
    this.#skip = head.readUInt32LE(0);
    this.#isLast = true;
  }

  #readBlock(head: Buffer): void {
    const header = head.readUIntLE(0, BLOCK_HEADER_BYTES);
    const isOneByte = ((header >> 1) & 3) === BLOCK_OF_ONE_BYTE;
    this.#isLast = (header & 1) === 1;
    this.#skip = (isOneByte ? 1 : header >> 3) + (this.#isLast && this.#hasChecksum ? CHECKSUM_BYTES : 0);
  }
}
