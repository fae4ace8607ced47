import type { LineStore, ReadStore } from "../api/read-store.ts";
import type { TableStorage } from "../exporters/clickhouse/dependencies.ts";
import type { QueryName } from "../storage/queries/catalog.ts";
import type { WatchedEngine } from "./engine-watch.ts";

/** ClickHouse as the service uses it: the embedded engine or a server, which nothing beyond this line tells apart. */
export interface Store {
  readonly kind: "embedded" | "clickhouse";
  readonly database: string;
  /** Credentials for the command line's `sql`; empty when there is no read-only user. */
  readonly readOnlyUser: { readonly username: string; readonly password: string };
  /** For the exporters: inserts wait for nothing, they fail until the tables are there, of which `whenReady` tells. */
  readonly tables: TableStorage;
  readonly reads: ReadStore & LineStore;
  /** The embedded engine's own figures; `undefined` for a server. */
  readonly engine: WatchedEngine | undefined;
  /** True while ClickHouse answers and its tables are there. */
  readonly isReady: boolean;
  /** In which ways the tables are not those that the migrations made, in sentences; as found when they were last looked at, at the start. */
  readonly findings: readonly string[];
  /** From now on nobody reads the embedded engine without a password. */
  closeReads(): void;
  /** Of ClickHouse's HTTP interface, with the real port once the engine has started. */
  url(): string;
  /**
   * Resolves when ClickHouse answers and its tables are there, or when that took longer than it should: then it goes on
   * trying, and the spool holds what comes. Rejects only for what trying again cannot mend.
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Rows of a named query, for the service itself; 64-bit integers come as strings. Rejects while ClickHouse is not ready. */
  select<T>(query: QueryName, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]>;
  /** Inserts into one of the tables that the service itself writes. Rejects while ClickHouse is not ready. */
  insertRows(
    table: "budget_states" | "approval_log" | "change_log" | "audit_checkpoint_log",
    rows: readonly TableRow[],
  ): Promise<void>;
}

/** A row by its columns; 64-bit integers as text. */
export type TableRow = Readonly<Record<string, string | number | null | readonly string[]>>;
