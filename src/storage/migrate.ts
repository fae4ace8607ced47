/**
 * Brings a database's tables to the version of this build: numbered SQL files, forward only, each recorded with a checksum
 * when all of its statements are done. ClickHouse has no transactions over DDL, so a file that failed half way runs again
 * from its start: each statement must bear that (`IF NOT EXISTS`).
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createStorage, type Storage, type StorageOptions } from "./client.ts";

/** The SQL files are in `src` only: the build copies none, so `dist/storage/` looks there too. */
const MIGRATIONS_DIR = fileURLToPath(new URL("../../src/storage/migrations/", import.meta.url));
const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/;
const DATABASE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const VERSIONS_TABLE = "schema_migrations";

/** One file of the migrations directory. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  /** With `{database}` still in. */
  readonly statements: readonly string[];
}

/** Options of {@link migrate}. */
export interface MigrateOptions extends StorageOptions {
  readonly database: string;
  /** @default the migrations of this package */
  readonly directory?: string;
}

/** Thrown when the database and the files do not belong together; nothing was changed. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code = "storage_migration";
}

/**
 * Creates the database if it is missing and applies what is not applied yet.
 * @returns the names of the migrations applied now, in order
 * @throws MigrationError for a migration that was changed after it was applied, or that this build does not know
 * @throws StorageError from the store
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const { database } = options;
  if (!DATABASE_NAME.test(database)) throw new MigrationError(`not a database name: ${JSON.stringify(database)}`);
  const migrations = await readMigrations(options.directory ?? MIGRATIONS_DIR);
  // Unqualified on purpose: the database may not be there yet.
  const storage = createStorage({ ...options, database: "default" });
  try {
    await storage.command(`CREATE DATABASE IF NOT EXISTS ${database}`);
    await storage.command(
      `CREATE TABLE IF NOT EXISTS ${database}.${VERSIONS_TABLE}
       (version UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
       ENGINE = ReplacingMergeTree(applied_at) ORDER BY version`,
    );
    const pending = pendingMigrations(migrations, await appliedMigrations(storage, database));
    for (const migration of pending) await apply({ storage, database, migration });
    return pending.map(({ name }) => name);
  } finally {
    await storage.close();
  }
}

/** The migrations of `directory` in order. @throws MigrationError for a bad file name or a number used twice */
export async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith(".sql")).toSorted();
  const migrations: Migration[] = [];
  for (const file of files) {
    const [, number, name] = FILE_NAME.exec(file) ?? [];
    if (number === undefined || name === undefined) {
      throw new MigrationError(`\`${file}\` is not named like \`0001-name.sql\``);
    }
    const version = Number(number);
    if (migrations.at(-1)?.version === version) throw new MigrationError(`two migrations have the number ${number}`);
    const text = await readFile(`${directory}/${file}`, "utf8");
    const checksum = createHash("sha256").update(text).digest("hex");
    migrations.push({ version, name: `${number}-${name}`, checksum, statements: splitStatements(text) });
  }
  return migrations;
}

/** Statements end with `;` at the end of a line. Lines of nothing but a comment are left out first. */
export function splitStatements(text: string): readonly string[] {
  return text
    .replaceAll(/^[ \t]*--.*$/gm, "")
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}

type Applied = Pick<Migration, "version" | "name" | "checksum">;

/** What of `migrations` is still to do. @throws MigrationError if what was applied is not what the files say */
export function pendingMigrations(migrations: readonly Migration[], applied: readonly Applied[]): readonly Migration[] {
  const byVersion = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of applied) {
    const migration = byVersion.get(version);
    if (migration === undefined) {
      throw new MigrationError(
        `the database has the migration \`${name}\`, which this version does not know: run the newer version`,
      );
    }
    if (migration.checksum !== checksum) {
      throw new MigrationError(
        `the migration \`${name}\` was changed after it was applied (checksum ${checksum.slice(0, 12)} in the database, ` +
          `${migration.checksum.slice(0, 12)} in the file): restore the file, and put the change into a new migration`,
      );
    }
  }
  const done = new Set(applied.map(({ version }) => version));
  return migrations.filter(({ version }) => !done.has(version));
}

async function appliedMigrations(storage: Storage, database: string): Promise<readonly Applied[]> {
  const rows = await storage.query<{ version: number; name: string; checksum: string }>(
    `SELECT version, name, checksum FROM ${database}.${VERSIONS_TABLE} FINAL ORDER BY version`,
  );
  return rows.map((row) => ({ ...row, version: Number(row.version) }));
}

interface ApplyOptions {
  readonly storage: Storage;
  readonly database: string;
  readonly migration: Migration;
}

async function apply({ storage, database, migration }: ApplyOptions): Promise<void> {
  for (const statement of migration.statements) {
    await storage.command(statement.replaceAll("{database}", database));
  }
  const { version, name, checksum } = migration;
  await storage.command(
    `INSERT INTO ${database}.${VERSIONS_TABLE} (version, name, checksum) VALUES (${version}, '${name}', '${checksum}')`,
  );
}
