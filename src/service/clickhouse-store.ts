/**
 * ClickHouse behind the service, wherever it runs. While it is away, inserts fail at once and are the spool's to repeat; the
 * tables are made as soon as it answers, and nothing is inserted before.
 */
import { type LineStore, type ReadStore, StoreRefused } from "../api/read-store.ts";
import type { TableStorage } from "../exporters/clickhouse/dependencies.ts";
import { createStorage, type Storage } from "../storage/client.ts";
import { StorageError } from "../storage/errors.ts";
import { migrate, MigrationError } from "../storage/migrate.ts";
import { type QueryName, queryText } from "../storage/queries/catalog.ts";
import { withLabels } from "../storage/queries/label-values.ts";
import { applyRetention, type Retention } from "../storage/retention.ts";
import { Backoff } from "../support/backoff.ts";
import { type CancelTimer, type Clock, delay, every } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import { reachText } from "../telemetry/reach-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { WatchedEngine } from "./engine-watch.ts";
import type { Store, TableRow } from "./store.ts";

export interface ClickhouseUser {
  readonly username: string;
  readonly password: string;
}

/** What serves ClickHouse's HTTP interface. */
export interface ClickhouseServer {
  readonly kind: Store["kind"];
  readonly user: ClickhouseUser;
  /** `undefined`: none; reads then go by `user`, each with `readonly` set. */
  readonly readOnlyUser: ClickhouseUser | undefined;
  /** Absent when somebody else runs it. */
  readonly engine?: WatchedEngine;
  /** From now on nobody reads without a password. */
  closeReads(): void;
  /** After `start`. */
  url(): string;
  /** Resolves when the URL is known; it need not answer yet. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClickhouseStoreOptions {
  readonly server: ClickhouseServer;
  readonly database: string;
  readonly tables: {
    /** `undefined`: one server. */
    readonly cluster: string | undefined;
    readonly retention: Retention;
  };
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

interface Connected {
  readonly write: Storage;
  readonly read: Storage;
}

const START_WAIT_MS = 4_000;
const PING_INTERVAL_MS = 2_000;
/** A server that took the question and does not answer is away, and must not hold the connections that others need. */
const PING_TIMEOUT_MS = 10_000;
/** For exports: as long as one query may take, and no more rows than the query itself says. */
const LINE_LIMITS = { secondsMax: 60 } as const;
const READ_LIMITS = { secondsMax: 30, rowsMax: 20_000 } as const;

/**
 * ClickHouse's codes for rows that stay wrong however often they are sent: they do not parse, have other types or columns, or values that the table or a view of it refuses.
 * Everything else, a missing table or a wrong password too, is mended elsewhere while the spool holds.
 */
const BAD_DATA_CODES: ReadonlySet<number> = new Set([
  6, 16, 20, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 190, 321, 349, 395, 407, 469,
]);

const BROKEN_TABLES_MAX = 50;
const BROKEN =
  " that ClickHouse put aside as broken (system.detached_parts): `tollgate audit verify` names the records that are missing. Bring them back from a backup, or remove what was put aside";

export class ClickhouseStore implements Store {
  readonly #options: ClickhouseStoreOptions;
  #connected: Connected | undefined;
  readonly #migrated = Promise.withResolvers<void>();
  #isMigrated = false;
  #isAnswering = false;
  #hasFailed = false;
  /** Why it could not be reached last. */
  #failure = "";
  #findings: readonly string[] = [];
  /** Tables that have lost parts. */
  #broken: readonly string[] = [];
  /** The start does not wait any more: from now on people are told. */
  #isLate = false;
  #isPinging = false;
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

  get engine(): WatchedEngine | undefined {
    return this.#options.server.engine;
  }

  get isReady(): boolean {
    return this.#isMigrated && this.#isAnswering;
  }

