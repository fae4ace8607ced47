const SECOND_MS = 1_000;
const SECONDS = 60;

/** Calls within the last minute, exact to a second. They may come out of order; those older than a minute don't count. */
export class CallRate {
  readonly #counts = new Map<number, number>();
  #newest = 0;
  #total = 0;

  /** Adds one and says how many there are now. */
  add(atMs: number): number {
    const second = Math.floor(atMs / SECOND_MS);
    if (second <= this.#newest - SECONDS) return this.#total;
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1);
    this.#total += 1;
    if (second <= this.#newest) return this.#total;
    this.#newest = second;
    for (const [counted, count] of this.#counts) {
      if (counted > second - SECONDS) continue;
      this.#counts.delete(counted);
      this.#total -= count;
    }
    return this.#total;
  }
}
