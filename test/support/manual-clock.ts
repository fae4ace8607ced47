import type { CancelTimer, Clock } from "../../src/support/clock.ts";

/** A clock that stands still until a test moves it. Timers fire in order of their deadline, then of their making. */
export class ManualClock implements Clock {
  #now: number;
  #monotonic = 0;
  #timers: { readonly at: number; readonly id: number; readonly fn: () => void }[] = [];
  #nextId = 0;

  constructor(nowMs: number = Date.UTC(2026, 10, 21)) {
    this.#now = nowMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    const id = this.#nextId++;
    this.#timers.push({ at: this.#monotonic + Math.max(ms, 0), id, fn });
    return () => {
      this.#timers = this.#timers.filter((timer) => timer.id !== id);
    };
  }

  /** How many timers wait: a test that ends with some has a leak. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Moves both clocks on by `ms` and fires what falls due on the way, each at its own time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer.id !== due.id);
      this.#now += due.at - this.#monotonic;
      this.#monotonic = due.at;
      due.fn();
    }
    this.#now += end - this.#monotonic;
    this.#monotonic = end;
  }

  /** Moves the wall clock only, as NTP or a person would. */
  jump(ms: number): void {
    this.#now += ms;
  }
}
