/**
 * The store, over `@clickhouse/client` and HTTP only: the same calls against the embedded engine, a server and a cluster.
 * 64-bit integers and decimals come back as strings: money must not pass through a float.
 */
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { createClient } from "@clickhouse/client";
import { StorageError, toStorageError } from "./errors.ts";

const REQUEST_MS_MAX = 120_000;
/**
 * A block under one token counts once, in the table and in what its views fill, and is there when the answer is. Said with each
 * insert, as servers differ in what they take for granted: without the last one a repeated block counts again in the views, or
 * one that was cut off between table and view is never made up for.
 */
const EXACTLY_ONCE = {
  async_insert: 0,
  wait_end_of_query: 1,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
} as const;
/**
 * What an insert need not do (docs/decisions/0011): a merge builds the indexes, and readers sum what a merge would have summed.
 * The views' queries are short, and compiled anew more often than that pays.
 */
const NO_MORE_THAN_NEEDED = {
  materialize_skip_indexes_on_insert: 0,
  optimize_on_insert: 0,
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
} as const;
/** The views of a single server leave out what says so: migrations/0047-past-views.sql. */
export const PAST_VIEWS = { log_comment: "tollgate: past views" } as const;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?$/;

/** Where the store is. */
export interface StorageOptions {
  /** e.g. `http://127.0.0.1:8123` */
  readonly url: string;
  /** @default "default" */
  readonly username?: string;
  /** @default "" */
  readonly password?: string;
  /** Database of unqualified names. @default "default" */
  readonly database?: string;
  /** Longest wait for an answer. @default 120000 */
  readonly requestTimeoutMs?: number;
  /** Connections kept open at once. @default 10 */
  readonly connectionsMax?: number;
  /** gzip both ways; for a server that is not on this machine. @default false */
  readonly compress?: boolean;
}

/** Settings of ClickHouse, in force for one query. */
export type StorageSettings = Readonly<Record<string, string | number | boolean>>;

/** Options of one query. */
export interface QueryOptions {
  readonly settings?: StorageSettings;
  readonly signal?: AbortSignal;
  /** The engine refuses writes, and reads beyond these bounds. */
  readonly limits?: QueryLimits;
}

/** Bounds for what people ask for. A result beyond `rowsMax` is an error (396), never a shortened answer. */
export interface QueryLimits {
  readonly secondsMax?: number;
  readonly rowsMax?: number;
  readonly bytesReadMax?: number;
}

/** A block of rows in ClickHouse's Native format, or several one after the other, to be inserted as they are. */
export interface NativeBlock {
  /** `table` or `database.table`. */
  readonly table: string;
  /** @default the block's own column names */
  readonly columns?: readonly string[];
  /** A block under a token that was inserted before changes nothing. */
  readonly token: string;
  /** Into the table alone, on a single server: its views have had these rows. @default false */
  readonly isPastViews?: boolean;
  readonly bytes: Uint8Array | readonly Uint8Array[] | Readable;
  readonly signal?: AbortSignal;
}

