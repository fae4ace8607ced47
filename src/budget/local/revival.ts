/** Has a ledger whose disk failed read it again: soon at first, then less and less often, until it can or is stopped. */
import { Backoff } from "../../support/backoff.ts";
import type { CancelTimer, Clock } from "../../support/clock.ts";

const PAUSE = { initialMs: 1_000, maxMs: 30_000 };
/** A ledger that lived so long is not one that fails again and again. */
const HEALTHY_MS = 60_000;

export interface RevivalOptions {
  readonly clock: Clock;
  /** Source of jitter in [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
  /** Throws while it can't be. */
  readonly attempt: () => Promise<void>;
  readonly onFailure: (error: Error) => void;
}

export class Revival {
  readonly #options: RevivalOptions;
  readonly #backoff: Backoff;
  #cancel: CancelTimer = () => {};
  #trying: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: RevivalOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ ...PAUSE, random: options.random });
  }

  /** To call when the ledger has failed that came to life at `sinceMs`, by the monotonic clock. */
  begin(sinceMs: number): void {
    if (this.#options.clock.monotonic() - sinceMs >= HEALTHY_MS) this.#backoff.reset();
    this.#tryLater();
  }

  /** Resolves when no try is under way any more; there will be no other. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#trying;
  }

  #tryLater(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.setTimer(this.#backoff.next(), () => {
      this.#trying = this.#try();
    });
  }

  async #try(): Promise<void> {
    try {
      await this.#options.attempt();
    } catch (error) {
      this.#options.onFailure(error instanceof Error ? error : new Error(String(error)));
      this.#tryLater();
    }
  }
}
