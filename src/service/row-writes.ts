/**
 * Writes what has changed to ClickHouse, again and again. Promise: nobody waits for it, writes never run side by side, and one that fails is
 * said once, until one succeeds; what it had to write is written by the next.
 */
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";

export interface RowWritesOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  /** False while ClickHouse is away: then nothing is tried. */
  readonly isStorageReady: () => boolean;
  readonly write: () => Promise<void>;
  readonly failed: (reason: string) => void;
}

export class RowWrites {
  readonly #options: RowWritesOptions;
  #cancel: CancelTimer = () => {};
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: RowWritesOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel = every(this.#options.clock, this.#options.intervalMs, () => {
      // A slow ClickHouse makes the writes rarer, not the queue longer.
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  /** Writes what is left, if ClickHouse is there. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    if (!this.#options.isStorageReady()) return;
    try {
      await this.#options.write();
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#options.failed(errorText(error));
      this.#hasFailed = true;
    }
  }
}

/** Of `map`, what it has of these keys. */
export function keptOf<Value>(map: ReadonlyMap<string, Value>, keys: Iterable<string>): Map<string, Value> {
  const kept = new Map<string, Value>();
  for (const key of keys) {
    const value = map.get(key);
    if (value !== undefined) kept.set(key, value);
  }
  return kept;
}

/** As ClickHouse reads a DateTime64(3) in UTC. */
export function dateTime(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 23).replace("T", " ");
}
