/**
 * Which spans were taken lately. OTLP is at-least-once: a client whose answer got lost sends the batch again, and those
 * spans must not count twice. Bounded by time and by number; what falls out of it would be taken for new.
 */
export interface RecentSpansOptions {
  readonly windowMs: number;
  readonly entriesMax: number;
}

/** Old entries go in batches: a JavaScript Map that is emptied from its front one by one gets slow. */
const EVICTION_SHARE = 0.1;

export class RecentSpans {
  readonly #windowMs: number;
  readonly #entriesMax: number;
  /** Identity to the Unix ms when it was added, oldest first. */
  readonly #added = new Map<string, number>();
  #sweptUnixMs = 0;
  #evictedEarly = 0;

  constructor(options: RecentSpansOptions) {
    this.#windowMs = options.windowMs;
    this.#entriesMax = options.entriesMax;
  }

  get size(): number {
    return this.#added.size;
  }

  /** How many entries were dropped before their time because there were too many. Above 0, `entriesMax` is too small for the window. */
  get evictedEarly(): number {
    return this.#evictedEarly;
  }

  has(identity: string): boolean {
    return this.#added.has(identity);
  }

  add(identity: string, nowUnixMs: number): void {
    this.#added.set(identity, nowUnixMs);
    const isFull = this.#added.size > this.#entriesMax;
    const isDue = nowUnixMs - this.#sweptUnixMs > this.#windowMs * EVICTION_SHARE;
    if (isFull || isDue) this.#sweep(nowUnixMs);
  }

  #sweep(nowUnixMs: number): void {
    this.#sweptUnixMs = nowUnixMs;
    const keepMax = Math.max(1, Math.floor(this.#entriesMax * (1 - EVICTION_SHARE)));
    const isFull = this.#added.size > this.#entriesMax;
    for (const [identity, addedUnixMs] of this.#added) {
      const isOld = addedUnixMs < nowUnixMs - this.#windowMs;
      if (!isOld && !(isFull && this.#added.size > keepMax)) return;
      if (!isOld) this.#evictedEarly += 1;
      this.#added.delete(identity);
    }
  }
}
