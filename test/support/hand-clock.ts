import type { Clock, Timer } from "../../instrumentation/src/lease/clock.ts";

/** The clock of the instrumentation, turned by hand. */
export class HandClock implements Clock {
  #now = 0;
  wallOffsetMs = 0;
  #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  monotonicMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return this.#now + this.wallOffsetMs;
  }

  after(ms: number, callback: () => void): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Turns the clock on in steps, and lets everything that follows happen after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).toSorted((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
      await quiet();
    }
    this.#now = end;
    await quiet();
  }
}

/** Lets every promise that can settle do so. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
