/**
 * A file system in memory that forgets. What was not synced may be there after a crash, in whole or by pages, or not at all;
 * a file may have grown without its contents; names that were made, renamed or removed come back in order, up to any of them.
 * Every step is a place to crash at: before it, after it, and (a write) in the middle. What a sync failed on is shown as if it were there,
 * and may never be made durable by a later one, as kernels have it. While it is full, nothing grows.
 */
import type { Disk, DiskFile } from "../../src/budget/local/disk.ts";
import { LedgerError } from "../../src/budget/ledger-error.ts";
import type { Random } from "../support/random.ts";
import type { VirtualTime } from "./virtual-time.ts";

const PAGE_BYTES = 256;

interface StoredFile {
  live: Buffer;
  length: number;
  /** What a crash leaves for certain; zeros beyond `durableLength`. */
  durable: Buffer;
  durableLength: number;
  /** Pages that were written since. */
  readonly dirty: Set<number>;
  /** Pages that a sync failed on: no later one brings them to the disk, unless they are written again. */
  readonly ghosts: Set<number>;
}

export interface DiskFaults {
  /** Called instead of finishing a step: the machine's process is gone. */
  readonly onCrash: (step: string) => void;
  /** A step fails this often, with EIO. */
  readonly errorRate: number;
  /** A sync takes up to this long, and now and then ten times that. */
  readonly syncMsMax: number;
  /** Any other step does. What is under way at the same time ends in any order. @default 0 */
  readonly stepMsMax?: number;
}

export class CrashingDisk {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: DiskFaults;
  #live = new Map<string, StoredFile>();
  #durable = new Map<string, StoredFile>();
  /** Changes of names that are not durable yet, oldest first. */
  #pending: ((names: Map<string, StoredFile>) => void)[] = [];
  #session = 0;
  #isLocked = false;
  #crashIn = Number.POSITIVE_INFINITY;
  #isCalm = false;
  #isFull = false;

