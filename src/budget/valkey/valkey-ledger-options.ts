import type { Clock } from "../../support/clock.ts";
import type { Budget } from "../budget.ts";
import type { LedgerNotice } from "../ledger-notice.ts";
import type { SharedTable } from "../../support/shared-table.ts";
import type { StoreConnection, StoreLinkOptions } from "./store-link.ts";

/** Options of `createValkeyLedger(options): StoredLedger` (src/budget/valkey/create-valkey-ledger.ts). */
export interface ValkeyLedgerOptions extends StoreAddress {
  /** This processor's own directory, if it has one: locked while it runs, so that no second one works on its files. */
  readonly dir?: string;
  /** What all replicas of one fleet share; another name is another ledger in the same store. */
  readonly name: string;
  /** What `parseBudget` made; names unique. */
  readonly budgets: readonly Budget[];
  /** Asked once the store is reached and before any budget is in force: what the replicas share may be newer than `budgets`. */
  readonly budgetsAtStart?: (tables: TableSharing) => Promise<readonly Budget[]>;
  /** For time-outs, and to run the server's time on between two of its replies. */
  readonly clock: Clock;
  /** A lease without a message for this long has expired. @default 30000 */
  readonly leaseTtlMs?: number;
  /** How long an expired lease's money waits for its spans before what is left comes free. @default 900000 */
  readonly graceMs?: number;
  /** How often other leases are asked to give back while an acquire waits. @default 200 */
  readonly recallIntervalMs?: number;
  /** Whether new budgets wait for their past (`pastWanted`, `seed`) before they grant. @default false */
  readonly seeksPast?: boolean;
  /** Log entries of this size together are replaced by a snapshot. @default 16777216 */
  readonly logBytesMax?: number;
  /** How the store is reached. @default a connection of `@redis/client` */
  readonly connect?: (options: StoreLinkOptions) => StoreConnection;
  /** What tells this replica from the others; letters and digits. @default random */
  readonly replica?: string;
  /** Things that a log should say. Never throws. */
  readonly onNotice?: (notice: LedgerNotice) => void;
}

/** A store that keeps tables for all replicas. */
export interface TableSharing {
  table(name: string): SharedTable;
}

/** Where the store is, and who asks. A cluster is found out by asking it. */
export interface StoreAddress {
  /** `redis://host:6379`, `rediss://` with TLS (authorities that Node knows, or `NODE_EXTRA_CA_CERTS`), a database as path. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** How long a start tries to reach it. @default 10000 */
  readonly connectTimeoutMs?: number;
}
