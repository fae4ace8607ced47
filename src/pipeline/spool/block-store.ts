/**
 * The blocks of the spool as files of one directory. A block is there entirely or not at all: it is written under a
 * temporary name, synced, renamed, and the directory is synced; only then does `write` resolve. File names sort in the
 * order of writing. What can't be read or delivered is moved to `set-aside/` with the reason in its name, never deleted.
 */
import { type FileHandle, mkdir, open, readFile, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Block, type DecodedBlock, decodeBlock, encodeBlock } from "./block-format.ts";

/** A block on disk that is not delivered yet. */
export interface StoredBlock {
  readonly name: string;
  readonly token: string;
  readonly rowCount: number;
  readonly bytes: number;
}

export type WriteResult =
  | { readonly kind: "written"; readonly stored: StoredBlock }
  /** `full`: over `bytesMax`. `failed`: the file system said no, `reason` is its code (ENOSPC, EIO). */
  | { readonly kind: "full" }
  | { readonly kind: "failed"; readonly reason: string };

/** The step of a write that touches the disk; replaced in tests of full and failing disks. */
export type WriteFileDurably = (path: string, bytes: Buffer) => Promise<void>;

export interface BlockStoreOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly writeFile?: WriteFileDurably;
}

const BLOCK_SUFFIX = ".block";
const TEMPORARY_SUFFIX = ".tmp";
const SET_ASIDE = "set-aside";
const SEQUENCE_DIGITS = 16;

export class BlockStore {
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #writeFile: WriteFileDurably;
  #handle: FileHandle | undefined;
  #bytesUsed = 0;
  #sequence = 0;

  constructor(options: BlockStoreOptions) {
    this.#directory = options.directory;
    this.#bytesMax = options.bytesMax;
    this.#writeFile = options.writeFile ?? writeFileDurably;
  }

  get bytesUsed(): number {
    return this.#bytesUsed;
  }

  get isFull(): boolean {
    return this.#bytesUsed >= this.#bytesMax;
  }

  /** Makes the directory, removes what was never acknowledged, and returns the names of the leftover blocks, oldest first. */
  async open(): Promise<readonly string[]> {
    await mkdir(join(this.#directory, SET_ASIDE), { recursive: true });
    this.#handle = await open(this.#directory, "r");
    const entries = await readdir(this.#directory);
    for (const name of entries.filter((entry) => entry.endsWith(TEMPORARY_SUFFIX))) await unlink(this.#path(name));
    const names = entries.filter((entry) => entry.endsWith(BLOCK_SUFFIX)).toSorted();
    for (const name of names) this.#bytesUsed += (await stat(this.#path(name))).size;
    const newest = Number.parseInt(names.at(-1) ?? "0", 10);
    this.#sequence = Number.isSafeInteger(newest) ? newest : 0;
    return names;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** Resolves when the block would survive a power cut, or says why not; then nothing of it is left. */
  async write(block: Block): Promise<WriteResult> {
    const bytes = encodeBlock(block);
    if (this.#bytesUsed + bytes.length > this.#bytesMax) return { kind: "full" };
    this.#sequence += 1;
    const stem = `${String(this.#sequence).padStart(SEQUENCE_DIGITS, "0")}-${block.token}`;
    const name = stem + BLOCK_SUFFIX;
    const temporary = this.#path(stem + TEMPORARY_SUFFIX);
    try {
      await this.#writeFile(temporary, bytes);
      await rename(temporary, this.#path(name));
      await this.#handle?.sync();
    } catch (error) {
      await unlink(temporary)
        .catch(() => unlink(this.#path(name)))
        .catch(() => {
          // Neither name is there: nothing was written.
        });
      return { kind: "failed", reason: errorCode(error) };
    }
    this.#bytesUsed += bytes.length;
    return { kind: "written", stored: { name, token: block.token, rowCount: block.rowCount, bytes: bytes.length } };
  }

  async read(name: string): Promise<DecodedBlock> {
    try {
      return decodeBlock(await readFile(this.#path(name)));
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
    await unlink(this.#path(block.name));
    this.#bytesUsed -= block.bytes;
  }

  /** Moves a block out of the way for a person to look at. Returns its new path. */
  async setAside(block: Pick<StoredBlock, "name" | "bytes">, why: string): Promise<string> {
    const target = join(this.#directory, SET_ASIDE, `${block.name}.${why}`);
    await rename(this.#path(block.name), target);
    this.#bytesUsed -= block.bytes;
    return target;
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

async function writeFileDurably(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, "wx", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}
