import type { Clock } from "../../support/clock.ts";

/** A step of the wall clock smaller than this is drift, and followed silently by the next start. */
const STEP_MS_MIN = 1000;

/**
 * The ledger's own time in Unix ms: starts at the wall clock (never before `notBeforeMs`), runs with the monotonic one and
 * never goes back. A lease therefore lives its full term whatever people and NTP do to the clock. When the wall clock runs
 * ahead (a step, a suspended machine), windows must follow: `takeStepMs` tells by how much, once, and time moves on by it.
 */
export class LedgerTime {
  readonly #clock: Clock;
  readonly #monotonicStart: number;
  #base: number;

  constructor(clock: Clock, notBeforeMs: number) {
    this.#clock = clock;
    this.#monotonicStart = clock.monotonic();
    this.#base = Math.max(clock.now(), notBeforeMs);
  }

  now(): number {
    return Math.floor(this.#base + this.#clock.monotonic() - this.#monotonicStart);
  }

  takeStepMs(): number {
    const step = this.#clock.now() - this.now();
    if (step < STEP_MS_MIN) return 0;
    this.#base += step;
    return step;
  }
}
