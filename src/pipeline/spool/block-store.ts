/**
 * The blocks of the spool as files of one directory. A block is there entirely or not at all: it is written under a
 * temporary name, synced, renamed, and the directory is synced; only then does `write` resolve. File names sort in the
 * order of writing. What can't be read or delivered is moved to `set-aside/` with why in its name; only the oldest of that go, beyond a bound.
 *
 * The memory of a block's file belongs to the store once it is written: it is kept as the block until the block is removed, and
 * given back then, for nobody removes a block before its delivery has ended. What goes any other way is collected.
 */
import { type FileHandle, open, readFile, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { BufferPool } from "../../support/buffer-pool.ts";
import { ByteSink } from "../native/byte-sink.ts";
import { decodeAgain, type DecodedBlock, decodeBlock, type NewBlock, writeBlock } from "./block-format.ts";
import { KeptBlocks, type MadeBlock } from "./kept-blocks.ts";
import { decodeMerge, encodeMerge, type Merge } from "./merge-file.ts";
import { SetAside, type WriteFileDurably } from "./set-aside.ts";

export type { WriteFileDurably };

/** A block on disk that is not delivered yet. */
export interface StoredBlock {
  readonly name: string;
  readonly token: string;
  readonly rowCount: number;
  readonly createdUnixMs: number;
  readonly bytes: number;
}

/** What an earlier process left. */
export interface LeftFiles {
  /** Nobody had this directory before. */
  readonly isNew: boolean;
  readonly blocks: readonly string[];
  readonly merges: readonly string[];
  /** The names of the files that were set aside. */
  readonly setAside: readonly string[];
}

export type WriteResult =
  | { readonly kind: "written"; readonly stored: StoredBlock }
  /** `full`: over `bytesMax`. `failed`: the file system said no, `reason` is its code (ENOSPC, EIO). */
  | { readonly kind: "full" }
  | { readonly kind: "failed"; readonly reason: string };

export interface BlockStoreOptions {
  readonly directory: string;
  readonly bytesMax: number;
  /** How much of what was set aside is kept. @default a sixteenth of `bytesMax` */
  readonly setAsideBytesMax?: number;
  readonly writeFile?: WriteFileDurably;
  /** Blocks of so many bytes that were written last are kept in memory too: their files are read after a crash only. @default 0 */
  readonly keptBytesMax?: number;
}

const BLOCK_SUFFIX = ".block";
const MERGE_SUFFIX = ".merge";
const TEMPORARY_SUFFIX = ".tmp";
const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);
const SET_ASIDE_SHARE = 1 / 16;
const SEQUENCE_DIGITS = 16;
/** Memory of blocks that are gone, for those to come, beside what may be kept and as much that is read to be sent: in use or idle, it is no more. */
const IDLE_BYTES_MAX = 8 * 1024 * 1024;
/** Of a block before there was one: its rows are as long as most. */
const BYTES_A_ROW = 1_024;
const SLACK = 1.1;

export class BlockStore {
  readonly setAside: SetAside;
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #writeFile: WriteFileDurably;
  readonly #kept: KeptBlocks;
  readonly #keptBytesMax: number;
  readonly #pool: BufferPool;
  /** Of the block before. */
  #bytesARow = BYTES_A_ROW;
  #handle: FileHandle | undefined;
  #bytesUsed = 0;
  #sequence = 0;

  constructor(options: BlockStoreOptions) {
    this.#directory = options.directory;
    this.#bytesMax = options.bytesMax;
    const { setAsideBytesMax = options.bytesMax * SET_ASIDE_SHARE } = options;
    this.#writeFile = options.writeFile ?? writeFileDurably;
    const { keptBytesMax = 0 } = options;
    this.#kept = new KeptBlocks(keptBytesMax);
    this.#keptBytesMax = keptBytesMax;
    this.#pool = new BufferPool({ idleBytesMax: () => IDLE_BYTES_MAX + keptBytesMax + this.#kept.room });
    this.setAside = new SetAside({
      directory: join(options.directory, "set-aside"),
      bytesMax: setAsideBytesMax,
      writeFile: this.#writeFile,
    });
  }

  get bytesUsed(): number {
    return this.#bytesUsed;
  }

  /** More waits than is kept in memory: what comes now will be read from its file. Never where nothing is kept. */
  get isBeyondKept(): boolean {
    return this.#keptBytesMax > 0 && this.#bytesUsed > this.#keptBytesMax;
  }

  get isFull(): boolean {
    return this.#bytesUsed >= this.#bytesMax;
  }

