import type { Clock } from "../../support/clock.ts";

/** A step of the wall clock smaller than this is drift. */
const STEP_MS_MIN = 1000;
/** Of a wall clock that is further behind than this nobody waits: windows would last for twice their time, for days. */
const WAITS_MS_MAX = 24 * 60 * 60 * 1000;
/** How much more slowly time runs until the wall clock has caught up. */
const SLOWED = 2;

/**
 * The ledger's own time in Unix ms: starts at the wall clock (never before `notBeforeMs`), runs with the monotonic one and
 * never goes back. A lease therefore lives its full term whatever people and NTP do to the clock. When the wall clock runs
 * ahead (a step, a suspended machine), windows must follow: `takeStepMs` tells by how much, once, and time moves on by it.
 *
 * When the wall clock is behind (it was set back, or was wrong at the start), time runs at half its speed until they are one
 * again: else days would turn at the wrong hour for ever, a restart goes on from the journal. Terms only grow longer by it.
 */
export class LedgerTime {
  readonly #clock: Clock;
  #monotonicMs: number;
  #nowMs: number;

  constructor(clock: Clock, notBeforeMs: number) {
    this.#clock = clock;
    this.#monotonicMs = clock.monotonic();
    this.#nowMs = Math.max(clock.now(), notBeforeMs);
  }

  now(): number {
    const monotonicMs = this.#clock.monotonic();
    const passedMs = monotonicMs - this.#monotonicMs;
    const aheadMs = this.#nowMs + passedMs - this.#clock.now();
    const isWaiting = aheadMs >= STEP_MS_MIN && aheadMs <= WAITS_MS_MAX;
    this.#monotonicMs = monotonicMs;
    this.#nowMs += isWaiting ? passedMs - Math.min(passedMs / SLOWED, aheadMs) : passedMs;
    return Math.floor(this.#nowMs);
  }

  takeStepMs(): number {
    const step = this.#clock.now() - this.now();
    if (step < STEP_MS_MIN) return 0;
    this.#nowMs += step;
    return step;
  }
}
