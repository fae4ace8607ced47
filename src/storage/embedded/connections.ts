/**
 * Runs each request on a connection of its own: opened for it, closed after it. What a query sets - settings, parameters,
 * USE, temporary tables - ends with it. At most `concurrencyMax` run side by side, at most `queueMax` wait.
 */
import { EngineError } from "./engine-error.ts";
import type { EngineConnection, EngineLibrary } from "./library.ts";

/** Bounds of {@link Connections}. */
export interface ConnectionsOptions {
  readonly library: EngineLibrary;
  readonly concurrencyMax: number;
  readonly queueMax: number;
}

/** The engine's connections, with bounded concurrency and a bounded queue, first come first served. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /**
   * Gives `work` a fresh connection opened with `args`.
   * @throws EngineError TOO_MANY_SIMULTANEOUS_QUERIES when the queue is full; what `work` throws
   */
  async use<T>(args: readonly string[], work: (connection: EngineConnection) => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      const connection = this.#options.library.open(args);
      try {
        return await work(connection);
      } finally {
        connection.close();
      }
    } finally {
      // A waiter takes this place over, so that nobody who comes in between can take it too.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Runs a statement beside the bound, for cancelling what holds it up. */
  async control(args: readonly string[], sql: string): Promise<void> {
    const connection = this.#options.library.open(args);
    try {
      await connection.run(sql, "Null");
    } finally {
      connection.close();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#options.concurrencyMax) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.queueMax) {
      const detail = "Too many simultaneous queries: the queue is full";
      throw new EngineError({ code: 202, name: "TOO_MANY_SIMULTANEOUS_QUERIES", detail });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
