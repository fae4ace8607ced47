/**
 * A file of JSON lines that only grows, for records that must survive kill -9. Promise: what `append` has resolved for is on
 * disk, in that order; what waits together is written and synced together. Each line carries a digest of itself and of the
 * line before, so a line that was changed, dropped or put in is found. A last line that is torn was never acknowledged and is
 * cut off; anything else that is damaged throws, because the file is the only one that knows.
 *
 * A write or sync that fails ends it, as nobody can say what the disk has: everything rejects until a restart reads it.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "./sealed-file.ts";

const DIGEST_LENGTH = 64;
const START = "0".repeat(DIGEST_LENGTH);

export class AppendLogError extends Error {
  override readonly name = "AppendLogError";
}

interface Waiting {
  readonly texts: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class AppendLog {
  readonly #file: string;
  #handle: FileHandle | undefined;
  #head = START;
  #bytes = 0;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: AppendLogError | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Digest of the last line, which all lines before it go into. */
  get head(): string {
    return this.#head;
  }

  /** Reads all that is there, oldest first, and makes ready to append. Throws `AppendLogError` for a damaged file. */
  async open(): Promise<readonly unknown[]> {
    mkdirSync(dirname(this.#file), { recursive: true });
    const values = this.#read();
    this.#handle = await open(this.#file, "a", 0o600);
    syncDirectory(dirname(this.#file));
    return values;
  }

  /** Resolves once the values are on disk. */
  append(...values: readonly unknown[]): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const texts = values.map((value) => JSON.stringify(value));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ texts, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Replaces all lines by these; call it only while nothing else is appended. */
  async rewrite(values: readonly unknown[]): Promise<void> {
    await this.#flushing;
    const temporary = `${this.#file}.tmp`;
    let head = START;
    const lines = values.map((value) => {
      const line = seal(head, JSON.stringify(value));
      head = line.head;
      return line.text;
    });
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(lines.join(""));
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await this.#handle?.close();
    renameSync(temporary, this.#file);
    syncDirectory(dirname(this.#file));
    this.#handle = await open(this.#file, "a", 0o600);
    this.#head = head;
    this.#bytes = Buffer.byteLength(lines.join(""));
  }

  async close(): Promise<void> {
    await this.#flushing;
    this.#failure ??= new AppendLogError(`${this.#file} is closed`);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const group = this.#waiting.splice(0);
        let head = this.#head;
        let text = "";
        for (const each of group.flatMap(({ texts }) => texts)) {
          const line = seal(head, each);
          head = line.head;
          text += line.text;
        }
        try {
          if (this.#handle === undefined) throw new AppendLogError(`${this.#file} is not open`);
          await this.#handle.writeFile(text);
          await this.#handle.datasync();
        } catch (error) {
          this.#fail(error, group);
          return;
        }
        this.#head = head;
        this.#bytes += Buffer.byteLength(text);
        for (const { resolve } of group) resolve();
      }
    } finally {
      this.#flushing = undefined;
    }
  }

  #fail(cause: unknown, group: readonly Waiting[]): void {
    const failure = new AppendLogError(`${this.#file} cannot be written: ${String(cause)}`, { cause });
    this.#failure = failure;
    for (const { reject } of [...group, ...this.#waiting.splice(0)]) reject(failure);
  }

  #read(): readonly unknown[] {
    let content: Buffer;
    try {
      content = readFileSync(this.#file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw new AppendLogError(`cannot read ${this.#file}: ${String(error)}`, { cause: error });
    }
    const values: unknown[] = [];
    let at = 0;
    while (at < content.length) {
      const end = content.indexOf(10, at);
      const line = content.subarray(at, end < 0 ? content.length : end).toString("utf8");
      const text = line.slice(DIGEST_LENGTH + 1);
      const { head } = seal(this.#head, text);
      const isWhole = end >= 0 && line.slice(0, DIGEST_LENGTH) === head;
      if (!isWhole) {
        const isLast = end < 0 || end === content.length - 1;
        if (!isLast) throw new AppendLogError(`${this.#file} is damaged at byte ${at}: restore it from a copy`);
        truncateSync(this.#file, at);
        break;
      }
      values.push(JSON.parse(text));
      this.#head = head;
      at = end + 1;
    }
    this.#bytes = at;
    return values;
  }
}

function seal(before: string, text: string): { readonly head: string; readonly text: string } {
  const head = createHash("sha256").update(before).update(text).digest("hex");
  return { head, text: `${head} ${text}\n` };
}
