/**
 * Brings a database's tables to the version of this build: numbered SQL files, forward only, each recorded with a checksum
 * when all of its statements are done. ClickHouse has no transactions over DDL, so a file that failed half way runs again
 * from its start: each statement must bear that (`IF NOT EXISTS`, or a guard, see migration-files.ts).
 */
import { createStorage, type Storage, type StorageOptions } from "./client.ts";
import { changedViews, renewal, undoRenewal } from "./changed-views.ts";
import { type ClusterTarget, clusterStatements } from "./cluster-sql.ts";
import {
  type AppliedMigration,
  type Migration,
  MIGRATIONS_DIR,
  MigrationError,
  type MigrationStatement,
  pendingMigrations,
  readMigrations,
} from "./migration-files.ts";
import { withMigrationLock } from "./migration-lock.ts";
import { findDrift, recordSchema } from "./schema-drift.ts";

export { MigrationError };

const DATABASE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VERSIONS_TABLE = "schema_migrations";
/** A migration may copy a table of hundreds of millions of rows. */
const STATEMENT_MS_MAX = 6 * 3_600_000;

/** Options of {@link migrate}. */
export interface MigrateOptions extends StorageOptions {
  readonly database: string;
  /** @default the migrations of this package */
  readonly directory?: string;
  /** Replicated and Distributed tables on this cluster (src/storage/cluster-sql.ts). @default one server */
  readonly cluster?: string;
  /** Nobody else migrates here, so a lock that is there was left behind, by a process that was killed. @default false */
  readonly isAlone?: boolean;
  /** Called for each way in which the tables are no longer as the migrations left them, where that stops nothing. */
  readonly onDrift?: (message: string) => void;
}

/**
 * Creates the database if it is missing and applies what is not applied yet; processors that start at once wait for the
 * first of them.
 * @returns the names of the migrations applied now, in order
 * @throws MigrationError for a migration that was changed after it was applied, or that this build does not know, and for
 * a table or column of a migration that is gone
 * @throws StorageError from the store; retryable while another process migrates
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const { database, cluster, isAlone = false } = options;
  for (const name of cluster === undefined ? [database] : [database, cluster]) {
    if (!DATABASE_NAME.test(name)) throw new MigrationError(`not a name: ${JSON.stringify(name)}`);
  }
  const migrations = await readMigrations(options.directory ?? MIGRATIONS_DIR);
  // Unqualified on purpose: the database may not be there yet.
  const storage = createStorage({ ...options, database: "default", requestTimeoutMs: STATEMENT_MS_MAX });
  try {
    for (const statement of versionsTable({ database, cluster })) await storage.command(statement);
    const applied = await appliedMigrations(storage, database);
    if (pendingMigrations(migrations, applied).length === 0) {
      await checkDrift({ storage, database, version: newest(applied), onDrift: options.onDrift });
      return [];
    }
    return await withMigrationLock({ storage, database, isAlone }, async () => {
      // What another process has applied while this one waited for the lock.
      const pending = pendingMigrations(migrations, await appliedMigrations(storage, database));
      const target = { storage, database, cluster, renewsViews: await keepsTablesItself(storage, database) };
      if (target.renewsViews) {
        for (const view of pending.flatMap(({ statements }) => changedViews(statements, target))) {
          await storage.command(undoRenewal(view, target));
        }
      }
      for (const migration of pending) await apply({ ...target, migration });
      if (pending.length > 0) await recordSchema({ storage, database, version: newest(pending) });
      return pending.map(({ name }) => name);
    });
  } finally {
    await storage.close();
  }
}

function newest(migrations: readonly AppliedMigration[]): number {
  return Math.max(0, ...migrations.map(({ version }) => version));
}

async function checkDrift(options: {
  readonly storage: Storage;
  readonly database: string;
  readonly version: number;
  readonly onDrift: MigrateOptions["onDrift"];
}): Promise<void> {
  const drift = await findDrift(options);
  const fatal = drift.filter(({ isFatal }) => isFatal);
  if (fatal.length > 0) {
    throw new MigrationError(
      `the database \`${options.database}\` is not as the migrations made it: ${fatal.map(({ message }) => message).join("; ")}`,
    );
  }
  for (const { message } of drift) options.onDrift?.(message);
}

interface Target {
  readonly database: string;
  readonly cluster: string | undefined;
}

interface Applying extends Target {
  readonly storage: Storage;
  readonly migration: Migration;
  /** Whether views that are changed are renamed there and back. */
  readonly renewsViews: boolean;
}

function versionsTable({ database, cluster }: Target): readonly string[] {
  const on = cluster === undefined ? "" : ` ON CLUSTER '${cluster}'`;
  const engine =
    cluster === undefined
      ? "ReplacingMergeTree(applied_at)"
      : `ReplicatedReplacingMergeTree('/clickhouse/tables/${database}/${VERSIONS_TABLE}', '{shard}-{replica}', applied_at)`;
  return [
    `CREATE DATABASE IF NOT EXISTS ${database}${on}`,
    `CREATE TABLE IF NOT EXISTS ${database}.${VERSIONS_TABLE}${on}
     (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ${engine} ORDER BY version`,
  ];
}

async function appliedMigrations(storage: Storage, database: string): Promise<readonly AppliedMigration[]> {
  const rows = await storage.query<{ version: number; name: string; checksum: string }>(
    `SELECT version, name, checksum FROM ${database}.${VERSIONS_TABLE} FINAL ORDER BY version`,
  );
  return rows.map((row) => ({ ...row, version: Number(row.version) }));
}

async function apply(options: Applying): Promise<void> {
  const { storage, database, migration, renewsViews } = options;
  for (const statement of migration.statements) {
    if (!(await isWanted(statement, options))) continue;
    for (const sql of renderStatement(statement, options)) await storage.command(sql);
  }
  const changed = renewsViews ? changedViews(migration.statements, options) : [];
  for (const view of changed) for (const sql of renewal(view, options)) await storage.command(sql);
  const { version, name, checksum } = migration;
  await storage.command(
    `INSERT INTO ${database}.${VERSIONS_TABLE} (version, name, checksum) VALUES (${version}, '${name}', '${checksum}')`,
  );
}

/** A statement as it is sent: for one server itself, for a cluster none to two. */
function renderStatement(statement: MigrationStatement, { database, cluster }: Target): readonly string[] {
  if (cluster !== undefined) return clusterStatements(statement, { database, cluster } satisfies ClusterTarget);
  return [statement.sql.replaceAll("{database}", database)];
}

/** False for databases whose tables are written down elsewhere, as a cloud's are: nothing was tried there. */
async function keepsTablesItself(storage: Storage, database: string): Promise<boolean> {
  const [row] = await storage.query<{ readonly engine: string }>(
    `SELECT engine FROM system.databases WHERE name = '${database}'`,
  );
  return row?.engine === "Atomic" || row?.engine === "Ordinary";
}

async function isWanted(
  { onlyIf, only }: MigrationStatement,
  { storage, database, cluster }: Target & { readonly storage: Storage },
): Promise<boolean> {
  if (only === (cluster === undefined ? "cluster" : "single-server")) return false;
  if (onlyIf === undefined) return true;
  const [row] = await storage.query<Readonly<Record<string, string | number>>>(
    onlyIf.replaceAll("{database}", database),
  );
  return Object.values(row ?? {}).some((value) => Number(value) !== 0);
}
