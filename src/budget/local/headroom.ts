/**
 * Zeros ahead of the end of a segment, so that a group is written over blocks that the file has already: what then has to be made
 * durable is the group alone, and not the file's length and its new blocks with it, which takes some ten times as long.
 * Made in the background, in pieces, so that no group waits behind much of it. Where there is none, groups are appended as ever.
 */
import { type DiskFile, writeDurably } from "./disk.ts";

const PIECE_BYTES = 256 * 1024;
const AHEAD_BYTES_MIN = 64 * 1024;
const AHEAD_BYTES_MAX = 4 * 1024 * 1024;
/** Room that is not there is no failure: a group may still fit. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

export interface HeadroomOptions {
  readonly file: DiskFile;
  /** Where the frames end. */
  readonly offset: number;
  readonly segmentBytesMax: number;
  readonly onFailure: (error: unknown) => void;
}

export class Headroom {
  readonly #options: HeadroomOptions;
  /** The file has this many bytes, all of them durable. */
  #end: number;
  #growing: Promise<void> | undefined;
  #isFull = false;

  constructor(options: HeadroomOptions) {
    this.#options = options;
    this.#end = options.offset;
  }

  /** Waits for zeros that are being written where the frame goes; never two write one place. */
  async before(frameEnd: number): Promise<void> {
    if (frameEnd > this.#end) await this.#growing;
  }

  /** The frame that ends here is on disk. */
  after(frameEnd: number): void {
    this.#end = Math.max(this.#end, frameEnd);
    const { segmentBytesMax } = this.#options;
    const rest = segmentBytesMax - this.#end;
    if (this.#growing !== undefined || this.#isFull || rest <= 0) return;
    // As much again as there is, within bounds: a ledger that hardly writes takes no megabytes.
    const ahead = Math.min(Math.max(frameEnd, AHEAD_BYTES_MIN), AHEAD_BYTES_MAX, Math.ceil(segmentBytesMax / 4));
    const more = Math.min(frameEnd + ahead - this.#end, rest);
    if (more < Math.min(ahead / 2, rest)) return;
    this.#growing = this.#grow(this.#end + more).finally(() => (this.#growing = undefined));
  }

  /** Nothing is under way any more. */
  async settle(): Promise<void> {
    await this.#growing;
  }

  async #grow(end: number): Promise<void> {
    const { file, onFailure } = this.#options;
    try {
      while (this.#end < end) {
        const piece = Buffer.alloc(Math.min(PIECE_BYTES, end - this.#end));
        await writeDurably(file, piece, this.#end);
        this.#end += piece.length;
      }
    } catch (error) {
      this.#isFull = true;
      // Of a sync that fails nobody is told twice: what a group wrote may be what is gone.
      if (!FULL.has((error as { readonly code?: unknown }).code)) onFailure(error);
    }
  }
}