  /** Makes the directory, removes what was never acknowledged, and returns the names of the leftover files, oldest first. */
  async open(): Promise<LeftFiles> {
    const isNew = await this.setAside.open();
    this.#handle = await open(this.#directory, "r");
    const entries = (await readdir(this.#directory)).toSorted();
    for (const name of entries.filter((entry) => entry.endsWith(TEMPORARY_SUFFIX))) await unlink(this.#path(name));
    const blocks = entries.filter((entry) => entry.endsWith(BLOCK_SUFFIX));
    for (const name of blocks) this.#bytesUsed += await this.sizeOf(name);
    const merges = entries.filter((entry) => entry.endsWith(MERGE_SUFFIX));
    const newest = Math.max(0, ...[...blocks.slice(-1), ...merges.slice(-1)].map((name) => Number.parseInt(name, 10)));
    this.#sequence = Number.isSafeInteger(newest) ? newest : 0;
    return { isNew, blocks, merges, setAside: this.setAside.names };
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** Makes the file of a block, to be written. */
  make(block: NewBlock): MadeBlock {
    const sink = new ByteSink(block.rowCount * this.#bytesARow * SLACK, this.#pool);
    const file = writeBlock(sink, block);
    this.#bytesARow = Math.ceil(file.bytes.length / block.rowCount);
    return { file, capacity: sink.capacity, giveBack: () => sink.giveBack() };
  }

  /** Resolves when the block would survive a power cut, or says why not; then nothing of it is left. What is full may be tried again. */
  async write(made: MadeBlock): Promise<WriteResult> {
    const { block, bytes: contents } = made.file;
    const bytes = contents.length;
    if (this.#bytesUsed + bytes > this.#bytesMax) return { kind: "full" };
    const stem = this.#nextStem(block.token);
    const reason = await this.#writeDurably(stem + BLOCK_SUFFIX, [contents]);
    if (reason !== undefined) return { kind: "failed", reason };
    this.#bytesUsed += bytes;
    const name = stem + BLOCK_SUFFIX;
    const { token, rowCount, createdUnixMs } = block;
    this.#kept.keep(name, made);
    return { kind: "written", stored: { name, token, rowCount, createdUnixMs, bytes } };
  }

  /** The name of the file that says so; none when the disk says no. */
  async writeMerge(merge: Merge): Promise<{ readonly name?: string; readonly lacksRoom: boolean }> {
    const name = this.#nextStem(merge.token) + MERGE_SUFFIX;
    const reason = await this.#writeDurably(name, [encodeMerge(merge)]);
    return reason === undefined ? { name, lacksRoom: false } : { lacksRoom: NO_ROOM.has(reason) };
  }

  async readMerge(name: string): Promise<Merge | undefined> {
    return decodeMerge(await readFile(this.#path(name)));
  }

  /** To call when all its blocks are gone: they must not be back after a power cut when this is not. */
  async removeMerge(name: string): Promise<void> {
    await this.#handle?.sync();
    await unlink(this.#path(name)).catch(whereItIsThere);
  }

  async read(name: string): Promise<DecodedBlock> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) return { kind: "block", block: kept };
    try {
      return decodeBlock(await readFile(this.#path(name)));
    } catch (error) {
      return { kind: "corrupt", reason: `can't be read: ${errorCode(error)}` };
    }
  }

  /** The same, for a block that is to be sent and then removed, until when its memory is its own. */
  async lend({ name, bytes, token, rowCount, createdUnixMs }: StoredBlock): Promise<DecodedBlock> {
    if (this.#keptBytesMax === 0 || this.#kept.get(name) !== undefined) return this.read(name);
    try {
      const buffer = this.#pool.take(bytes);
      const decoded = decodeAgain(await readWhole(this.#path(name), buffer), { token, rowCount, createdUnixMs });
      const giveBack = (): void => this.#pool.give(buffer);
      if (decoded.kind === "block") this.#kept.lend(name, { block: decoded.block, capacity: buffer.length, giveBack });
      return decoded;
    } catch (error) {
      return { kind: "corrupt", reason: `can't be read: ${errorCode(error)}` };
    }
  }

  /** The size of a block's file, for blocks found at start. */
  async sizeOf(name: string): Promise<number> {
    return (await stat(this.#path(name))).size;
  }

  /** To call when the block is delivered. */
  async remove(block: Pick<StoredBlock, "name" | "bytes">): Promise<void> {
    this.#kept.remove(block.name);
    await unlink(this.#path(block.name)).catch(whereItIsThere);
    this.#bytesUsed -= block.bytes;
  }

  /** Moves a block out of the way for a person to look at. Returns its new path; none where somebody has taken it away. */
  async moveAside(block: Pick<StoredBlock, "name" | "bytes">, why: string): Promise<string | undefined> {
    this.#kept.forget(block.name);
    const target = await this.setAside.move(this.#path(block.name), why).catch(whereItIsThere);
    this.#bytesUsed -= block.bytes;
    return target;
  }

  #nextStem(token: string): string {
    this.#sequence += 1;
    return `${String(this.#sequence).padStart(SEQUENCE_DIGITS, "0")}-${token}`;
  }

  /** Returns why it failed; then nothing of it is left. */
  async #writeDurably(name: string, pieces: readonly Uint8Array[]): Promise<string | undefined> {
    const temporary = this.#path(name + TEMPORARY_SUFFIX);
    try {
      await this.#writeFile(temporary, pieces);
      await rename(temporary, this.#path(name));
      await this.#handle?.sync();
      return undefined;
    } catch (error) {
      await unlink(temporary)
        .catch(() => unlink(this.#path(name)))
        .catch(() => {
          // Neither name is there: nothing was written.
        });
      return errorCode(error);
    }
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

async function writeFileDurably(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    // Each goes on where the one before it ended. Not `writeFile`, which cuts a block in four: each part is a way to another thread and back.
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) at += (await handle.write(piece, at)).bytesWritten;
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** As much of a file as is there; what does not fit is cut off, and shows as a wrong checksum. */
async function readWhole(path: string, target: Buffer): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    let at = 0;
    for (;;) {
      const { bytesRead } = await handle.read(target, at, target.length - at);
      at += bytesRead;
      if (bytesRead === 0) return target.subarray(0, at);
    }
  } finally {
    await handle.close();
  }
}

/** Somebody may take a file away; what else is wrong with it is thrown again. */
function whereItIsThere(error: unknown): undefined {
  if (errorCode(error) !== "ENOENT") throw error;
  return undefined;
}

function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}
