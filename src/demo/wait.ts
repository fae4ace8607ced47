import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, for the error message. */
  readonly what: string;
  readonly timeoutMs: number;
  /** @default 50 */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 50;

/** Polls until `probe` gives something other than `undefined` or `false`. Throws when that takes longer than `timeoutMs`. */
export async function waitFor<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${options.timeoutMs} ms for ${options.what}`);
    await delay(options.intervalMs ?? INTERVAL_MS);
  }
}
