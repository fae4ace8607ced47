/**
 * The checkpoints of this processor, one line each in a file that is only appended to. A checkpoint counts once its line is
 * synced; a torn last line (kill -9, power cut) was never told to anybody and is cut off. Reading the last line is enough to go on.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../support/sealed-file.ts";
import type { HeadOfChain } from "./chain-book.ts";
import {
  type Checkpoint,
  type CheckpointBody,
  checkpointHash,
  checkpointText,
  frontierOf,
  hashOfLeaf,
  leafOf,
  NO_CHECKPOINT,
} from "./checkpoint.ts";
import { Frontier } from "./merkle.ts";

export interface CheckpointLogOptions {
  readonly file: string;
  readonly signer: { readonly current: { readonly id: string }; sign(text: string): string };
}

export class CheckpointLogError extends Error {
  override readonly name = "CheckpointLogError";
}

const NEWLINE = 10;
const BLOCK_BYTES = 65_536;

export class CheckpointLog {
  readonly #options: CheckpointLogOptions;
  #file = -1;
  #bytes = 0;
  #log = randomBytes(16).toString("hex");
  #last: Checkpoint | undefined;
  #tree = new Frontier();

  constructor(options: CheckpointLogOptions) {
    this.#options = options;
  }

  /** Throws `CheckpointLogError` when the last whole line is no checkpoint: a log that was altered is not gone on with. */
  open(): void {
    const { file } = this.#options;
    const isNew = !existsSync(file);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.#file = openSync(file, isNew ? "w+" : "r+", 0o600);
    if (isNew) syncDirectory(dirname(file));
    const { text, end } = lastLine(this.#file);
    if (end < fstatSync(this.#file).size) ftruncateSync(this.#file, end);
    this.#bytes = end;
    if (text === undefined) return;
    try {
      const last = JSON.parse(text) as Checkpoint;
      this.#tree = frontierOf(last);
      if (this.#tree.root().toString("hex") !== last.root) throw new RangeError("its root is not that of its tree");
      this.#last = last;
      this.#log = last.log;
    } catch (error) {
      throw new CheckpointLogError(
        `${file}: the last checkpoint is damaged: ${String(error)}; restore the file, or move it away to begin a new log`,
        {
          cause: error,
        },
      );
    }
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  get id(): string {
    return this.#log;
  }

  get last(): Checkpoint | undefined {
    return this.#last;
  }

  /** Signs the log with these heads in it. Durable when it returns; on a throw nothing has changed. */
  append(heads: readonly HeadOfChain[], nowMs: number): Checkpoint {
    const { signer } = this.#options;
    const leaves = heads.map(leafOf);
    const tree = new Frontier(this.#tree.size, this.#tree.roots);
    for (const leaf of leaves) tree.append(hashOfLeaf(leaf));
    const body: CheckpointBody = {
      log: this.#log,
      number: (this.#last?.number ?? 0) + 1,
      size: tree.size,
      root: tree.root().toString("hex"),
      time: new Date(nowMs).toISOString(),
      previous: this.#last === undefined ? NO_CHECKPOINT : checkpointHash(this.#last),
      key: signer.current.id,
    };
    const frontier = tree.roots.map((hash) => hash.toString("hex"));
    const checkpoint: Checkpoint = { ...body, signature: signer.sign(checkpointText(body)), leaves, frontier };
    this.#write(checkpoint);
    this.#tree = tree;
    this.#last = checkpoint;
    return checkpoint;
  }

  /** All checkpoints from `number` on, from the file. */
  async *read(number = 1): AsyncGenerator<Checkpoint> {
    const handle = await open(this.#options.file, "r");
    try {
      for await (const line of handle.readLines({ autoClose: false })) {
        if (line === "") continue;
        const checkpoint = JSON.parse(line) as Checkpoint;
        if (checkpoint.number >= number) yield checkpoint;
      }
    } finally {
      await handle.close();
    }
  }

  #write(checkpoint: Checkpoint): void {
    const line = Buffer.from(`${JSON.stringify(checkpoint)}\n`);
    try {
      // A disk that has room for a part takes that part, and says nothing.
      for (let at = 0; at < line.length;) at += writeSync(this.#file, line, at, line.length - at, this.#bytes + at);
      fdatasyncSync(this.#file);
      this.#bytes += line.length;
    } catch (error) {
      this.#cut();
      throw new CheckpointLogError(`a checkpoint cannot be stored: ${String(error)}`, { cause: error });
    }
  }

  /** Who reads the log would take what stands behind its last line for one. */
  #cut(): void {
    try {
      ftruncateSync(this.#file, this.#bytes);
    } catch {
      // The next start does it.
    }
  }
}

/** The last line that has its end, and where that is. */
function lastLine(file: number): { readonly text: string | undefined; readonly end: number } {
  const { size } = fstatSync(file);
  let tail = Buffer.alloc(0);
  for (let start = size; start > 0;) {
    const from = Math.max(0, start - BLOCK_BYTES);
    const block = Buffer.alloc(start - from);
    readSync(file, block, 0, block.length, from);
    tail = Buffer.concat([block, tail]);
    start = from;
    const end = tail.lastIndexOf(NEWLINE);
    const begin = end < 0 ? -1 : tail.lastIndexOf(NEWLINE, end - 1);
    if (end >= 0 && (begin >= 0 || start === 0)) {
      return { text: tail.toString("utf8", begin + 1, end), end: start + end + 1 };
    }
  }
  return { text: undefined, end: 0 };
}
