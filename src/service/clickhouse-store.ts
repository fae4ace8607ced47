/**
 * ClickHouse behind the service, wherever it runs. It is asked through `@clickhouse/client` only. While it is away, inserts
 * fail at once and are the spool's to repeat; the tables are made as soon as it answers, and nothing is inserted before.
 */
import { Readable } from "node:stream";
import { type ClickHouseClient, ClickHouseError, createClient } from "@clickhouse/client";
import { type ReadStore, StoreRefused } from "../api/read-store.ts";
import type { RecentSpan, SpanStorage } from "../exporters/clickhouse/dependencies.ts";
import { RECENT_SPANS_QUERY } from "../exporters/clickhouse/recent-spans-query.ts";
import { queryText } from "../storage/queries/catalog.ts";
import { Backoff } from "../support/backoff.ts";
import { type CancelTimer, type Clock, delay, every } from "../support/clock.ts";
import { errorText, type Telemetry } from "../telemetry/telemetry.ts";
import type { BudgetStateRow } from "./budget-states.ts";
import type { Store } from "./store.ts";

export interface ClickhouseUser {
  readonly username: string;
  readonly password: string;
}

/** What serves ClickHouse's HTTP interface. */
export interface ClickhouseServer {
  readonly kind: Store["kind"];
  readonly user: ClickhouseUser;
  /** `undefined`: none; reads then go by `user` with `readonly` set on each query. */
  readonly readOnlyUser: ClickhouseUser | undefined;
  /** After `start`. */
  url(): string;
  /** Resolves when the URL is known; it need not answer yet. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClickhouseStoreOptions {
  readonly server: ClickhouseServer;
  readonly database: string;
  /** Makes the tables; may be called again after it failed. */
  readonly migrate: (client: ClickHouseClient, database: string) => Promise<unknown>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

const START_WAIT_MS = 4_000;
const PING_INTERVAL_MS = 2_000;
const REQUEST_TIMEOUT_MS = 60_000;
const READ_SECONDS_MAX = 30;

/** ClickHouse's codes for data that stays wrong however often it is sent: parsing, types, unknown columns, too large. */
const PERMANENT_CODES: ReadonlySet<string> = new Set([
  "6",
  "16",
  "26",
  "27",
  "33",
  "44",
  "53",
  "62",
  "117",
  "130",
  "131",
  "190",
  "349",
  "469",
]);
/** Errors of a server that is away, stopping or full: not the query's fault. */
const SERVER_CODES: ReadonlySet<string> = new Set([
  "202",
  "209",
  "210",
  "236",
  "241",
  "243",
  "252",
  "439",
  "516",
  "1001",
]);

export class ClickhouseStore implements Store {
  readonly #options: ClickhouseStoreOptions;
  #clients: { readonly write: ClickHouseClient; readonly read: ClickHouseClient } | undefined;
  #isMigrated = false;
  #isAnswering = false;
  #isStopped = false;
  #cancelPing: CancelTimer = () => {};

  constructor(options: ClickhouseStoreOptions) {
    this.#options = options;
  }

  get kind(): Store["kind"] {
    return this.#options.server.kind;
  }

  get database(): string {
    return this.#options.database;
  }

  get readOnlyUser(): ClickhouseUser {
    return this.#options.server.readOnlyUser ?? { username: "", password: "" };
  }

  get isReady(): boolean {
    return this.#isMigrated && this.#isAnswering;
  }

  url(): string {
    return this.#options.server.url();
  }

