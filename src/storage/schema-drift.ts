/**
 * Whether the tables are still what the migrations made. After each run of migrations the columns, and what the views select, are
 * written down; at the next start they are compared. Someone else's tables, and columns that were added, are nobody's business here.
 */
import type { Storage } from "./client.ts";

const SNAPSHOT_TABLE = "schema_snapshots";

interface LiveColumn {
  readonly table: string;
  readonly name: string;
  readonly type: string;
}

/** Statements that would make the views again, by view; as that server writes them down, and perhaps no other. */
interface LiveViews {
  readonly server: string;
  readonly statements: Readonly<Record<string, string>>;
}

export interface LiveSchema {
  readonly columns: readonly LiveColumn[];
  /** `undefined` where a version wrote none down. */
  readonly views: LiveViews | undefined;
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

/** Writes down the columns of every table, and the views of the database. */
export async function recordSchema(options: SnapshotOptions): Promise<void> {
  await writeDown(options, await liveSchema(options));
}

/** Compares with what was written down for `version`; a database of a version that wrote nothing has no drift. */
export async function findDrift(options: SnapshotOptions): Promise<readonly SchemaDrift[]> {
  const recorded = await recordedSchema(options);
  if (recorded === undefined) return [];
  const live = await liveSchema(options);
  const drift = compareSchemas(recorded, live);
  // Another version of the server may write the same view differently: from here on it is its word that counts.
  const isComparable = recorded.views?.server === live.views.server;
  if (!isComparable && !drift.some(({ isFatal }) => isFatal))
    await writeDown(options, { ...recorded, views: live.views });
  return drift;
}

/** What of `recorded` is missing or another one in `live`. */
export function compareSchemas(recorded: LiveSchema, live: LiveSchema): readonly SchemaDrift[] {
  return [...compareColumns(recorded.columns, live.columns), ...compareViews(recorded.views, live.views)];
}

function compareColumns(recorded: readonly LiveColumn[], live: readonly LiveColumn[]): readonly SchemaDrift[] {
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

/** A view that is gone has lost its columns. */
function compareViews(recorded: LiveViews | undefined, live: LiveViews | undefined): readonly SchemaDrift[] {
  if (recorded === undefined || live === undefined || recorded.server !== live.server) return [];
  return Object.entries(recorded.statements)
    .filter(([view, statement]) => (live.statements[view] ?? statement) !== statement)
    .map(([view]) => ({ isFatal: false, message: `the view \`${view}\` is not the one that was made` }));
}

async function writeDown({ storage, database, version }: SnapshotOptions, schema: LiveSchema): Promise<void> {
  const table = `${database}.${SNAPSHOT_TABLE}`;
  await storage.command(
    `CREATE TABLE IF NOT EXISTS ${table}
     (version UInt32, columns String, views String, taken_at DateTime64(3, 'UTC') DEFAULT now64(3))
     ENGINE = ReplacingMergeTree(taken_at) ORDER BY version`,
  );
  await storage.command(`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS views String AFTER columns`);
  const [columns, views] = [JSON.stringify(schema.columns), JSON.stringify(schema.views)];
  const row = JSON.stringify({ version, columns, views });
  await storage.command(`INSERT INTO ${table} (version, columns, views) FORMAT JSONEachRow\n${row}`);
}

async function recordedSchema({ storage, database, version }: SnapshotOptions): Promise<LiveSchema | undefined> {
  const known = await storage.query<{ name: string }>(
    "SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}",
    { database, table: SNAPSHOT_TABLE },
  );
  if (known.length === 0) return undefined;
  const views = known.some(({ name }) => name === "views") ? "views" : "'' AS views";
  const [row] = await storage.query<{ columns: string; views: string }>(
    `SELECT columns, ${views} FROM ${database}.${SNAPSHOT_TABLE} WHERE version = {version:UInt32} ORDER BY taken_at DESC LIMIT 1`,
    { version },
  );
  if (row === undefined) return undefined;
  return {
    columns: JSON.parse(row.columns) as readonly LiveColumn[],
    views: row.views === "" ? undefined : (JSON.parse(row.views) as LiveViews),
  };
}

async function liveSchema({ storage, database }: SnapshotOptions): Promise<LiveSchema & { readonly views: LiveViews }> {
  const columns = await storage.query<LiveColumn>(
    `SELECT table, name, type FROM system.columns
     WHERE database = {database:String} AND table NOT LIKE 'schema\\\\_%' AND table NOT LIKE '.inner%'
     ORDER BY table, position`,
    { database },
  );
  const views = await storage.query<{ server: string; name: string; statement: string }>(
    `SELECT version() AS server, name, create_table_query AS statement FROM system.tables
     WHERE database = {database:String} AND engine IN ('View', 'MaterializedView') ORDER BY name`,
    { database },
  );
  const statements = Object.fromEntries(views.map(({ name, statement }) => [name, statement]));
  return { columns, views: { server: views[0]?.server ?? "", statements } };
}
