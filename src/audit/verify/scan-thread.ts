/** The other end of `scan-worker.ts`: gives it blocks, in turn, and takes back what their lines say. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { RowNotes } from "./evidence-rows.ts";
import type { ExportSlot, SlotMemory } from "./export-slot.ts";

/** A block to read: so many bytes of a slot. */
export interface BlockTask {
  readonly memory: SlotMemory;
  readonly length: number;
}

interface Asked {
  readonly slot: ExportSlot;
  readonly done: () => void;
}

/** So many wait there that it has always something to do. */
const BLOCKS_MAX = 3;

export class ScanThread {
  readonly #worker: Worker;
  readonly #asked: Asked[] = [];
  #failure: unknown;

  constructor() {
    const file = import.meta.url.endsWith(".ts") ? "./scan-worker.ts" : "./scan-worker.js";
    this.#worker = new Worker(new URL(file, import.meta.url));
    this.#worker.on("message", (notes: RowNotes) => {
      const { slot, done } = this.#asked.shift() ?? {};
      slot?.rows.takeNotes(notes);
      done?.();
    });
    this.#worker.on("error", (error) => (this.#failure = error));
  }

  get isBusy(): boolean {
    return this.#asked.length >= BLOCKS_MAX;
  }

  /** Has so many bytes of a slot read into its rows; `done` is called then, in the order in which blocks came. */
  scan(slot: ExportSlot, length: number, done: () => void): void {
    this.#asked.push({ slot, done });
    this.#worker.postMessage({ memory: slot.memory, length } satisfies BlockTask);
  }

  /** When the next answer was taken. Rejects when the thread has failed. */
  async next(): Promise<void> {
    if (this.#failure === undefined && this.#asked.length > 0) await once(this.#worker, "message");
    if (this.#failure !== undefined) throw this.#failure;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