  constructor(time: VirtualTime, random: Random, faults: DiskFaults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  /** The process that uses it dies at the `step`th step from now; 1 is the next one. */
  crashIn(step: number): void {
    this.#crashIn = step;
  }

  /** Somebody else fills it, until that is cleared away. */
  fill(forMs: number): void {
    if (this.#isCalm) return;
    this.#isFull = true;
    this.#time.after(forMs, () => (this.#isFull = false));
  }

  /** No more faults. */
  calm(): void {
    this.#isCalm = true;
    this.#isFull = false;
    this.#crashIn = Number.POSITIVE_INFINITY;
  }

  /** What a process sees, until it dies. */
  open(): Disk {
    this.#session += 1;
    this.#isLocked = false;
    const session = this.#session;
    const step = <T>(name: string, act: () => T): Promise<T> => this.#step(session, name, act);
    return {
      lock: () => {
        if (this.#isLocked) throw new LedgerError("ledger_locked", "the directory is locked");
        this.#isLocked = true;
        return () => {
          if (session === this.#session) this.#isLocked = false;
        };
      },
      makeDirectory: () => Promise.resolve(),
      list: () => step("list", () => [...this.#live.keys()].map(nameOf)),
      read: (path) => step("read", () => Buffer.from(this.#file(path).live.subarray(0, this.#file(path).length))),
      open: (path, flags) => step("open", () => this.#open(session, path, flags)),
      truncate: (path, length) =>
        step("truncate", () => {
          const file = this.#file(path);
          for (let page = pageOf(length); page <= pageOf(file.length); page += 1) file.dirty.add(page);
          // What grows again over it is zeros.
          file.live.fill(0, length);
          file.length = length;
        }),
      rename: (from, to) => step("rename", () => this.#rename(from, to)),
      unlink: (path) => step("unlink", () => this.#change((names) => void names.delete(path))),
      syncDirectory: () =>
        step("sync directory", () => {
          for (const change of this.#pending.splice(0)) change(this.#durable);
        }),
    };
  }

  /** The power is gone: what the process wrote and did not sync may be lost. */
  lose(): void {
    this.#session += 1;
    this.#crashIn = Number.POSITIVE_INFINITY;
    const kept = this.#random.below(this.#pending.length + 1);
    for (const change of this.#pending.splice(0).slice(0, kept)) change(this.#durable);
    for (const file of new Set([...this.#durable.values(), ...this.#live.values()])) this.#tear(file);
    this.#live = new Map(this.#durable);
  }

  #tear(file: StoredFile): void {
    if (file.dirty.size + file.ghosts.size === 0) return;
    const random = this.#random;
    const isWhole = random.chance(0.3);
    const isLost = !isWhole && random.chance(0.3);
    const low = Math.min(file.durableLength, file.length);
    const high = Math.max(file.durableLength, file.length);
    const length = isWhole ? file.length : isLost ? file.durableLength : random.between(low, high);
    const torn = Buffer.alloc(length);
    file.durable.copy(torn, 0, 0, Math.min(length, file.durableLength));
    for (const page of file.dirty) {
      if (isLost || (!isWhole && random.chance(0.3))) continue;
      const start = page * PAGE_BYTES;
      const end = Math.min(start + PAGE_BYTES, file.length, length);
      if (start < end) file.live.copy(torn, start, start, end);
    }
    file.dirty.clear();
    file.ghosts.clear();
    file.live = torn;
    file.length = length;
    file.durable = Buffer.from(torn);
    file.durableLength = length;
  }

  /** Page by page: a large file that is synced after each small write would cost its whole length each time. */
  #sync(file: StoredFile): void {
    if (file.durable.length < file.length) {
      const grown = Buffer.alloc(file.live.length);
      file.durable.copy(grown, 0, 0, file.durableLength);
      file.durable = grown;
    }
    for (const page of file.dirty) {
      const start = page * PAGE_BYTES;
      const end = Math.min(start + PAGE_BYTES, file.length);
      if (start < end) file.live.copy(file.durable, start, start, end);
    }
    if (file.length < file.durableLength) file.durable.fill(0, file.length, file.durableLength);
    file.durableLength = file.length;
    file.dirty.clear();
  }

  #open(session: number, path: string, flags: "w" | "r+"): DiskFile {
    if (flags === "w") {
      if (this.#isFull) throw full();
      const nothing = { length: 0, durable: Buffer.alloc(0), durableLength: 0 };
      const made: StoredFile = { live: Buffer.alloc(1024), ...nothing, dirty: new Set(), ghosts: new Set() };
      this.#change((names) => void names.set(path, made));
    }
    const file = this.#file(path);
    return {
      write: (buffer, offset, length, position) =>
        this.#step(session, "write", () => {
          const fits = this.#isFull ? Math.min(length, file.length - position) : length;
          if (fits <= 0) throw full();
          const bytesWritten = this.#random.chance(0.05) ? this.#random.between(1, fits) : fits;
          this.#write(file, buffer.subarray(offset, offset + bytesWritten), position);
          return { bytesWritten };
        }),
      datasync: async () => {
        const ms = this.#random.chance(0.05) ? this.#faults.syncMsMax * 10 : this.#faults.syncMsMax;
        await this.#delay(session, this.#random.below(ms + 1));
        await this.#step(session, "sync", () => this.#sync(file), {
          onError: () => this.#giveUp(file),
        });
      },
      close: () => Promise.resolve(),
    };
  }

  #write(file: StoredFile, bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    if (end > file.live.length) {
      const grown = Buffer.alloc(Math.max(end, file.live.length * 2));
      file.live.copy(grown, 0, 0, file.length);
      file.live = grown;
    }
    bytes.copy(file.live, position);
    file.length = Math.max(file.length, end);
    for (let page = pageOf(position); page <= pageOf(end - 1); page += 1) {
      file.dirty.add(page);
      file.ghosts.delete(page);
    }
  }

  /** The kernel takes for written what it could not write, and says so once. */
  #giveUp(file: StoredFile): void {
    if (this.#random.chance(0.5)) return;
    for (const page of file.dirty) file.ghosts.add(page);
    file.dirty.clear();
  }

  #rename(from: string, to: string): void {
    this.#change((names) => {
      const file = names.get(from);
      if (file === undefined) return;
      names.delete(from);
      names.set(to, file);
    });
  }

  #change(change: (names: Map<string, StoredFile>) => void): void {
    change(this.#live);
    this.#pending.push(change);
  }

  async #step<T>(session: number, name: string, act: () => T, { onError = () => {} } = {}): Promise<T> {
    const { stepMsMax = 0 } = this.#faults;
    if (stepMsMax > 0) await this.#delay(session, this.#random.below(stepMsMax + 1));
    if (session !== this.#session) return never();
    this.#crashIn -= 1;
    if (this.#crashIn === 0) {
      if (this.#random.chance(0.5)) act();
      this.#faults.onCrash(name);
      return never();
    }
    if (!this.#isCalm && this.#random.chance(this.#faults.errorRate)) {
      onError();
      throw Object.assign(new Error(`EIO: i/o error, ${name}`), { code: "EIO" });
    }
    return act();
  }

  #delay(session: number, ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#time.after(ms, () => {
        if (session === this.#session) resolve();
      });
    });
  }

  #file(path: string): StoredFile {
    const file = this.#live.get(path);
    if (file === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return file;
  }
}

function pageOf(position: number): number {
  return Math.floor(Math.max(0, position) / PAGE_BYTES);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function full(): Error {
  return Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
