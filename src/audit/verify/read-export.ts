/**
 * Reads an export into a verifier. A large one is read by two threads: blocks go to the one that has time, and what they say is taken
 * in the order of the export, so that the verdict is the same however many read.
 */
import { availableParallelism } from "node:os";
import { BlockScan } from "./block-scan.ts";
import { ExportBlocks } from "./export-blocks.ts";
import { ExportSlot } from "./export-slot.ts";
import type { ExportSource } from "./export-source.ts";
import { ScanThread } from "./scan-thread.ts";
import type { Verifier } from "./verifier.ts";

export interface ReadOptions {
  /** @default as many as the machine runs at once, two at the most */
  readonly threads?: number;
  /** From how many bytes on a second thread is worth its start. @default 16 MiB */
  readonly fromBytes?: number;
  /** Of a block. @default 1 MiB */
  readonly blockBytes?: number;
}

const FROM_BYTES = 16 * 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;
/** Those that the second thread has, one that is read meanwhile, and some that wait for one before them. */
const SLOTS_MAX = 8;

/** A block whose turn to be taken has not come. */
interface Waiting {
  readonly block: Buffer;
  readonly slot: ExportSlot;
  isRead: boolean;
}

/** Rejects when the source does. */
export async function readExport(verifier: Verifier, source: ExportSource, options: ReadOptions = {}): Promise<void> {
  const reading = new Reading(verifier, options);
  try {
    await reading.read(new ExportBlocks(source));
  } finally {
    await reading.stop();
  }
}

class Reading {
  readonly #verifier: Verifier;
  readonly #options: Required<ReadOptions>;
  readonly #scan = new BlockScan();
  readonly #free: ExportSlot[] = [];
  #slots = 0;
  /** In the order of the export. */
  readonly #waiting: Waiting[] = [];
  #second: ScanThread | undefined;

  constructor(
    verifier: Verifier,
    { threads = availableParallelism(), fromBytes = FROM_BYTES, blockBytes = BLOCK_BYTES }: ReadOptions,
  ) {
    this.#verifier = verifier;
    this.#options = { threads, fromBytes, blockBytes };
  }

  async read(blocks: ExportBlocks): Promise<void> {
    let bytes = 0;
    for (;;) {
      const slot = await this.#slot();
      const block = await blocks.next(slot.room);
      if (block === undefined) break;
      bytes += block.length;
      if (this.#options.threads > 1 && bytes > this.#options.fromBytes) this.#second ??= new ScanThread();
      this.#give(block, slot);
    }
    while (this.#waiting.length > 0) await this.#second?.next();
  }

  async stop(): Promise<void> {
    await this.#second?.stop();
  }

  async #slot(): Promise<ExportSlot> {
    for (;;) {
      const free = this.#free.pop();
      if (free !== undefined) return free;
      if (this.#slots < SLOTS_MAX) {
        this.#slots += 1;
        return ExportSlot.of(this.#options.blockBytes);
      }
      await this.#second?.next();
    }
  }

  #give(block: Buffer, slot: ExportSlot): void {
    const waiting = { block, slot, isRead: false };
    this.#waiting.push(waiting);
    const isShared = block.buffer === slot.memory.block;
    if (isShared && this.#second?.isBusy === false) {
      this.#second.scan(slot, block.length, () => {
        waiting.isRead = true;
        this.#takeRead();
      });
      return;
    }
    this.#scan.scan(block, slot.rows);
    waiting.isRead = true;
    this.#takeRead();
  }

  #takeRead(): void {
    for (let first = this.#waiting[0]; first?.isRead === true; first = this.#waiting[0]) {
      this.#verifier.take(first.block, first.slot.rows);
      this.#free.push(first.slot);
      this.#waiting.shift();
    }
  }
}
