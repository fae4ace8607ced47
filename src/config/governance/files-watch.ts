/**
 * Tells when files (of governance, of TLS) may have changed. Promise: a change is told after the files have been still for a moment, so
 * that a half-written file is not read as a whole one; what the file system does not say (network mounts, containers) is
 * found by looking. Limit: what is told is a hint; whoever hears it reads the files and decides.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { type CancelTimer, type Clock, every } from "../../support/clock.ts";
import { findFiles } from "./find-files.ts";

/** Files count as written when they look the same twice, so far apart. */
const SETTLE_MS = 200;

export interface FilesWatchOptions {
  /** Files and directories, absolute. They need not be there. */
  readonly paths: readonly string[];
  readonly clock: Clock;
  /** How often the files are looked at when nothing was heard. */
  readonly pollIntervalMs: number;
  readonly onChange: () => void;
}

export class FilesWatch {
  readonly #options: FilesWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  /** What the files looked like when a change was last told. Nothing at first: a change during a start is one too. */
  #told = "";
  #pending: string | undefined;
  #cancelPoll: CancelTimer = () => {};
  #cancelSettle: CancelTimer | undefined;

  constructor(options: FilesWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, pollIntervalMs } = this.#options;
    this.#listen();
    this.#cancelPoll = every(clock, pollIntervalMs, () => {
      this.#listen();
      this.#look();
    });
    this.#lookSoon();
  }

  stop(): void {
    this.#cancelPoll();
    this.#cancelSettle?.();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** Listens to what it does not listen to yet: a directory may come later. */
  #listen(): void {
    for (const path of this.#options.paths) {
      if (this.#watchers.has(path)) continue;
      try {
        const isDirectory = statSync(path).isDirectory();
        // An editor replaces a file by another: its directory hears of it, the file itself does not.
        const watcher = watch(isDirectory ? path : dirname(path), { recursive: isDirectory, persistent: false });
        watcher.on("change", () => this.#lookSoon());
        watcher.on("error", () => this.#forget(path));
        this.#watchers.set(path, watcher);
      } catch {
        // Not there, or nothing that can be listened to: it is looked at.
      }
    }
  }

  #forget(path: string): void {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }

  #lookSoon(): void {
    this.#cancelSettle ??= this.#options.clock.setTimer(SETTLE_MS, () => {
      this.#cancelSettle = undefined;
      this.#look();
    });
  }

  #look(): void {
    const looks = looksOf(this.#options.paths);
    if (looks === this.#told) {
      this.#pending = undefined;
      return;
    }
    if (looks !== this.#pending) {
      this.#pending = looks;
      this.#lookSoon();
      return;
    }
    this.#pending = undefined;
    this.#told = looks;
    this.#options.onChange();
  }
}

/** Which files there are, and of each what changes when it is written or replaced. */
function looksOf(paths: readonly string[]): string {
  const { files } = findFiles({ paths, directory: "/", report: () => undefined });
  const looks = files.map((file) => {
    try {
      const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
      return `${file} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
    } catch {
      return `${file} gone`;
    }
  });
  const areThere = paths.map((path) => (statSync(path, { throwIfNoEntry: false }) === undefined ? "-" : "+"));
  return `${areThere.join("")}\n${looks.join("\n")}`;
}
