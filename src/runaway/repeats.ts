/**
 * Finds a cycle at the end of a stream of digests: the same one again and again, or the same few in turn. For each length of
 * cycle it keeps how many calls in a row equal the one a cycle before, so that a call costs a few comparisons.
 */
const CYCLE_MAX = 8;

/** What tells a call from another one. */
export interface CallDigest {
  /** The tool and its arguments, or the model. */
  readonly digest: string;
  /** Of a call to a model, to the token: without content, nothing else tells one request from another. */
  readonly usage: CallUsage | undefined;
}

interface CallUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly reasoningTokens: number;
}

/** Numbers of a usage. */
const USAGE_SIZE = 4;

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
  /** Of the same calls, `USAGE_SIZE` each; made with the first call that has some. */
  #usages: number[] | undefined;
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
  add(call: CallDigest, atMs: number): Repeats | undefined {
    const at = this.#calls;
    const timesMax = this.#repeats * CYCLE_MAX;
    this.#times[at % timesMax] = atMs;
    let found: Repeats | undefined;
    for (let cycle = 1; cycle <= CYCLE_MAX; cycle += 1) {
      const isSame = cycle <= at && this.#isSame(call, (at - cycle) % CYCLE_MAX);
      const matches = isSame ? (this.#matches[cycle - 1] ?? 0) + 1 : 0;
      this.#matches[cycle - 1] = matches;
      if (found !== undefined || matches < (this.#repeats - 1) * cycle) continue;
      // When the first of the calls was made that this would be an alarm of.
      const since = this.#times[(at - this.#repeats * cycle + 1) % timesMax];
      if (since !== undefined && atMs - since <= this.#withinMs)
        found = { cycle, times: Math.floor(matches / cycle) + 1 };
    }
    this.#keep(call, at % CYCLE_MAX);
    this.#calls = at + 1;
    return found;
  }

  #isSame({ digest, usage }: CallDigest, place: number): boolean {
    if (this.#digests[place] !== digest) return false;
    const usages = this.#usages;
    if (usage === undefined || usages === undefined) return true;
    const at = place * USAGE_SIZE;
    return (
      usages[at] === usage.inputTokens &&
      usages[at + 1] === usage.outputTokens &&
      usages[at + 2] === usage.cacheReadTokens &&
      usages[at + 3] === usage.reasoningTokens
    );
  }

  #keep({ digest, usage }: CallDigest, place: number): void {
    this.#digests[place] = digest;
    if (usage === undefined) return;
    const usages = (this.#usages ??= Array.from<number>({ length: CYCLE_MAX * USAGE_SIZE }).fill(0));
    const at = place * USAGE_SIZE;
    usages[at] = usage.inputTokens;
    usages[at + 1] = usage.outputTokens;
    usages[at + 2] = usage.cacheReadTokens;
    usages[at + 3] = usage.reasoningTokens;
  }
}
