export interface BackoffOptions {
  /** @default 200 */
  readonly initialMs?: number;
  /** @default 30_000 */
  readonly maxMs?: number;
  /** @default 2 */
  readonly factor?: number;
  /** Source of jitter in [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** Exponential delays with half jitter: each is between 50 % and 100 % of its step, the step grows up to `maxMs`. */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #factor: number;
  readonly #random: () => number;
  #stepMs: number;

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 200;
    this.#maxMs = options.maxMs ?? 30_000;
    this.#factor = options.factor ?? 2;
    this.#random = options.random ?? Math.random;
    this.#stepMs = this.#initialMs;
  }

  /** The next delay in ms. */
  next(): number {
    const step = this.#stepMs;
    this.#stepMs = Math.min(step * this.#factor, this.#maxMs);
    return step / 2 + (this.#random() * step) / 2;
  }

  /** To call after a success. */
  reset(): void {
    this.#stepMs = this.#initialMs;
  }
}
