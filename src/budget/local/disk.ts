/**
 * All that the ledger asks of a file system. `nodeDisk` is the real one; the simulation puts one in its place that crashes at
 * any of these steps and then forgets what was not synced.
 */
import { mkdir, open, readdir, readFile, rename, truncate, unlink } from "node:fs/promises";
import { lockDirectory } from "../directory-lock.ts";

export interface Disk {
  /** Takes the directory for this process, or throws `ledger_locked`. Returns the function that lets it go. */
  readonly lock: (dir: string) => () => void;
  readonly makeDirectory: (dir: string) => Promise<void>;
  /** Names in the directory. */
  readonly list: (dir: string) => Promise<readonly string[]>;
  readonly read: (path: string) => Promise<Buffer>;
  /** `w`: made, or emptied. `r+`: as it is. */
  readonly open: (path: string, flags: "w" | "r+") => Promise<DiskFile>;
  readonly truncate: (path: string, length: number) => Promise<void>;
  readonly rename: (from: string, to: string) => Promise<void>;
  readonly unlink: (path: string) => Promise<void>;
  /** Makes the names in a directory durable: made, renamed, unlinked. */
  readonly syncDirectory: (dir: string) => Promise<void>;
}

/** What is written of an open file; `FileHandle` is one. */
export interface DiskFile {
  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
  /** Makes contents and length durable. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export const nodeDisk: Disk = {
  lock: lockDirectory,
  makeDirectory: async (dir) => void (await mkdir(dir, { recursive: true, mode: 0o700 })),
  list: (dir) => readdir(dir),
  read: (path) => readFile(path),
  open: (path, flags) => open(path, flags),
  truncate,
  rename,
  unlink,
  syncDirectory: async (dir) => {
    const handle = await open(dir, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Writes all of `bytes` at `position`, in as many writes as the disk takes them in. */
export async function writeFully(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error("the disk took no bytes");
    written += bytesWritten;
  }
}

/** Writes a file so that under its name there is either nothing or all of it. */
export async function writeFileDurably(
  disk: Disk,
  { dir, name }: { readonly dir: string; readonly name: string },
  chunks: Iterable<Buffer>,
): Promise<void> {
  const temporary = `${dir}/${name}.tmp`;
  const file = await disk.open(temporary, "w");
  try {
    let position = 0;
    for (const chunk of chunks) {
      await writeFully(file, chunk, position);
      position += chunk.length;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, `${dir}/${name}`);
  await disk.syncDirectory(dir);
}
