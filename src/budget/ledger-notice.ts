import type { Ledger } from "./ledger.ts";

/** What happened to the ledger that its callers don't see in a reply. */
export type LedgerNotice =
  /** The last write before a crash was not whole; it was never acknowledged and is cut off. */
  | { readonly notice: "journal_tail_cut"; readonly file: string; readonly offset: number; readonly bytes: number }
  | { readonly notice: "journal_replayed"; readonly segments: number; readonly events: number; readonly ms: number }
  /** The journal can't be written or read: nothing is granted until `ledger_revived`. */
  | { readonly notice: "ledger_failed"; readonly error: Error }
  | { readonly notice: "ledger_revived" }
  /** The journal grows on; the next segment tries again. */
  | { readonly notice: "snapshot_failed"; readonly error: Error }
  /** Spend with an amount below 0 or past Int64 was left out. */
  | { readonly notice: "observation_refused"; readonly token: string; readonly entries: number }
  /** The wall clock ran ahead of the monotonic one (a step, a suspended machine): leases got as much longer. */
  | { readonly notice: "clock_jumped"; readonly ms: number }
  | { readonly notice: "lease_expired"; readonly leaseId: string; readonly processId: string }
  /** A lease reported more than it was granted: counted in full, past the limit if need be. */
  | { readonly notice: "lease_overran"; readonly leaseId: string; readonly processId: string }
  /**
   * A report for a lease that the ledger does not know (a close counts nothing, its spans will; an acquire opens it anew and
   * counts in full), or for one of another process (counts nothing).
   */
  | {
      readonly notice: "report_stray";
      readonly leaseId: string;
      readonly processId: string;
      readonly of: "unknown" | "foreign";
    }
  /** Valkey: nothing is granted until `store_regained`. */
  | { readonly notice: "store_lost"; readonly error: Error }
  | { readonly notice: "store_regained" }
  /** Valkey: entries that it had acknowledged are gone (revisions): grants are forgotten, and limits may be passed by them. */
  | { readonly notice: "store_lost_writes"; readonly acknowledged: number; readonly found: number }
  /** Valkey: a setting with which it may forget what it acknowledged. */
  | { readonly notice: "store_weak"; readonly setting: string; readonly value: string; readonly risk: string };

/** Counts since start, for metrics. */
export interface LedgerStats {
  readonly leasesActive: number;
  readonly leasesExpired: number;
  readonly acquiresWaiting: number;
  readonly journalBytes: number;
  readonly journalFlushes: number;
  readonly journalEvents: number;
}

/** What the service runs: either store. */
export interface StoredLedger extends Ledger {
  stats(): LedgerStats;
}
