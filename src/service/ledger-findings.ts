/**
 * Puts on record what no honest and well-informed client says to the ledger: a report above its grant, for a lease that is
 * another's or nobody's, an amount that is none; and a store that forgot what it had acknowledged. One change for each lease
 * and kind, so that saying it again adds nothing; more than fit into a minute are counted and recorded as one, so that a
 * hostile sender fills no disk.
 */
import type { LedgerNotice } from "../budget/ledger-notice.ts";
import type { NewChange, RecordChange } from "../changes/change-log.ts";
import type { Clock } from "../support/clock.ts";

/** Changes of one minute. */
const MINUTE_MAX = 60;
const MINUTE_MS = 60_000;
/** Leases and kinds that are known to be on record already. */
const KNOWN_MAX = 10_000;
const AUTHOR = "ledger";

export interface LedgerFindingsOptions {
  readonly clock: Clock;
  readonly recordChange: RecordChange;
  readonly onFailure: (error: unknown) => void;
}

export class LedgerFindings {
  readonly #options: LedgerFindingsOptions;
  readonly #known = new Set<string>();
  #minuteAtMs = Number.NEGATIVE_INFINITY;
  #recorded = 0;
  #left = 0;

  constructor(options: LedgerFindingsOptions) {
    this.#options = options;
  }

  note(notice: LedgerNotice): void {
    const change = changeOf(notice);
    if (change === undefined) return;
    const key = `${change.action} ${change.subject}`;
    if (this.#known.has(key)) return;
    this.#turnMinute();
    if (this.#recorded >= MINUTE_MAX) {
      this.#left += 1;
      return;
    }
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(key);
    this.#recorded += 1;
    this.#record(change);
  }

  #turnMinute(): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#minuteAtMs < MINUTE_MS) return;
    this.#minuteAtMs = nowMs;
    this.#recorded = 0;
    const left = this.#left;
    this.#left = 0;
    if (left > 0) this.#record({ author: AUTHOR, action: "report.more", subject: "reports", after: { count: left } });
  }

  #record(change: NewChange): void {
    this.#options.recordChange(change).catch(this.#options.onFailure);
  }
}

/** `undefined`: nothing that anybody has to answer for. */
function changeOf(notice: LedgerNotice): NewChange | undefined {
  switch (notice.notice) {
    case "lease_overran":
      return reportOf("report.overran", notice);
    case "report_stray":
      return reportOf(`report.${notice.of}`, notice);
    case "observation_refused":
      return {
        author: AUTHOR,
        action: "spans.refused",
        subject: notice.token,
        after: { entries: notice.entries },
      };
    case "store_lost_writes": {
      const { acknowledged, found } = notice;
      return { author: AUTHOR, action: "store.lost_writes", subject: "ledger", after: { acknowledged, found } };
    }
    default:
      return undefined;
  }
}

function reportOf(
  action: string,
  { leaseId, processId }: { readonly leaseId: string; readonly processId: string },
): NewChange {
  return { author: AUTHOR, action, subject: leaseId, after: { process_id: processId } };
}
