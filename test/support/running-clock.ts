import { type CancelTimer, type Clock, SystemClock } from "../../src/support/clock.ts";

/** The real clock, which a test can move ahead: what falls due on the way fires at once. */
export class RunningClock implements Clock {
  readonly #real = new SystemClock();
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  #aheadMs = 0;

  now(): number {
    return this.#real.now() + this.#aheadMs;
  }

  monotonic(): number {
    return this.#real.monotonic() + this.#aheadMs;
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    const timer = {
      at: this.monotonic() + Math.max(0, ms),
      fire: () => {
        cancel();
        fn();
      },
    };
    const cancelReal = this.#real.setTimer(ms, () => timer.fire());
    const cancel = (): void => {
      this.#timers.delete(timer);
      cancelReal();
    };
    this.#timers.add(timer);
    return cancel;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
    const due = [...this.#timers].filter(({ at }) => at <= this.monotonic()).sort((a, b) => a.at - b.at);
    for (const timer of due) if (this.#timers.has(timer)) timer.fire();
  }
}
