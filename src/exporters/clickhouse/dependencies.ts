import type { Notify } from "../../component/notice.ts";
import type { SpendEntry } from "../../pdata/spend.ts";
import type { WriteFileDurably } from "../../pipeline/spool/block-store.ts";
import type { Clock } from "../../support/clock.ts";
import type { SpanLags } from "./end-times.ts";

/** The named queries of the store that exporters ask. */
export type StoreQuery = "recent-spans" | "recent-events" | "spans-present" | "events-present" | "insert-memory";

/** What an exporter needs of the store (src/storage): structural, so that neither imports the other. */
export interface TableStorage {
  /**
   * Inserts blocks of a table, one after the other, under one deduplication token, synchronously (`async_insert = 0`): resolved means "in
   * the table". The same token twice is one insert. `isPastViews`: what views fill has these rows. Rejects when it did not happen or nobody knows.
   */
  insertNative(insert: {
    readonly table: string;
    readonly token: string;
    readonly isPastViews?: boolean;
    readonly bytes: readonly Uint8Array[];
  }): Promise<unknown>;
  /** True for a failed insert that sending again can't mend: bad data, unlike a server that is away or busy. */
  isPermanent(error: unknown): boolean;
  /** Resolves when the tables are there: nothing is asked of them before. Never rejects, and never resolves when they never are. */
  whenReady(): Promise<void>;
  /** Rows of a named query; 64-bit integers may come as strings. */
  select<T>(query: StoreQuery, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]>;
}

/** What a block holds for the ledger. The token makes it idempotent: the ledger may see it again after a crash. */
export interface SpendObservation {
  readonly token: string;
  readonly entries: readonly SpendEntry[];
}

export interface ClickhouseExporterDependencies {
  /** Where the blocks are: `<data dir>/spool`. One process at a time. */
  readonly directory: string;
  readonly storage: TableStorage;
  /** `ledger.observe`. The ledger is started before the exporter and stopped after it. */
  observe(observation: SpendObservation): Promise<void>;
  /** Called for each block of this process when its spend is in the ledger; inference spans only. */
  readonly onCounted?: (lags: SpanLags) => void;
  /** Called for each block of this process when its rows are in ClickHouse; inference spans only. */
  readonly onVisible?: (lags: SpanLags) => void;
  readonly clock: Clock;
  readonly notify: Notify;
  /** For tests of full disks. */
  readonly writeFile?: WriteFileDurably;
}
