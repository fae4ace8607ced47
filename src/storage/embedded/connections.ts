/**
 * Runs each request on a connection of its own: opened for it, closed after it. What a query sets - settings, parameters,
 * USE, temporary tables - ends with it. At most `concurrencyMax` run side by side, at most `queueMax` wait.
 *
 * Two places are closed to reads and one to writes, so that neither heavy panels nor a burst of inserts shut the other out;
 * KILL QUERY has places of its own, because it is wanted when all others are taken.
 */
import { EngineError } from "./engine-error.ts";
import type { EngineConnection, EngineLibrary } from "./library.ts";

/** What a request's statement does. */
export type Lane = "read" | "write" | "control";

/** Bounds of {@link Connections}. */
export interface ConnectionsOptions {
  readonly library: EngineLibrary;
  /** Reads and writes together. */
  readonly concurrencyMax: number;
  readonly queueMax: number;
}

/** How many requests run, and how many wait for a place, by what they do. */
export interface ConnectionCounts {
  readonly readsRunning: number;
  readonly writesRunning: number;
  readonly readsWaiting: number;
  readonly writesWaiting: number;
}

/** Which connection for what. */
export interface UseOptions {
  readonly args: readonly string[];
  readonly lane: Lane;
  /** A connection that is open already, and stays so. */
  readonly held?: EngineConnection | undefined;
}

interface Waiter {
  readonly lane: Lane;
  readonly enter: () => void;
}

const CONTROL_MAX = 2;
const CLOSED_TO_READS = 2;
const CLOSED_TO_WRITES = 1;

/** The engine's connections, with bounded concurrency and a bounded queue, first come first served within a lane. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #waiting: Waiter[] = [];
  readonly #running = { read: 0, write: 0, control: 0 };
  readonly #laneMax: Readonly<Record<Lane, number>>;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#laneMax = {
      read: Math.max(1, options.concurrencyMax - CLOSED_TO_READS),
      write: Math.max(1, options.concurrencyMax - CLOSED_TO_WRITES),
      control: CONTROL_MAX,
    };
  }

  get counts(): ConnectionCounts {
    const waiting = (lane: Lane): number => this.#waiting.filter((waiter) => waiter.lane === lane).length;
    return {
      readsRunning: this.#running.read,
      writesRunning: this.#running.write,
      readsWaiting: waiting("read"),
      writesWaiting: waiting("write"),
    };
  }

  /**
   * Gives `work` a fresh connection opened with `args`, or the one `held`.
   * @throws EngineError TOO_MANY_SIMULTANEOUS_QUERIES when the queue is full; what `work` throws
   */
  async use<T>({ args, lane, held }: UseOptions, work: (connection: EngineConnection) => Promise<T>): Promise<T> {
    await this.#enter(lane);
    try {
      if (held !== undefined) return await work(held);
      const connection = this.#options.library.open(args);
      try {
        return await work(connection);
      } finally {
        connection.close();
      }
    } finally {
      this.#leave(lane);
    }
  }

  /** Runs a statement beside all bounds, for cancelling what holds them up. */
  async control(args: readonly string[], sql: string): Promise<void> {
    const connection = this.#options.library.open(args);
    try {
      await connection.run(sql, "Null");
    } finally {
      connection.close();
    }
  }

  async #enter(lane: Lane): Promise<void> {
    if (this.#hasPlace(lane)) {
      this.#running[lane] += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.queueMax) {
      const detail = "Too many simultaneous queries: the queue is full";
      throw new EngineError({ code: 202, name: "TOO_MANY_SIMULTANEOUS_QUERIES", detail });
    }
    await new Promise<void>((resolve) => this.#waiting.push({ lane, enter: resolve }));
  }

  /** Hands the place on at once, so that nobody who comes in between can take it too. */
  #leave(lane: Lane): void {
    this.#running[lane] -= 1;
    const index = this.#waiting.findIndex((waiter) => this.#hasPlace(waiter.lane));
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#running[next.lane] += 1;
    next.enter();
  }

  #hasPlace(lane: Lane): boolean {
    if (this.#running[lane] >= this.#laneMax[lane]) return false;
    return lane === "control" || this.#running.read + this.#running.write < this.#options.concurrencyMax;
  }
}
