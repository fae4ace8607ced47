/** What time it is, and timers, behind one face so that tests turn the clock by hand. */
export interface Clock {
  /** Milliseconds that only rise; may stand still while the machine sleeps. */
  monotonicMs(): number;
  /** Unix milliseconds; may jump. */
  wallMs(): number;
  /** Calls back once. `holdsProcess`: the process may not end before (an unfinished call waits for it). */
  after(ms: number, callback: () => void, options: { readonly holdsProcess: boolean }): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, callback, { holdsProcess }) {
    const timer = setTimeout(callback, ms);
    if (!holdsProcess) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
