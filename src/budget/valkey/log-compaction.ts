import { toLedgerError } from "../ledger-error.ts";
import type { LedgerNotice } from "../ledger-notice.ts";
import type { Appended, LedgerLog } from "./ledger-log.ts";
import type { Replica } from "./replica.ts";

export interface LogCompactionOptions {
  readonly log: LedgerLog;
  readonly logBytesMax: number;
  readonly notify: (notice: LedgerNotice) => void;
}

/** Replaces a log that has grown by a snapshot of what it comes to; beside the work, one at a time. */
export class LogCompaction {
  readonly #options: LogCompactionOptions;
  #isWriting = false;

  constructor(options: LogCompactionOptions) {
    this.#options = options;
  }

  /** To be called when the replica's state is that of the log's last entry. */
  offer(replica: Replica, { bytes, bytesSinceSnapshot }: Pick<Appended, "bytes" | "bytesSinceSnapshot">): void {
    const { log, logBytesMax, notify } = this.#options;
    if (this.#isWriting || bytesSinceSnapshot < logBytesMax) return;
    this.#isWriting = true;
    const { epoch, rev } = replica;
    log
      .writeSnapshot({ epoch, rev, bytes }, replica.snapshot())
      .catch((error: unknown) => notify({ notice: "snapshot_failed", error: toLedgerError(error) }))
      .finally(() => {
        this.#isWriting = false;
      });
  }
}
