/**
 * Spend of the minute that runs, against a ceiling and against the agent's own history: the median of its last minutes with
 * spend, and how far they scatter around it (median absolute deviation). Both are robust: one wild minute does not become
 * the usual. Late spans of minutes that are over are left out.
 */
const MINUTE_MS = 60_000;
const HISTORY_MAX = 30;
/** Of fewer minutes nobody knows what is usual. */
const HISTORY_MIN = 10;
/** Makes the deviation comparable to a standard deviation. */
const MAD_SCALE = 1.4826;
const DEVIATIONS = 6;

export interface VelocityLimits {
  readonly ceilingNanoUsd: bigint | undefined;
  readonly timesUsual: number | undefined;
  readonly atLeastNanoUsd: bigint;
}

export type VelocityFinding =
  | { readonly kind: "above_ceiling"; readonly nanoUsd: bigint; readonly limit: bigint }
  | { readonly kind: "unusual"; readonly nanoUsd: bigint; readonly usual: bigint };

export class SpendVelocity {
  readonly #history: number[] = [];
  #minute = 0;
  #nanoUsd = 0n;
  /** Of the history; it changes once a minute, calls come by the thousand. */
  #usual = 0;
  #scatter = 0;

  /** Adds a call and judges the minute so far. */
  add(nanoUsd: bigint, atMs: number, limits: VelocityLimits): VelocityFinding | undefined {
    const minute = Math.floor(atMs / MINUTE_MS);
    if (minute < this.#minute) return undefined;
    if (minute > this.#minute) this.#turn(minute);
    this.#nanoUsd += nanoUsd;
    const { ceilingNanoUsd, timesUsual, atLeastNanoUsd } = limits;
    if (ceilingNanoUsd !== undefined && this.#nanoUsd > ceilingNanoUsd) {
      return { kind: "above_ceiling", nanoUsd: this.#nanoUsd, limit: ceilingNanoUsd };
    }
    if (timesUsual === undefined || this.#history.length < HISTORY_MIN || this.#nanoUsd < atLeastNanoUsd)
      return undefined;
    const now = Number(this.#nanoUsd);
    if (now <= this.#usual * timesUsual || now <= this.#usual + DEVIATIONS * this.#scatter) return undefined;
    return { kind: "unusual", nanoUsd: this.#nanoUsd, usual: BigInt(Math.round(this.#usual)) };
  }

  #turn(minute: number): void {
    if (this.#nanoUsd > 0n) this.#history.push(Number(this.#nanoUsd));
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    const usual = median(this.#history);
    this.#usual = usual;
    this.#scatter = median(this.#history.map((value) => Math.abs(value - usual))) * MAD_SCALE;
    this.#minute = minute;
    this.#nanoUsd = 0n;
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
