/**
 * Finds a cycle at the end of a stream of digests: the same one again and again, or the same few in turn. For each length of
 * cycle it keeps how many calls in a row equal the one a cycle before, so that a call costs a few comparisons.
 */
const CYCLE_MAX = 8;

export interface Repeats {
  /** Calls in one cycle. */
  readonly cycle: number;
  /** Times that the cycle came, the first one included. */
  readonly times: number;
}

export class RepeatCounter {
  readonly #repeats: number;
  readonly #withinMs: number;
  /** The last cycle's worth of digests: a ring, its next place at `#calls % CYCLE_MAX`. */
  readonly #digests: string[] = [];
  /** When the calls were made that an alarm would be of: a ring too. */
  readonly #times: number[] = [];
  /** By length of cycle, from 1. */
  readonly #matches: number[] = [0, 0, 0, 0, 0, 0, 0, 0];
  #calls = 0;

  constructor(options: { readonly repeats: number; readonly withinMs: number }) {
    this.#repeats = options.repeats;
    this.#withinMs = options.withinMs;
  }

  /** The shortest cycle that has come `repeats` times within the time, with this call as its end. */
  add(digest: string, atMs: number): Repeats | undefined {
    const at = this.#calls;
    const timesMax = this.#repeats * CYCLE_MAX;
    this.#times[at % timesMax] = atMs;
    let found: Repeats | undefined;
    for (let cycle = 1; cycle <= CYCLE_MAX; cycle += 1) {
      const isSame = cycle <= at && this.#digests[(at - cycle) % CYCLE_MAX] === digest;
      const matches = isSame ? (this.#matches[cycle - 1] ?? 0) + 1 : 0;
      this.#matches[cycle - 1] = matches;
      if (found !== undefined || matches < (this.#repeats - 1) * cycle) continue;
      // When the first of the calls was made that this would be an alarm of.
      const since = this.#times[(at - this.#repeats * cycle + 1) % timesMax];
      if (since !== undefined && atMs - since <= this.#withinMs)
        found = { cycle, times: Math.floor(matches / cycle) + 1 };
    }
    this.#digests[at % CYCLE_MAX] = digest;
    this.#calls = at + 1;
    return found;
  }
}
