import type { Clock } from "./clock.ts";
import type { PurseOutcome, Want } from "./purse.ts";

/** One call that waits for money. */
export interface Waiter {
  readonly want: Want;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  /** Ends the wait and leaves the line. */
  answer(outcome: PurseOutcome): void;
}

/**
 * Calls that wait for money, first come first served, so that a large call is not starved by small ones. A waiting call
 * holds the process open and leaves the line when the app aborts it.
 */
export class WaitingLine {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#waiters.size === 0;
  }

  get head(): Waiter | undefined {
    return this.#waiters.values().next().value;
  }

  *[Symbol.iterator](): Iterator<Waiter> {
    yield* this.#waiters;
  }

  wait(
    want: Want,
    options: { readonly waitMs: number; readonly onDeadline: () => PurseOutcome },
  ): Promise<PurseOutcome> {
    const { promise, resolve } = Promise.withResolvers<PurseOutcome>();
    if (want.signal?.aborted === true) return Promise.resolve({ outcome: "aborted" });
    const onAbort = (): void => waiter.answer({ outcome: "aborted" });
    const waiter: Waiter = {
      want,
      deadlineMs: this.#clock.monotonicMs() + options.waitMs,
      answer: (outcome) => {
        if (!this.#waiters.delete(waiter)) return;
        timer.cancel();
        want.signal?.removeEventListener("abort", onAbort);
        resolve(outcome);
      },
    };
    this.#waiters.add(waiter);
    want.signal?.addEventListener("abort", onAbort, { once: true });
    const timer = this.#clock.after(options.waitMs, () => this.#expire(waiter, options.onDeadline), {
      holdsProcess: true,
    });
    return promise;
  }

  #expire(waiter: Waiter, onDeadline: () => PurseOutcome): void {
    if (this.#waiters.has(waiter)) waiter.answer(onDeadline());
  }
}
