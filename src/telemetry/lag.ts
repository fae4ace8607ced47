import { DurationHistogram, LAG_SECONDS } from "./histogram.ts";

/**
 * The objective: 99 of 100 calls are visible in ClickHouse within so many seconds of their end, and count in the ledger within as
 * many. The alert rules measure against it, and `status`.
 */
export const VISIBILITY_SLO = { seconds: 2, share: 0.99 } as const;

/** How late something happens to spans, from their own end: until they count in the ledger, until they can be seen. */
export class Lag {
  readonly histogram: DurationHistogram;
  #ahead = 0;

  constructor(options: { readonly monotonic: () => number }) {
    this.histogram = new DurationHistogram({ bounds: LAG_SECONDS, monotonic: options.monotonic });
  }

  /** Spans that said they ended later than it was here: their sender's clock is ahead. They count as no lag at all. */
  get ahead(): number {
    return this.#ahead;
  }

  /** It has happened, at `nowUnixMs`, to spans that ended at `endUnixMs`. */
  record({ endUnixMs, nowUnixMs }: { readonly endUnixMs: Float64Array; readonly nowUnixMs: number }): void {
    this.#ahead += this.histogram.observeSince(endUnixMs, nowUnixMs);
  }
}
