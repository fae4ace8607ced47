/**
 * The engine's memory of inserts, put right before it is opened. MergeTree writes down that it has the part of a token, and only
 * then gives the part its name (26.7, seen with strace). Killed in between, it would take the same insert for one that it has, and
 * the rows would be nowhere: a record without its part is therefore withdrawn, in the log's own way.
 */
import { appendFileSync, type Dirent, readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";

const LOGS = "deduplication_logs";
const LOG_NAME = /^deduplication_log_(\d+)\.txt$/;
/** `<partition>_<first insert>_<last insert>_<level>[_<mutation>]` */
const PART_NAME = /^([^_]+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;
const ADDED = "1";
const WITHDRAWN = "2";

/** What one table's memory holds of an insert. */
interface RememberedInsert {
  readonly part: string;
  readonly block: string;
}

/** A table that remembers inserts: its directory, and its logs, the oldest first. */
interface RememberingTable {
  readonly path: string;
  readonly logs: readonly [string, ...string[]];
}

/**
 * Withdraws the inserts of all tables that are remembered and not there. Only while no engine holds the directory.
 * @param dataPath the engine's own directory
 * @throws what the file system throws
 */
export function withdrawPhantomInserts(dataPath: string): void {
  for (const table of rememberingTables(dataPath)) {
    const newest = table.logs.at(-1) ?? table.logs[0];
    cutTornRecord(newest);
    const phantoms = phantomsOf(table);
    if (phantoms.length === 0) continue;
    appendFileSync(newest, phantoms.map(({ part, block }) => `${WITHDRAWN}\t${part}\t${block}\n`).join(""));
  }
}

/**
 * Such inserts while an engine runs, which may be about to name the part of one. Each by a text that is the same the next time.
 * @throws what the file system throws
 */
export function listPhantomInserts(dataPath: string): readonly string[] {
  return rememberingTables(dataPath).flatMap((table) =>
    phantomsOf(table).map(({ part, block }) => `${table.path} ${part} ${block}`),
  );
}

function phantomsOf({ path, logs }: RememberingTable): readonly RememberedInsert[] {
  // The logs first: what is written down in between has its part by the time that the directory is read.
  const texts = logs.map(textOf);
  return phantomInserts(texts, directoriesIn(path));
}

/** An engine that runs removes logs that it has no more use for, and tables that were dropped: what is gone says nothing. */
function textOf(log: string): string {
  try {
    return readFileSync(log, "utf8");
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

/**
 * Inserts that are remembered, and whose part neither is there nor has become part of another.
 * @param logs texts of the table's logs, the oldest first
 * @param names of the directories of its parts; others are ignored
 */
export function phantomInserts(logs: readonly string[], names: readonly string[]): readonly RememberedInsert[] {
  const remembered = new Map<string, string>();
  for (const line of logs.flatMap((text) => text.split("\n"))) {
    const [operation, part, block] = line.split("\t");
    if (part === undefined || block === undefined) continue;
    if (operation === ADDED) remembered.set(block, part);
    if (operation === WITHDRAWN) remembered.delete(block);
  }
  const parts = partsByPartition(names);
  return [...remembered]
    .filter(([, part]) => !isThere(part, parts))
    .map(([block, part]) => ({ part, block }))
    .toSorted((one, other) => (one.part < other.part ? -1 : 1));
}

/** First and last insert of a part. */
type InsertRange = readonly [first: number, last: number];

function partsByPartition(names: readonly string[]): ReadonlyMap<string, readonly InsertRange[]> {
  const parts = new Map<string, InsertRange[]>();
  for (const name of names) {
    const [, partition, first, last] = PART_NAME.exec(name) ?? [];
    if (partition === undefined) continue;
    const ranges = parts.get(partition) ?? [];
    ranges.push([Number(first), Number(last)]);
    parts.set(partition, ranges);
  }
  return parts;
}

/** A name that is not understood is left alone. */
function isThere(part: string, parts: ReadonlyMap<string, readonly InsertRange[]>): boolean {
  const [, partition, first, last] = PART_NAME.exec(part) ?? [];
  if (partition === undefined) return true;
  const ranges = parts.get(partition) ?? [];
  return ranges.some(([from, to]) => from <= Number(first) && Number(last) <= to);
}

/** The engine stops reading a log at a record that is not whole, and would go on writing behind it. */
function cutTornRecord(path: string): void {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf("\n") + 1;
  if (end < bytes.length) truncateSync(path, end);
}

function rememberingTables(dataPath: string): readonly RememberingTable[] {
  const store = join(dataPath, "store");
  return directoriesIn(store)
    .flatMap((prefix) => directoriesIn(join(store, prefix)).map((table) => join(store, prefix, table)))
    .flatMap((path) => {
      const [first, ...others] = logsOf(join(path, LOGS));
      return first === undefined ? [] : [{ path, logs: [first, ...others] as const }];
    });
}

function logsOf(directory: string): readonly string[] {
  const numberOf = (name: string): number => Number(LOG_NAME.exec(name)?.[1]);
  return namesIn(directory)
    .filter((entry) => LOG_NAME.test(entry.name))
    .map(({ name }) => name)
    .toSorted((one, other) => numberOf(one) - numberOf(other))
    .map((name) => join(directory, name));
}

function directoriesIn(path: string): readonly string[] {
  return namesIn(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

/** None where the directory is not there: an engine that was never started, a table that remembers nothing. */
function namesIn(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
