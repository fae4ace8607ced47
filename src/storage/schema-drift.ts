/**
 * Whether the tables are still what the migrations made. After each run of migrations the columns are written down; at the
 * next start they are compared. Someone else's tables, and columns that were added, are nobody's business here.
 */
import type { Storage } from "./client.ts";

const SNAPSHOT_TABLE = "schema_snapshots";

interface LiveColumn {
  readonly table: string;
  readonly name: string;
  readonly type: string;
}

/** What is not as the migrations left it. `isFatal`: inserts or reads of this build would fail. */
export interface SchemaDrift {
  readonly isFatal: boolean;
  readonly message: string;
}

export interface SnapshotOptions {
  readonly storage: Storage;
  readonly database: string;
  /** Of the newest migration that was applied. */
  readonly version: number;
}

/** Writes down the columns of every table and view of the database. */
export async function recordSchema({ storage, database, version }: SnapshotOptions): Promise<void> {
  await storage.command(
    `CREATE TABLE IF NOT EXISTS ${database}.${SNAPSHOT_TABLE}
     (version UInt32, columns String, taken_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree(taken_at) ORDER BY version`,
  );
  const columns = await liveColumns(storage, database);
  const row = JSON.stringify({ version, columns: JSON.stringify(columns) });
  await storage.command(`INSERT INTO ${database}.${SNAPSHOT_TABLE} (version, columns) FORMAT JSONEachRow\n${row}`);
}

/** Compares with what was written down for `version`; a database of a version that wrote nothing has no drift. */
export async function findDrift({ storage, database, version }: SnapshotOptions): Promise<readonly SchemaDrift[]> {
  const [exists] = await storage.query(
    "SELECT 1 FROM system.tables WHERE database = {database:String} AND name = {table:String}",
    { database, table: SNAPSHOT_TABLE },
  );
  if (exists === undefined) return [];
  const [row] = await storage.query<{ columns: string }>(
    `SELECT columns FROM ${database}.${SNAPSHOT_TABLE} WHERE version = {version:UInt32} ORDER BY taken_at DESC LIMIT 1`,
    { version },
  );
  if (row === undefined) return [];
  return compareSchemas(JSON.parse(row.columns) as readonly LiveColumn[], await liveColumns(storage, database));
}

/** What of `recorded` is missing or of another type in `live`. */
export function compareSchemas(recorded: readonly LiveColumn[], live: readonly LiveColumn[]): readonly SchemaDrift[] {
  const tables = new Set(live.map(({ table }) => table));
  const types = new Map(live.map(({ table, name, type }) => [`${table}.${name}`, type]));
  const drift: SchemaDrift[] = [];
  for (const table of new Set(recorded.map((column) => column.table))) {
    if (!tables.has(table)) drift.push({ isFatal: true, message: `the table \`${table}\` is gone` });
  }
  for (const { table, name, type } of recorded) {
    if (!tables.has(table)) continue;
    const now = types.get(`${table}.${name}`);
    if (now === undefined) drift.push({ isFatal: true, message: `\`${table}\` has lost its column \`${name}\`` });
    else if (now !== type) {
      drift.push({ isFatal: false, message: `\`${table}.${name}\` is ${now}, and was made as ${type}` });
    }
  }
  return drift;
}

async function liveColumns(storage: Storage, database: string): Promise<readonly LiveColumn[]> {
  return storage.query<LiveColumn>(
    `SELECT table, name, type FROM system.columns
     WHERE database = {database:String} AND table NOT LIKE 'schema\\\\_%' AND table NOT LIKE '.inner%'
     ORDER BY table, position`,
    { database },
  );
}
