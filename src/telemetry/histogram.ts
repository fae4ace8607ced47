/**
 * Counts of durations by bucket, made for the data path: no labels to hash, no object per observation, a whole block of
 * spans in one call. Besides the counts since the start, which are Prometheus's, it keeps those of the last minutes, so that
 * `status` can say what is true now. Limit: a quantile is interpolated within its bucket.
 */
import type { Sample } from "./metric-family.ts";

/** How far back "lately" reaches: this many slots of so long. */
const SLOTS = 5;
const SLOT_MS = 60_000;

/** Bucket bounds in seconds for answers and inserts. */
export const ANSWER_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** Bucket bounds in seconds for lags: fine around the objective, up to an outage of minutes. */
export const LAG_SECONDS: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 120, 300, 600,
];

export interface DurationHistogramOptions {
  /** Upper bounds in seconds, ascending, each inclusive; one more bucket takes what is above. */
  readonly bounds: readonly number[];
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
}

export class DurationHistogram {
  readonly #bounds: Float64Array;
  readonly #total: Float64Array;
  /** A ring of the last slots' counts. */
  readonly #lately: readonly Float64Array[];
  readonly #monotonic: () => number;
  #slot = 0;
  #sum = 0;
  #count = 0;

  constructor({ bounds, monotonic }: DurationHistogramOptions) {
    this.#bounds = Float64Array.from(bounds);
    this.#total = new Float64Array(bounds.length + 1);
    this.#lately = Array.from({ length: SLOTS }, () => new Float64Array(bounds.length + 1));
    this.#monotonic = monotonic;
    this.#slot = this.#slotNow();
  }

  /** Since the start. */
  get count(): number {
    return this.#count;
  }

  observe(seconds: number): void {
    this.#add(seconds, this.#current());
  }

  /** The time since each of `unixMs`. Returns how many were after `nowUnixMs`; those count as 0. */
  observeSince(unixMs: Float64Array, nowUnixMs: number): number {
    const lately = this.#current();
    let ahead = 0;
    for (const then of unixMs) {
      if (then > nowUnixMs) ahead += 1;
      this.#add(Math.max(0, nowUnixMs - then) / 1_000, lately);
    }
    return ahead;
  }

  /** Over the last five minutes, in seconds; `undefined` when there was nothing. Above the highest bound it says that bound. */
  quantile(share: number): number | undefined {
    const counts = this.#sumLately();
    const wanted = share * counts.reduce((sum, count) => sum + count, 0);
    if (wanted === 0) return undefined;
    let below = 0;
    for (const [index, count] of counts.entries()) {
      if (below + count >= wanted) return this.#within(index, (wanted - below) / count);
      below += count;
    }
    return this.#bounds.at(-1);
  }

  /** How many of the last five minutes there were. */
  get countLately(): number {
    return this.#sumLately().reduce((sum, count) => sum + count, 0);
  }

  /** As Prometheus has it: cumulative buckets, sum and count since the start. */
  *samples(labels: Readonly<Record<string, string>> = {}): Iterable<Sample> {
    let cumulative = 0;
    for (const [index, bound] of this.#bounds.entries()) {
      cumulative += this.#total[index] ?? 0;
      yield { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: cumulative };
    }
    yield { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: this.#count };
    yield { suffix: "_sum", labels, value: this.#sum };
    yield { suffix: "_count", labels, value: this.#count };
  }

  #add(seconds: number, lately: Float64Array): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && seconds > (this.#bounds[bucket] ?? Infinity)) bucket += 1;
    this.#total[bucket] = (this.#total[bucket] ?? 0) + 1;
    lately[bucket] = (lately[bucket] ?? 0) + 1;
    this.#sum += seconds;
    this.#count += 1;
  }

  #within(bucket: number, share: number): number {
    const low = bucket === 0 ? 0 : (this.#bounds[bucket - 1] ?? 0);
    const high = this.#bounds[bucket] ?? low;
    return low + (high - low) * share;
  }

  #slotNow(): number {
    return Math.floor(this.#monotonic() / SLOT_MS);
  }

  /** The slot of now; those that have passed since the last call are emptied. */
  #current(): Float64Array {
    const now = this.#slotNow();
    for (let gone = Math.max(this.#slot + 1, now - SLOTS + 1); gone <= now; gone += 1) this.#at(gone).fill(0);
    this.#slot = now;
    return this.#at(now);
  }

  #at(slot: number): Float64Array {
    const counts = this.#lately[slot % SLOTS];
    if (counts === undefined) throw new RangeError(`no slot ${slot}`);
    return counts;
  }

  #sumLately(): Float64Array {
    this.#current();
    const sum = new Float64Array(this.#total.length);
    for (const slot of this.#lately)
      for (const [index, count] of slot.entries()) sum[index] = (sum[index] ?? 0) + count;
    return sum;
  }
}
