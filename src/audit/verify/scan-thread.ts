/** The other end of `scan-worker.ts`: gives it blocks, in turn, and takes back what their lines say. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { RowColumns } from "./evidence-rows.ts";

/** A block on its way: the first `length` bytes of a buffer. */
export interface BlockCopy {
  readonly buffer: ArrayBuffer;
  readonly length: number;
}

interface Answer {
  readonly rows: RowColumns;
  readonly buffer: ArrayBuffer;
}

/** So many wait there that it has always something to do. */
const BLOCKS_MAX = 3;

export class ScanThread {
  readonly #worker: Worker;
  readonly #waiting: ((rows: RowColumns) => void)[] = [];
  /** Buffers that came back. */
  readonly #free: ArrayBuffer[] = [];
  #failure: unknown;

  constructor() {
    const file = import.meta.url.endsWith(".ts") ? "./scan-worker.ts" : "./scan-worker.js";
    this.#worker = new Worker(new URL(file, import.meta.url));
    this.#worker.on("message", ({ rows, buffer }: Answer) => {
      this.#free.push(buffer);
      this.#waiting.shift()?.(rows);
    });
    this.#worker.on("error", (error) => (this.#failure = error));
  }

  get isBusy(): boolean {
    return this.#waiting.length >= BLOCKS_MAX;
  }

  /** Has a block read; `take` is called with what it says, in the order in which blocks came. The block stays the caller's. */
  scan(block: Buffer, take: (rows: RowColumns) => void): void {
    const known = this.#free.pop();
    const buffer = known === undefined || known.byteLength < block.length ? new ArrayBuffer(block.length) : known;
    new Uint8Array(buffer).set(block);
    this.#waiting.push(take);
    this.#worker.postMessage({ buffer, length: block.length } satisfies BlockCopy, [buffer]);
  }

  /** When the next answer was taken. Rejects when the thread has failed. */
  async next(): Promise<void> {
    if (this.#failure === undefined && this.#waiting.length > 0) await once(this.#worker, "message");
    if (this.#failure !== undefined) throw this.#failure;
  }

  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
