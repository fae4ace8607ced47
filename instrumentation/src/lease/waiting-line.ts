import type { Clock, Timer } from "./clock.ts";
import type { PurseOutcome, Want } from "./purse.ts";

/** One call that waits for money. */
export interface Waiter {
  readonly want: Want;
  /** By the monotonic clock. */
  deadlineMs: number;
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
    /** `onDeadline`: how the wait ends, or for how many more milliseconds it goes on. */
    options: { readonly waitMs: number; readonly onDeadline: () => PurseOutcome | number },
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
    const arm = (ms: number): Timer => this.#clock.after(ms, expire, { holdsProcess: true });
    const expire = (): void => {
      if (!this.#waiters.has(waiter)) return;
      const outcome = options.onDeadline();
      if (typeof outcome !== "number") {
        waiter.answer(outcome);
        return;
      }
      waiter.deadlineMs = this.#clock.monotonicMs() + outcome;
      timer = arm(outcome);
    };
    let timer = arm(options.waitMs);
    return promise;
  }
}
