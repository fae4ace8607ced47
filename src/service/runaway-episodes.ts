/**
 * What was found lately, in a small file, so that a restart in the midst of an episode does not find it anew. Not a matter of
 * safety: acts are in the stop store. A file that cannot be read is an empty one.
 */
import { readFileSync } from "node:fs";
import type { CancelTimer, Clock } from "../support/clock.ts";
import { writeAtomically } from "./data-directory.ts";

const EPISODES_MAX = 1_000;
/** What is found on the way of spans, and may be found of a thousand sessions at once, is written together. */
const WRITE_MS = 1_000;

export class RunawayEpisodes {
  readonly #file: string;
  readonly #clock: Clock;
  /** What → when last, oldest first. */
  readonly #foundAtMs = new Map<string, number>();
  /** Of the write to come; `undefined` while all is on disk. */
  #cancel: CancelTimer | undefined;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
    for (const [key, atMs] of read(file)) this.#foundAtMs.set(key, atMs);
  }

  /** Whether this is news: nothing of the kind was found in the time before. Notes it, on disk too within a second. */
  isNews(key: string, atMs: number, withinMs: number): boolean {
    const before = this.#foundAtMs.get(key);
    this.#foundAtMs.delete(key);
    this.#foundAtMs.set(key, atMs);
    for (const oldest of this.#foundAtMs.keys()) {
      if (this.#foundAtMs.size <= EPISODES_MAX) break;
      this.#foundAtMs.delete(oldest);
    }
    this.#cancel ??= this.#clock.setTimer(WRITE_MS, () => this.close());
    return before === undefined || Math.abs(atMs - before) >= withinMs;
  }

  /** Writes what is not on disk yet. */
  close(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    try {
      writeAtomically(this.#file, `${JSON.stringify([...this.#foundAtMs])}\n`, 0o600);
    } catch {
      // Then a restart may tell it once more.
    }
  }
}

function read(file: string): readonly (readonly [string, number])[] {
  try {
    const found: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(found) ? (found as readonly unknown[]).filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(entry: unknown): entry is readonly [string, number] {
  return Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "number";
}
