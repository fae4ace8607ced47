import type { FlowStats } from "../../component/flow.ts";

/** The count equation of a spool, plus how full it is. */
export interface SpoolStats extends FlowStats {
  readonly blocks: number;
  readonly bytes: number;
  readonly recentEvictedEarly: number;
  /** When the oldest block that is not delivered was made. */
  readonly oldestUnixMs: number | undefined;
  /** Files of blocks, and of rows of blocks, that can't be delivered. */
  readonly setAsideBlocks: number;
  readonly setAsideBytes: number;
}

/** The counters behind the count equation of the spool. `inFlight` is counted, not derived: the two sides are independent. */
export class SpoolFlow {
  #received = 0;
  #recovered = 0;
  #stored = 0;
  #refused = 0;
  #waiting = 0;
  #onDisk = 0;
  readonly #dropped = new Map<string, number>();

  /** `count` spans came in and wait for a commit. */
  take(count: number): void {
    this.#received += count;
    this.#waiting += count;
  }

  refuse(count: number): void {
    this.#waiting -= count;
    this.#refused += count;
  }

  dropWaiting(count: number, reason: string): void {
    this.#waiting -= count;
    this.#drop(count, reason);
  }

  commit(count: number): void {
    this.#waiting -= count;
    this.#onDisk += count;
  }

  recover(count: number): void {
    this.#recovered += count;
    this.#onDisk += count;
  }

  /** `count` rows end here: `dropped` of them by reason, the others where they belong. */
  deliver(count: number, dropped: Readonly<Record<string, number>>): void {
    this.#onDisk -= count;
    this.#stored += count;
    for (const [reason, lost] of Object.entries(dropped)) {
      this.#stored -= lost;
      this.#drop(lost, reason);
    }
  }

  dropOnDisk(count: number, reason: string): void {
    this.#onDisk -= count;
    this.#drop(count, reason);
  }

  stats(): FlowStats {
    return {
      received: this.#received,
      recovered: this.#recovered,
      stored: this.#stored,
      refused: this.#refused,
      dropped: Object.fromEntries(this.#dropped),
      inFlight: this.#waiting + this.#onDisk,
    };
  }

  #drop(count: number, reason: string): void {
    if (count > 0) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
  }
}
