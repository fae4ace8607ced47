/**
 * All that the ledger asks of a file system. `nodeDisk` is the real one; the simulation puts one in its place that crashes at
 * any of these steps and then forgets what was not synced.
 */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, statfs, truncate, unlink } from "node:fs/promises";
import { dirname } from "node:path";
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
  /** The same for a file of many small writes, each to be durable: by itself, where the disk can. @default `open` */
  readonly openDurable?: (path: string, flags: "w" | "r+") => Promise<DiskFile>;
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
  /** What is written is durable when `write` resolves; `datasync` has nothing left to do. @default false */
  readonly isDurableByWrite?: boolean;
}

/** Writable file systems of the kernel's own, by their magic numbers (linux/magic.h): a write with O_DSYNC is one with its fdatasync. */
const SYNCS_WRITES: ReadonlySet<number> = new Set([
  0xef53, // ext2 to ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
]);
const DURABLE_FLAGS = {
  w: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_DSYNC,
  "r+": constants.O_RDWR | constants.O_DSYNC,
};

export const nodeDisk: Disk = {
  lock: lockDirectory,
  makeDirectory: async (dir) => void (await mkdir(dir, { recursive: true, mode: 0o700 })),
  list: (dir) => readdir(dir),
  read: (path) => readFile(path),
  open: (path, flags) => open(path, flags),
  openDurable: async (path, flags) => {
    // One job of the thread pool for each group instead of two, with no turn of the loop between them.
    if (process.platform !== "linux" || !SYNCS_WRITES.has((await statfs(dirname(path))).type)) return open(path, flags);
    const handle = await open(path, DURABLE_FLAGS[flags], 0o600);
    return {
      write: (...args) => handle.write(...args),
      datasync: () => handle.datasync(),
      close: () => handle.close(),
      isDurableByWrite: true,
    };
  },
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

/** The same; resolves when they are on disk. */
export async function writeDurably(file: DiskFile, bytes: Buffer, position: number): Promise<void> {
  await writeFully(file, bytes, position);
  if (file.isDurableByWrite !== true) await file.datasync();
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
