import type { EngineStats } from "../storage/embedded/engine-stats.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";

/** The embedded engine as far as its figures go. */
export interface WatchedEngine {
  /** Times it ended unasked since this process started. */
  readonly crashes: number;
  readonly isServing: boolean;
  /** `undefined` while it does not answer. Never rejects. */
  stats(): Promise<EngineStats | undefined>;
}

const INTERVAL_MS = 5_000;

/** Reads the engine's figures now and then, so that a scrape never waits for an engine that is busy or gone. */
export class EngineWatch {
  readonly engine: WatchedEngine;
  readonly #clock: Clock;
  #last: EngineStats | undefined;
  #reading: Promise<void> | undefined;
  #cancel: CancelTimer = () => {};

  constructor(options: { readonly engine: WatchedEngine; readonly clock: Clock }) {
    this.engine = options.engine;
    this.#clock = options.clock;
  }

  /** Of some seconds ago; `undefined` when the engine did not answer then. */
  get last(): EngineStats | undefined {
    return this.#last;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#clock, INTERVAL_MS, () => void this.refresh());
    await this.refresh();
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#reading;
  }

  /** Reads again. A reading that runs already is shared: an engine that hangs gets one question at a time. */
  async refresh(): Promise<EngineStats | undefined> {
    this.#reading ??= this.engine.stats().then((stats) => {
      this.#last = stats;
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#last;
  }
}
