/**
 * Finds an engine that is there and does nothing. chDB catches SIGSEGV and SIGABRT of its own making, prints to nobody and
 * sleeps with all its locks (measured, 26.7: still there after 25 s, no thread of it answers): what should be the end of a
 * process is a hang. So the child is asked to answer now and then, by its event loop alone, and ended when it does not.
 */

/** Beats in a row without an answer after which a child counts as hung. One may be missed by a machine that slept. */
const MISSED_MAX = 3;

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Asks for an answer, which is told to `answered`. */
  readonly ask: () => void;
  /** Called once, when the answers stay away. */
  readonly onSilence: () => void;
}

/** Beats from its making until it is stopped, or until the answers stay away. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #missed = 0;

  constructor({ intervalMs, ask, onSilence }: HeartbeatOptions) {
    this.#timer = setInterval(() => {
      if (this.#missed >= MISSED_MAX) {
        this.stop();
        onSilence();
        return;
      }
      this.#missed += 1;
      ask();
    }, intervalMs);
    this.#timer.unref();
  }

  answered(): void {
    this.#missed = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
