/**
 * Time as a thing that is passed in, so that nothing which decides by time needs the real clock in a test.
 * `SystemClock` is the real one; tests use `ManualClock` of test/support/manual-clock.ts.
 */
export interface Clock {
  /** Wall clock: Unix milliseconds. May jump, forward and back. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. For durations and deadlines. */
  monotonic(): number;
  /** Calls `fn` once, `ms` from now (monotonic). Returns the cancel function, which may be called at any time. Never keeps the process alive. */
  setTimer(ms: number, fn: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** Node ends a longer delay at once (with a warning): 2^31 - 1 ms. */
const TIMER_MS_MAX = 2_147_483_647;

export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  setTimer(ms: number, fn: () => void): CancelTimer {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), TIMER_MS_MAX));
    timer.unref();
    return () => clearTimeout(timer);
  }
}

/** Resolves after `ms` by the clock. Keeps no process alive. */
export function delay(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}

/** Calls `fn` every `ms` until cancelled. A tick that comes late is not made up for. */
export function every(clock: Clock, ms: number, fn: () => void): CancelTimer {
  let cancel: CancelTimer = () => {};
  const arm = (): void => {
    cancel = clock.setTimer(ms, () => {
      arm();
      fn();
    });
  };
  arm();
  return () => cancel();
}
