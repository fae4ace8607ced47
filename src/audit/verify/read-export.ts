/**
 * Reads an export into a verifier. A large one is read by two threads: blocks go to the one that has time, and what they say is taken
 * in the order of the export, so that the verdict is the same however many read.
 */
import { availableParallelism } from "node:os";
import { BlockScan } from "./block-scan.ts";
import type { RowColumns } from "./evidence-rows.ts";
import { ExportBlocks } from "./export-blocks.ts";
import { ScanThread } from "./scan-thread.ts";
import type { Verifier } from "./verifier.ts";

export interface ReadOptions {
  /** @default as many as the machine runs at once, two at the most */
  readonly threads?: number;
  /** From how many bytes on a second thread is worth its start. @default 16 MiB */
  readonly fromBytes?: number;
}

const FROM_BYTES = 16 * 1024 * 1024;
/** Blocks that were read and wait for one before them. */
const WAITING_MAX = 32;

interface Slot {
  readonly block: Buffer;
  rows: RowColumns | undefined;
}

/** Rejects when the input does. */
export async function readExport(
  verifier: Verifier,
  input: AsyncIterable<Uint8Array>,
  { threads = availableParallelism(), fromBytes = FROM_BYTES }: ReadOptions = {},
): Promise<void> {
  const reading = new Reading(verifier);
  let bytes = 0;
  try {
    for await (const chunk of input) {
      bytes += chunk.length;
      if (threads > 1 && bytes > fromBytes) reading.startSecond();
      await reading.add(chunk);
    }
    await reading.end();
  } finally {
    await reading.stop();
  }
}

class Reading {
  readonly #verifier: Verifier;
  readonly #scan = new BlockScan();
  readonly #blocks = new ExportBlocks((block) => this.#give(block));
  /** In the order of the export. */
  readonly #slots: Slot[] = [];
  #second: ScanThread | undefined;

  constructor(verifier: Verifier) {
    this.#verifier = verifier;
  }

  startSecond(): void {
    this.#second ??= new ScanThread();
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#blocks.add(chunk);
    while (this.#slots.length > WAITING_MAX) await this.#second?.next();
  }

  async end(): Promise<void> {
    this.#blocks.end();
    while (this.#second?.isDone === false) await this.#second.next();
  }

  async stop(): Promise<void> {
    await this.#second?.stop();
  }

  #give(block: Buffer): void {
    const slot: Slot = { block, rows: undefined };
    this.#slots.push(slot);
    if (this.#second === undefined || this.#second.isBusy) slot.rows = this.#scan.scan(block);
    else {
      this.#second.scan(block, (rows) => {
        slot.rows = rows;
        this.#takeRead();
      });
    }
    this.#takeRead();
  }

  #takeRead(): void {
    for (let first = this.#slots[0]; first?.rows !== undefined; first = this.#slots[0]) {
      this.#verifier.take(first.block, first.rows);
      this.#slots.shift();
    }
  }
}
