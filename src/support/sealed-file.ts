/**
 * A small file that is written as a whole and never half: beside it, made durable, put in its place, which is made durable
 * too. Its first line holds a digest of the rest, so that a damaged file is never taken for another content.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const FORMAT = 1;

export class SealedFileError extends Error {
  override readonly name = "SealedFileError";
}

/** What `writeSealed` wrote; `undefined` when there is no file. Throws `SealedFileError` for one that can't be trusted. */
export function readSealed(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SealedFileError(`cannot read ${file}: ${String(error)}`, { cause: error });
  }
  const [head = "", body = "", end] = text.split("\n");
  try {
    const { format, digest } = JSON.parse(head) as { readonly format?: unknown; readonly digest?: unknown };
    if (end === "" && format === FORMAT && digest === digestOf(body)) return JSON.parse(body) as unknown;
  } catch {
    // Said below.
  }
  throw new SealedFileError(`${file} is damaged: restore it, or remove it to start without what it holds`);
}

/** Old or new, whole, for its owner's eyes only. Throws what the disk says. */
export function writeSealed(file: string, value: unknown): void {
  const directory = dirname(file);
  mkdirSync(directory, { recursive: true });
  const temporary = `${file}.tmp`;
  const text = JSON.stringify(value);
  const handle = openSync(temporary, "w", 0o600);
  try {
    // Not writeSync: a disk that has room for a part takes that part, and says nothing.
    writeFileSync(handle, `${JSON.stringify({ format: FORMAT, digest: digestOf(text) })}\n${text}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncDirectory(directory);
}

/** Makes names in a directory durable. */
export function syncDirectory(directory: string): void {
  const folder = openSync(directory, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
