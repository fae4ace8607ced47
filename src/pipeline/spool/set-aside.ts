/** What can't be read or delivered, kept for a person to look at: the newest of it, up to a bound. */
import { mkdir, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, join } from "node:path";

/** The step of a write that touches the disk; replaced in tests of full and failing disks. */
export type WriteFileDurably = (path: string, pieces: readonly Uint8Array[]) => Promise<void>;

interface File {
  readonly name: string;
  readonly bytes: number;
}

export class SetAside {
  readonly #directory: string;
  readonly #bytesMax: number;
  readonly #writeFile: WriteFileDurably;
  /** Oldest first: names begin with the number of their block. */
  #files: File[] = [];

  constructor(options: {
    readonly directory: string;
    readonly bytesMax: number;
    readonly writeFile: WriteFileDurably;
  }) {
    this.#directory = options.directory;
    this.#bytesMax = options.bytesMax;
    this.#writeFile = options.writeFile;
  }

  get names(): readonly string[] {
    return this.#files.map((file) => file.name);
  }

  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** True when there was no such directory before. */
  async open(): Promise<boolean> {
    const made = await mkdir(this.#directory, { recursive: true });
    for (const name of (await readdir(this.#directory)).toSorted()) {
      this.#files.push({ name, bytes: (await stat(join(this.#directory, name))).size });
    }
    return made !== undefined;
  }

  /** Takes a file as it is; needs no room on the disk. Returns its new path. */
  async move(from: string, why: string): Promise<string> {
    const name = `${basename(from)}.${why}`;
    const target = join(this.#directory, name);
    const { size } = await stat(from);
    await rename(from, target);
    this.#note({ name, bytes: size });
    return target;
  }

  /** The same name twice is one file. Returns its path. */
  async write(name: string, bytes: Buffer): Promise<string> {
    const target = join(this.#directory, name);
    await rm(target, { force: true });
    try {
      await this.#writeFile(target, [bytes]);
    } catch (error) {
      await rm(target, { force: true });
      throw error;
    }
    this.#note({ name, bytes: bytes.length });
    return target;
  }

  /** Removes the oldest beyond the bound, but never the newest. Returns their paths. */
  async trim(): Promise<readonly string[]> {
    const removed: string[] = [];
    while (this.#files.length > 1 && this.bytes > this.#bytesMax) {
      const file = this.#files.shift();
      if (file === undefined) break;
      const path = join(this.#directory, file.name);
      await unlink(path).catch(() => {
        // Somebody has taken it away, as they may.
      });
      removed.push(path);
    }
    return removed;
  }

  #note(file: File): void {
    this.#files = [...this.#files.filter((each) => each.name !== file.name), file];
  }
}
