import type { Clock } from "../../support/clock.ts";

/**
 * The ledger's time between two replies of the server: the last one that it told, run on by this machine's monotonic clock.
 * It was read before its reply came in, so what is said here is never ahead of the server's clock but by the drift of
 * seconds, and it never goes back.
 */
export class ServerTime {
  readonly #clock: Clock;
  #toldMs = 0;
  #heardAt = 0;
  #saidMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hear(nowMs: number): void {
    this.#toldMs = nowMs;
    this.#heardAt = this.#clock.monotonic();
  }

  /** `notBeforeMs`: time of the last event that is known. */
  now(notBeforeMs: number): number {
    const runOn = Math.floor(this.#toldMs + this.#clock.monotonic() - this.#heardAt);
    this.#saidMs = Math.max(runOn, this.#saidMs, notBeforeMs);
    return this.#saidMs;
  }
}
