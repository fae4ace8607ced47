import type { Clock } from "../../support/clock.ts";
import type { Budget } from "../budget.ts";
import type { Ledger } from "../ledger.ts";
import type { JournalFile } from "./journal.ts";

/** Options of `createLocalLedger(options): LocalLedger` (src/budget/local/create-local-ledger.ts). */
export interface LocalLedgerOptions {
  /** Directory of the journal; made if it isn't there. One process at a time. */
  readonly dir: string;
  /** What `parseBudget` made; names unique. */
  readonly budgets: readonly Budget[];
  readonly clock: Clock;
  /** A lease without a message for this long has expired. @default 30000 */
  readonly leaseTtlMs?: number;
  /** How long an expired lease's money waits for its spans before what is left comes free. @default 900000 */
  readonly graceMs?: number;
  /** How often other leases are asked to give back while an acquire waits. @default 200 */
  readonly recallIntervalMs?: number;
  /** A journal segment that grew past this is replaced by a snapshot. @default 67108864 */
  readonly segmentBytesMax?: number;
  /** Opens a journal segment for writing. @default the file system; tests put a failing disk here */
  readonly openFile?: (path: string) => Promise<JournalFile>;
  /** Things that a log should say. Never throws. */
  readonly onNotice?: (notice: LedgerNotice) => void;
}

/** What happened to the ledger that its callers don't see in a reply. */
export type LedgerNotice =
  /** The last write before a crash was not whole; it was never acknowledged and is cut off. */
  | { readonly notice: "journal_tail_cut"; readonly file: string; readonly offset: number; readonly bytes: number }
  | { readonly notice: "journal_replayed"; readonly segments: number; readonly events: number; readonly ms: number }
  /** The journal can't be written: nothing is granted until a restart. */
  | { readonly notice: "ledger_failed"; readonly error: Error }
  /** The journal grows on; the next segment tries again. */
  | { readonly notice: "snapshot_failed"; readonly error: Error }
  /** Spend with an amount below 0 or past Int64 was left out. */
  | { readonly notice: "observation_refused"; readonly token: string; readonly entries: number }
  /** The wall clock ran ahead of the monotonic one (a step, a suspended machine): leases got as much longer. */
  | { readonly notice: "clock_jumped"; readonly ms: number }
  | { readonly notice: "lease_expired"; readonly leaseId: string; readonly processId: string }
  /** A lease reported more than it was granted: counted in full, past the limit if need be. */
  | { readonly notice: "lease_overran"; readonly leaseId: string; readonly processId: string };

/** Counts since start, for metrics. */
export interface LedgerStats {
  readonly leasesActive: number;
  readonly leasesExpired: number;
  readonly acquiresWaiting: number;
  readonly journalBytes: number;
  readonly journalFlushes: number;
  readonly journalEvents: number;
}

export interface LocalLedger extends Ledger {
  stats(): LedgerStats;
}
