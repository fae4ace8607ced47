/**
 * The files of migrations: `NNNN-name.sql`, statements that end with `;` at the end of a line. Above a statement, comment
 * lines may say when it is to run:
 *
 *     -- only if: SELECT …          its single value must not be 0; decides at the time of running
 *     -- single server only         left out in a cluster
 *     -- in a cluster only          left out elsewhere
 *     -- in a cluster: as NAME      the table that a CREATE makes under another name there
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The SQL files are in `src` only: the build copies none, so `dist/storage/` looks there too. */
export const MIGRATIONS_DIR = fileURLToPath(new URL("../../src/storage/migrations/", import.meta.url));
const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/;

/** One statement, with `{database}` still in. */
export interface MigrationStatement {
  readonly sql: string;
  /** A query for one number; the statement is left out when it is 0. */
  readonly onlyIf?: string;
  /** @default both */
  readonly only?: "single-server" | "cluster";
  /** In a cluster the table that it creates has this name. */
  readonly nameInCluster?: string;
}

/** One file of the migrations directory. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly statements: readonly MigrationStatement[];
}

/** Thrown when the database and the files do not belong together; nothing was changed. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly code = "storage_migration";
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

/** Statements end with `;` at the end of a line. Lines of nothing but a comment are left out, directives read from them. */
export function splitStatements(text: string): readonly MigrationStatement[] {
  const statements: MigrationStatement[] = [];
  let comments: string[] = [];
  let lines: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*--/.test(line)) {
      comments.push(line.trim());
      continue;
    }
    lines.push(line);
    if (!/;[ \t]*$/.test(line)) continue;
    push(statements, lines, comments);
    lines = [];
    comments = [];
  }
  push(statements, lines, comments);
  return statements;
}

function push(statements: MigrationStatement[], lines: readonly string[], comments: readonly string[]): void {
  const sql = lines.join("\n").trim().replace(/;\s*$/, "").trim();
  if (sql === "") return;
  const onlyIf = directive(comments, /^-- only if: (.+)$/);
  const nameInCluster = directive(comments, /^-- in a cluster: as (\w+)$/);
  statements.push({
    sql,
    ...(comments.includes("-- single server only") ? { only: "single-server" } : {}),
    ...(comments.includes("-- in a cluster only") ? { only: "cluster" } : {}),
    ...(onlyIf === undefined ? {} : { onlyIf }),
    ...(nameInCluster === undefined ? {} : { nameInCluster }),
  });
}

function directive(comments: readonly string[], pattern: RegExp): string | undefined {
  for (const comment of comments) {
    const value = pattern.exec(comment)?.[1];
    if (value !== undefined) return value;
  }
  return undefined;
}

export type AppliedMigration = Pick<Migration, "version" | "name" | "checksum">;

/** What of `migrations` is still to do. @throws MigrationError if what was applied is not what the files say */
export function pendingMigrations(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
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