  get findings(): readonly string[] {
    return [...this.#findings, ...this.#broken];
  }

  url(): string {
    return this.#options.server.url();
  }

  closeReads(): void {
    this.#options.server.closeReads();
  }

  /** Rejects with `MigrationError` when the tables are another version's, and with what the server's start rejects with. */
  async start(): Promise<void> {
    const { server, clock, telemetry, database } = this.#options;
    await server.start();
    const { user, readOnlyUser = user } = server;
    const connect = (as: ClickhouseUser): Storage => createStorage({ url: server.url(), ...as, database });
    this.#connected = { write: connect(user), read: connect(readOnlyUser) };
    const prepared = this.#prepare();
    // Also when it is refused long after the start, which does not wait for it then.
    prepared.catch((error: unknown) => {
      this.#findings = [errorText(error)];
      telemetry.emit("storage_refused", { reason: errorText(error) });
    });
    await Promise.race([prepared, delay(clock, START_WAIT_MS)]);
    this.#isLate = true;
    if (this.#hasFailed) this.#tellUnavailable();
    else if (!this.isReady) telemetry.emit("storage_preparing", { url: this.url() });
    this.#cancelPing = every(clock, PING_INTERVAL_MS, () => void this.#ping());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPing();
    await this.#connected?.write.close();
    await this.#connected?.read.close();
    await this.#options.server.stop();
  }

  readonly tables: TableStorage = {
    insertNative: async (insert) => {
      const { write } = this.#require();
      const bytes = insert.bytes.reduce((sum, block) => sum + block.length, 0);
      await this.#options.telemetry.measures.insert(bytes, () => write.insertNative(insert));
    },
    isPermanent: (error) => error instanceof StorageError && error.code !== undefined && BAD_DATA_CODES.has(error.code),
    whenReady: () => this.#migrated.promise,
    select: async (query, parameters) => this.#require().write.query(queryText(query), parameters),
  };

  readonly reads: ReadStore & LineStore = {
    rows: async ({ query, parameters, where, labels }) => {
      const text = queryText(query).replace("{{where}}", () => where ?? "1");
      const sql = labels === undefined ? text : withLabels(text, labels);
      return refusable(() => this.#require().read.query(sql, parameters, { limits: READ_LIMITS }));
    },
    lines: async (query, parameters) =>
      refusable(() => this.#require().read.lines(queryText(query), parameters, { limits: LINE_LIMITS })),
  };

  async select<T>(query: QueryName, parameters: Readonly<Record<string, unknown>>): Promise<readonly T[]> {
    return this.#require().write.query(queryText(query), parameters);
  }

  async insertRows(table: Parameters<Store["insertRows"]>[0], rows: readonly TableRow[]): Promise<void> {
    const lines = rows.map((row) => JSON.stringify(row)).join("\n");
    await this.#require().write.command(`INSERT INTO ${table} FORMAT JSONEachRow\n${lines}`);
  }

  #require(): Connected {
    if (this.#connected === undefined || !this.#isMigrated) throw new Error("ClickHouse is not ready yet");
    return this.#connected;
  }

  /** Tries until the tables are there. */
  async #prepare(): Promise<void> {
    const { database, clock, telemetry } = this.#options;
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000 });
    while (!this.#isStopped) {
      try {
        await this.#makeTables();
        this.#isMigrated = true;
        this.#isAnswering = true;
        this.#migrated.resolve();
        telemetry.emit("storage_ready", { url: this.url(), database });
        void this.#lookForBrokenParts();
        return;
      } catch (error) {
        if (error instanceof MigrationError) throw error;
        this.#failure = reachText(error);
        telemetry.log.line("debug", "migration_failed", { reason: this.#failure });
        if (this.#isLate && !this.#hasFailed) this.#tellUnavailable();
        this.#hasFailed = true;
        await delay(clock, backoff.next());
      }
    }
  }

  #tellUnavailable(): void {
    if (this.isReady || this.#isStopped) return;
    this.#options.telemetry.emit("storage_unavailable", { url: this.url(), reason: this.#failure });
  }

  async #makeTables(): Promise<void> {
    const { database, telemetry, server, tables } = this.#options;
    const { cluster, retention } = tables;
    // A migration may take hours: who does not answer at all is not waited for that long.
    await this.#ask();
    const target = { url: server.url(), ...server.user, database, ...(cluster === undefined ? {} : { cluster }) };
    const findings: string[] = [];
    // The embedded engine's directory is this processor's alone: nobody waits a minute for one that was killed.
    const isAlone = server.kind === "embedded";
    await migrate({ ...target, isAlone, onDrift: (message) => findings.push(message) });
    for (const reason of findings) telemetry.emit("storage_drifted", { reason });
    this.#findings = findings;
    await applyRetention({ ...target, retention });
  }

  async #ping(): Promise<void> {
    if (this.#isPinging) return;
    this.#isPinging = true;
    const failure = await this.#ask().then(() => undefined, reachText);
    const isAnswering = failure === undefined;
    this.#isPinging = false;
    if (this.#isStopped || isAnswering === this.#isAnswering || !this.#isMigrated) return;
    this.#isAnswering = isAnswering;
    const { telemetry } = this.#options;
    if (!isAnswering) return telemetry.emit("storage_unavailable", { url: this.url(), reason: failure });
    telemetry.emit("storage_ready", { url: this.url() });
    await this.#lookForBrokenParts();
  }

  /** What a server finds broken it finds when it starts. Each finding is told once. Never rejects. */
  async #lookForBrokenParts(): Promise<void> {
    const { telemetry } = this.#options;
    try {
      const rows = await this.select<{ readonly table: string; readonly parts: number }>("broken-parts", {
        limit: BROKEN_TABLES_MAX,
      });
      const broken = rows.map(
        ({ table, parts }) => `\`${table}\` has lost ${parts} ${parts === 1 ? "part" : "parts"}${BROKEN}`,
      );
      const known = new Set(this.#broken);
      this.#broken = broken;
      for (const reason of broken) if (!known.has(reason)) telemetry.emit("storage_broken", { reason });
    } catch (error) {
      // A user of ClickHouse may not be allowed to look.
      telemetry.log.line("debug", "broken_parts_not_seen", { reason: errorText(error) });
    }
  }

  /** Whether anybody answers. Rejects when nobody does in time. */
  async #ask(): Promise<void> {
    const giveUp = new AbortController();
    const cancel = this.#options.clock.setTimer(PING_TIMEOUT_MS, () => giveUp.abort());
    try {
      await this.#connected?.write.ping(giveUp.signal);
    } finally {
      cancel();
    }
  }
}

/** A refusal of a query is told from a store that is away. */
async function refusable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof StorageError && error.kind === "permanent") throw new StoreRefused(error.message);
    throw error;
  }
}
