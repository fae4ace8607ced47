/** Tells the ledger what each block spent as soon as the block is on disk, without waiting for ClickHouse; and knows whether it has heard. */
import type { Notify } from "../../component/notice.ts";
import { pause } from "../../support/pause.ts";
import type { Backoff } from "../../support/backoff.ts";
import type { Clock } from "../../support/clock.ts";
import type { Block } from "../../pipeline/spool/block-format.ts";
import type { SpendObservation } from "./dependencies.ts";

export interface LedgerFeedOptions {
  observe(observation: SpendObservation): Promise<void>;
  /** Called once the ledger has a block's spend. */
  onCounted(token: string): void;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly backoff: Backoff;
}

export class LedgerFeed {
  readonly #options: LedgerFeedOptions;
  /** What the ledger was told, by token: true once it has it. */
  readonly #told = new Map<string, Promise<boolean>>();

  constructor(options: LedgerFeedOptions) {
    this.#options = options;
  }

  tell(observation: SpendObservation): void {
    this.#told.set(observation.token, this.#tell(observation));
  }

  /** True once the ledger has what a block spent, which is then forgotten here; false only when the signal is aborted. */
  async settled(block: Pick<Block, "token" | "spend">, signal: AbortSignal): Promise<boolean> {
    const { clock, backoff } = this.#options;
    const { token } = block;
    while (!(await (this.#told.get(token) ?? Promise.resolve(false)))) {
      if (signal.aborted) return false;
      await pause({ clock, ms: backoff.next(), signal });
      // Read from the block's head, which nearly always need not be done.
      this.tell({ token, entries: block.spend });
    }
    backoff.reset();
    this.#told.delete(token);
    return true;
  }

  async #tell(observation: SpendObservation): Promise<boolean> {
    try {
      if (observation.entries.length > 0) await this.#options.observe(observation);
      this.#options.onCounted(observation.token);
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.notify({ level: "error", event: "observe_failed", fields: { token: observation.token, reason } });
      return false;
    }
  }
}
