import type { Block } from "./block-format.ts";

/** Blocks of the spool that are in memory beside their files, the oldest first; no more of them than fit in `bytesMax`. */
export class KeptBlocks {
  readonly #bytesMax: number;
  readonly #blocks = new Map<string, Block>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Keeps a block while there is room. The older ones stay: they are delivered first. */
  keep(name: string, block: Block): void {
    const bytes = sizeOf(block);
    if (this.#bytes + bytes > this.#bytesMax) return;
    this.#blocks.set(name, block);
    this.#bytes += bytes;
  }

  get(name: string): Block | undefined {
    return this.#blocks.get(name);
  }

  forget(name: string): void {
    const block = this.#blocks.get(name);
    if (block === undefined || !this.#blocks.delete(name)) return;
    this.#bytes -= sizeOf(block);
  }
}

function sizeOf({ identities, payload }: Block): number {
  return identities.length + payload.length;
}
