/**
 * One migrator at a time on one server. ClickHouse has no locks, but creating a table without IF NOT EXISTS is one: the
 * second to try is refused. The holder writes a sign of life every few seconds; a lock without one for a minute is left
 * behind by a process that died, and renaming it away, which only one can do, takes it over.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Storage } from "./client.ts";
import { StorageError } from "./errors.ts";

const LOCK_TABLE = "schema_migrations_lock";
const TABLE_ALREADY_EXISTS = 57;
const UNKNOWN_TABLE = 60;
const HEARTBEAT_MS = 5_000;
const STALE_SECONDS = 60;
const POLL_MS = 200;
const WAIT_MS_MAX = 20_000;

export interface LockOptions {
  readonly storage: Storage;
  readonly database: string;
  /** Without a sign of life for this long, the holder is taken for dead. @default 60 */
  readonly staleSeconds?: number;
  /** Any other holder is dead, whatever the clock says. @default false */
  readonly isAlone?: boolean;
  /** @default 20000 */
  readonly waitMsMax?: number;
}

/**
 * Runs `work` while no other migrator does.
 * @throws StorageError, retryable, if another holds the lock for longer than `waitMsMax`
 */
export async function withMigrationLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const table = `${options.database}.${LOCK_TABLE}`;
  await acquire(options, table);
  const beat = setInterval(() => {
    // A sign of life that failed is followed by the next one.
    options.storage.command(`INSERT INTO ${table} VALUES (now())`).catch(() => undefined);
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await options.storage.command(`DROP TABLE IF EXISTS ${table} SYNC`);
  }
}

async function acquire({ storage, database, ...options }: LockOptions, table: string): Promise<void> {
  const { staleSeconds = STALE_SECONDS, isAlone = false, waitMsMax = WAIT_MS_MAX } = options;
  const deadline = performance.now() + waitMsMax;
  while (!(await create(storage, table))) {
    if (isAlone || (await isStale({ storage, database, staleSeconds }))) await takeAway(storage, table);
    else if (performance.now() > deadline) {
      throw new StorageError({
        kind: "retryable",
        type: "MIGRATION_LOCKED",
        message: `another process is migrating the database \`${database}\`; if none is, drop the table \`${table}\``,
      });
    } else await wait(POLL_MS);
  }
}

async function create(storage: Storage, table: string): Promise<boolean> {
  try {
    await storage.command(`CREATE TABLE ${table} (at DateTime) ENGINE = MergeTree ORDER BY at`);
    return true;
  } catch (error) {
    if (error instanceof StorageError && error.code === TABLE_ALREADY_EXISTS) return false;
    throw error;
  }
}

async function isStale(options: Required<Omit<LockOptions, "waitMsMax" | "isAlone">>): Promise<boolean> {
  const { storage, database, staleSeconds } = options;
  try {
    const [row] = await storage.query<{ age: string | number }>(
      `SELECT now() - greatest((SELECT max(at) FROM ${database}.${LOCK_TABLE}), metadata_modification_time) AS age
       FROM system.tables WHERE database = {database:String} AND name = {table:String}`,
      { database, table: LOCK_TABLE },
    );
    return row !== undefined && Number(row.age) >= staleSeconds;
  } catch (error) {
    // It was given back between the two questions.
    if (error instanceof StorageError && error.code === UNKNOWN_TABLE) return false;
    throw error;
  }
}

async function takeAway(storage: Storage, table: string): Promise<void> {
  const away = `${table}_${randomUUID().replaceAll("-", "")}`;
  try {
    await storage.command(`RENAME TABLE ${table} TO ${away}`);
    await storage.command(`DROP TABLE IF EXISTS ${away} SYNC`);
  } catch (error) {
    // Another process took it over first.
    if (!(error instanceof StorageError && error.code === UNKNOWN_TABLE)) throw error;
  }
}
