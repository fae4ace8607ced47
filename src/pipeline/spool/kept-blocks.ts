import { type Block, type BlockFile, keptBlock } from "./block-format.ts";

/** The file of a block, in memory that can be given back. */
export interface MadeBlock {
  readonly file: BlockFile;
  /** Of that memory, in bytes. */
  readonly capacity: number;
  readonly giveBack: () => void;
}

/** A block in memory. */
export interface Kept {
  readonly block: Block;
  readonly capacity: number;
  readonly giveBack: () => void;
}

/** Blocks of the spool that are in memory beside their files, the oldest first; no more of them than have their memory in `bytesMax`. */
export class KeptBlocks {
  readonly #bytesMax: number;
  readonly #blocks = new Map<string, Kept>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Keeps a block while there is room, else gives its memory back. The older ones stay: they are delivered first. */
  keep(name: string, { file, capacity, giveBack }: MadeBlock): void {
    if (this.#bytes + capacity > this.#bytesMax) return giveBack();
    this.#blocks.set(name, { block: keptBlock(file), capacity, giveBack });
    this.#bytes += capacity;
  }

  /** Has a block that was read from its file until it is gone, whatever the bound. */
  lend(name: string, block: Kept): void {
    this.#take(name);
    this.#blocks.set(name, block);
    this.#bytes += block.capacity;
  }

  /** How many more bytes would be kept. */
  get room(): number {
    return this.#bytesMax - this.#bytes;
  }

  get(name: string): Block | undefined {
    return this.#blocks.get(name)?.block;
  }

  /** Somebody may read it still. */
  forget(name: string): void {
    this.#take(name);
  }

  /** Nobody reads it any more. */
  remove(name: string): void {
    this.#take(name)?.giveBack();
  }

  #take(name: string): Kept | undefined {
    const kept = this.#blocks.get(name);
    if (kept === undefined || !this.#blocks.delete(name)) return undefined;
    this.#bytes -= kept.capacity;
    return kept;
  }
}