  async start(): Promise<void> {
    const { server, clock } = this.#options;
    await server.start();
    const { user, readOnlyUser = user } = server;
    this.#clients = { write: this.#connect(user), read: this.#connect(readOnlyUser) };
    await Promise.race([this.#prepare(), delay(clock, START_WAIT_MS)]);
    if (!this.isReady) this.#options.telemetry.emit("storage_unavailable", { url: this.url() });
    this.#cancelPing = every(clock, PING_INTERVAL_MS, () => void this.#ping());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPing();
    await this.#clients?.write.close();
    await this.#clients?.read.close();
    await this.#options.server.stop();
  }

  readonly spans: SpanStorage = {
    insertNative: async ({ table, token, bytes }) => {
      const { write } = this.#require();
      const { stream } = await write.exec({
        query: `INSERT INTO ${table} FORMAT Native`,
        values: Readable.from([bytes], { objectMode: false }),
        clickhouse_settings: { insert_deduplication_token: token, async_insert: 0 },
      });
      // The answer's end is the acknowledgement: an error can still come in its body.
      await stream.resume().toArray();
    },
    isPermanent: (error) => error instanceof ClickHouseError && PERMANENT_CODES.has(error.code),
    recentSpans: async ({ sinceUnixMs, limit }) => {
      const { write } = this.#require();
      const result = await write.query({
        query: RECENT_SPANS_QUERY,
        query_params: { since: sinceUnixMs, limit },
        format: "JSONEachRow",
      });
      const rows = await result.json<{ trace_id: string; span_id: string; received_unix_ms: string | number }>();
      return rows.toReversed().map((row): RecentSpan => ({
        traceId: row.trace_id,
        spanId: row.span_id,
        receivedUnixMs: Number(row.received_unix_ms),
      }));
    },
  };

  readonly reads: ReadStore = {
    rows: async ({ query, parameters, where }) => {
      const { read } = this.#require();
      try {
        const result = await read.query({
          query: queryText(query).replace("{{where}}", () => where ?? "1"),
          query_params: { ...parameters },
          format: "JSONEachRow",
          clickhouse_settings: {
            ...(this.#options.server.readOnlyUser === undefined ? { readonly: "2" } : {}),
            max_execution_time: READ_SECONDS_MAX,
          },
        });
        return await result.json();
      } catch (error) {
        if (error instanceof ClickHouseError && !SERVER_CODES.has(error.code)) throw new StoreRefused(error.message);
        throw error;
      }
    },
  };

  async insertBudgetStates(rows: readonly BudgetStateRow[]): Promise<void> {
    await this.#require().write.insert({ table: "budget_states", values: [...rows], format: "JSONEachRow" });
  }

  #require(): { readonly write: ClickHouseClient; readonly read: ClickHouseClient } {
    if (this.#clients === undefined || !this.#isMigrated) throw new Error("ClickHouse is not ready yet");
    return this.#clients;
  }

  #connect({ username, password }: ClickhouseUser): ClickHouseClient {
    return createClient({
      url: this.url(),
      username,
      password,
      database: this.#options.database,
      application: "tollgate",
      request_timeout: REQUEST_TIMEOUT_MS,
      clickhouse_settings: { async_insert: 0 },
    });
  }

  /** Tries until the tables are there. */
  async #prepare(): Promise<void> {
    const { migrate, database, clock, telemetry, server } = this.#options;
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000 });
    while (!this.#isStopped) {
      // Another client than the others: the database it would use may not be there yet.
      const client = createClient({
        url: server.url(),
        ...server.user,
        application: "tollgate",
        request_timeout: REQUEST_TIMEOUT_MS,
      });
      try {
        await migrate(client, database);
        this.#isMigrated = true;
        this.#isAnswering = true;
        telemetry.emit("storage_ready", { url: this.url(), database });
        return;
      } catch (error) {
        telemetry.log.line("debug", "migration_failed", { reason: errorText(error) });
        await delay(clock, backoff.next());
      } finally {
        await client.close();
      }
    }
  }

  async #ping(): Promise<void> {
    const result = await this.#clients?.write.ping();
    const isAnswering = result?.success ?? false;
    if (this.#isStopped || isAnswering === this.#isAnswering) return;
    this.#isAnswering = isAnswering;
    this.#options.telemetry.emit(isAnswering ? "storage_ready" : "storage_unavailable", { url: this.url() });
  }
}
