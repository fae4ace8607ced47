import type { FlowStats } from "../../component/flow.ts";

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

  store(count: number): void {
    this.#onDisk -= count;
    this.#stored += count;
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