/** The store. All methods throw {@link StorageError}. */
export interface Storage {
  readonly database: string;
  /** Rows of a SELECT, without FORMAT. `params` fill `{name:Type}`. */
  query<T>(sql: string, params?: Readonly<Record<string, unknown>>, options?: QueryOptions): Promise<readonly T[]>;
  /** The same, as they come, one JSON array a line. */
  lines(
    sql: string,
    params: Readonly<Record<string, unknown>>,
    options: Pick<QueryOptions, "limits" | "signal">,
  ): Promise<Readable>;
  /** Resolves when the block is in the table, or had been. */
  insertNative(block: NativeBlock): Promise<void>;
  /** A statement without rows to read: DDL, INSERT SELECT, SYSTEM. */
  command(sql: string, options?: Pick<QueryOptions, "settings" | "signal">): Promise<void>;
  /** @throws StorageError if no server answers */
  ping(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Makes the client; connects at the first call. */
export function createStorage(options: StorageOptions): Storage {
  const database = options.database ?? "default";
  const client = createClient({
    url: options.url,
    username: options.username ?? "default",
    password: options.password ?? "",
    database,
    application: "tollgate",
    request_timeout: options.requestTimeoutMs ?? REQUEST_MS_MAX,
    max_open_connections: options.connectionsMax ?? 10,
    compression: { request: options.compress ?? false, response: options.compress ?? false },
    // The client would log each failed query with its text; what fails is told by the error, once, by the caller.
    log: { LoggerClass: SilentLogger },
    // Long parameters go into the body: a URL has 16 KiB.
    use_multipart_params_auto: true,
    clickhouse_settings: {
      output_format_json_quote_64bit_integers: 1,
      output_format_json_quote_decimals: 1,
    },
  });
  return {
    database,
    async query<T>(sql: string, params: Readonly<Record<string, unknown>> = {}, queryOptions: QueryOptions = {}) {
      return guarded(queryOptions.signal, async () => {
        const result = await client.query({
          query: sql,
          format: "JSONEachRow",
          query_params: { ...params },
          clickhouse_settings: { ...queryOptions.settings, ...limitSettings(queryOptions.limits) },
          ...signalOf(queryOptions.signal),
        });
        return await result.json<T>();
      });
    },
    async lines(sql, params, { limits, signal }) {
      return guarded(signal, async () => {
        const { stream } = await client.exec({
          query: `${sql.trimEnd()}\nFORMAT JSONCompactEachRow`,
          query_params: { ...params },
          clickhouse_settings: { ...limitSettings(limits), output_format_json_quote_64bit_integers: 0 },
          ...signalOf(signal),
        });
        return stream;
      });
    },
    async insertNative({ table, columns, token, isPastViews = false, bytes, signal }) {
      const list = columns === undefined ? "" : ` (${columns.map(requireIdentifier).join(", ")})`;
      const query = `INSERT INTO ${requireIdentifier(table)}${list} FORMAT Native`;
      await guarded(signal, async () => {
        const { stream } = await client.exec({
          query,
          values: streamOf(bytes),
          clickhouse_settings: {
            insert_deduplication_token: token,
            ...EXACTLY_ONCE,
            ...NO_MORE_THAN_NEEDED,
            ...(isPastViews ? PAST_VIEWS : {}),
          },
          ...signalOf(signal),
        });
        // The answer is empty, but the connection serves nobody else until it is read.
        await finished(stream.resume());
      });
    },
    async command(sql, { settings, signal } = {}) {
      await guarded(signal, () =>
        client.command({ query: sql, clickhouse_settings: { ...settings, wait_end_of_query: 1 }, ...signalOf(signal) }),
      );
    },
    async ping(signal) {
      const result = await client.ping({ select: false, ...signalOf(signal) });
      if (!result.success) throw toStorageError(result.error, signal);
    },
    close: () => client.close(),
  };
}

function streamOf(bytes: NativeBlock["bytes"]): Readable {
  if (bytes instanceof Readable) return bytes;
  return Readable.from(bytes instanceof Uint8Array ? [bytes] : bytes, { objectMode: false });
}

async function guarded<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStorageError(error, signal);
  }
}

function limitSettings(limits: QueryLimits | undefined): Record<string, string | number> {
  if (limits === undefined) return {};
  const { secondsMax, rowsMax, bytesReadMax } = limits;
  return {
    readonly: 2,
    ...(secondsMax === undefined ? {} : { max_execution_time: secondsMax }),
    ...(rowsMax === undefined ? {} : { max_result_rows: String(rowsMax), result_overflow_mode: "throw" }),
    ...(bytesReadMax === undefined ? {} : { max_bytes_to_read: String(bytesReadMax) }),
  };
}

function signalOf(signal: AbortSignal | undefined): { abort_signal?: AbortSignal } {
  return signal === undefined ? {} : { abort_signal: signal };
}

function requireIdentifier(name: string): string {
  if (!IDENTIFIER.test(name)) {
    throw new StorageError({
      kind: "permanent",
      type: "BAD_IDENTIFIER",
      message: `not a table or column name: ${JSON.stringify(name)}`,
    });
  }
  return name;
}

class SilentLogger {
  trace(): void {}
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(): void {}
}
