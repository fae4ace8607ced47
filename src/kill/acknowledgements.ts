import type { StoppedReport } from "@tollgate/instrumentation/protocol";
import type { Clock } from "../support/clock.ts";

/** One process that applied an act. */
export interface Acknowledgement {
  readonly report: StoppedReport;
  /** From the moment the act was in force until the process had said that it applied it, both by this processor's clock. */
  readonly afterMs: number;
}

interface Waiting {
  readonly revision: number;
  readonly sinceMs: number;
  readonly missing: Set<string>;
  readonly heard: Map<string, Acknowledgement>;
  readonly done: () => void;
}

/** Collects who has applied a list of acts, for as long as somebody waits for it. */
export class Acknowledgements {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A process has applied a list: also answers those who wait for an older one. */
  heard(report: StoppedReport): void {
    for (const waiting of this.#waiting) {
      if (report.revision < waiting.revision || waiting.heard.has(report.process_id)) continue;
      waiting.heard.set(report.process_id, { report, afterMs: this.#clock.monotonic() - waiting.sinceMs });
      waiting.missing.delete(report.process_id);
      if (waiting.missing.size === 0) waiting.done();
    }
  }

  /** Sends, then waits until all of `processes` have applied `revision`, at most `waitMs`. */
  async collect(options: {
    readonly revision: number;
    readonly processes: readonly string[];
    readonly waitMs: number;
    readonly sinceMs: number;
    readonly send: () => void;
  }): Promise<ReadonlyMap<string, Acknowledgement>> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { revision, sinceMs } = options;
    const missing = new Set(options.processes);
    const waiting: Waiting = { revision, sinceMs, missing, heard: new Map(), done: resolve };
    this.#waiting.add(waiting);
    const cancel = this.#clock.setTimer(options.waitMs, resolve);
    options.send();
    if (missing.size > 0) await promise;
    cancel();
    this.#waiting.delete(waiting);
    return waiting.heard;
  }
}
