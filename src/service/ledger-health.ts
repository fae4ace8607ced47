/** Whether the ledger grants: what keeps it from that, by its own notices, until the disk or the store is there again. */
import type { LedgerNotice } from "../budget/ledger-notice.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";

export interface LedgerFailure {
  readonly reason: string;
  /** Unix ms of the first failure since it last granted. */
  readonly sinceMs: number;
}

export class LedgerHealth {
  readonly #clock: Clock;
  #failure: LedgerFailure | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `undefined` while it grants. */
  get failure(): LedgerFailure | undefined {
    return this.#failure;
  }

  note(notice: LedgerNotice): void {
    switch (notice.notice) {
      case "ledger_failed":
      case "store_lost":
        this.#failure = { reason: errorText(notice.error), sinceMs: this.#failure?.sinceMs ?? this.#clock.now() };
        break;
      case "ledger_revived":
      case "store_regained":
        this.#failure = undefined;
        break;
      default:
    }
  }
}
