/**
 * Which rows of a block ClickHouse has. Its memory of deduplication tokens is a number of inserts; where a token may have fallen
 * out of it, the rows themselves are asked for before they are sent again.
 */
import type { Block } from "../../pipeline/spool/block-format.ts";
import type { Presence } from "../../pipeline/spool/delivery.ts";
import { IDENTITY_BYTES } from "../../pipeline/spool/identity.ts";
import type { TableStorage } from "./dependencies.ts";

export interface PresenceOptions {
  readonly storage: TableStorage;
  readonly table: string;
  /** The column or columns of an identity, in SQL, with their hexadecimal digits in a row, and how many each has. */
  readonly columns: readonly { readonly name: string; readonly digits: number }[];
}

/** A query's text holds so many identities; ClickHouse takes 256 KiB of it. */
const IDENTITIES_A_QUERY = 1_500;
/** Rows of a block were received before it was written, at most so long before. */
const RECEIVED_BEFORE_MS = 3_600_000;
/** Of the inserts that the table remembers, such a part is counted on. */
const REMEMBERED_SHARE = 0.9;

interface FoundRow {
  readonly identity: string;
  /** `<partition>_<first insert>_<last insert>_<level>`. */
  readonly part: string;
}

export async function rowPresence(options: PresenceOptions, block: Block): Promise<Presence> {
  const { storage, table } = options;
  const isThere = new Uint8Array(block.rowCount);
  let oldestInsert = Infinity;
  for (let first = 0; first < block.rowCount; first += IDENTITIES_A_QUERY) {
    const rows = identitiesOf(block, first);
    const query = queryOf(options, { identities: [...rows.keys()], createdUnixMs: block.createdUnixMs });
    for (const { identity, part } of await storage.query<FoundRow>(query, {})) {
      const row = rows.get(identity);
      if (row === undefined) continue;
      isThere[row] = 1;
      oldestInsert = Math.min(oldestInsert, firstInsertOf(part));
    }
  }
  if (oldestInsert === Infinity) return { isThere, isForgotten: false };
  const [memory] = await storage.query<{ readonly newest: string; readonly window: string }>(MEMORY_QUERY, { table });
  const sinceThen = Number(memory?.newest ?? Infinity) - oldestInsert;
  return { isThere, isForgotten: sinceThen >= Number(memory?.window ?? 0) * REMEMBERED_SHARE };
}

/** Each insert and partition has a number. */
const MEMORY_QUERY = `
SELECT
    max(max_block_number) AS newest,
    (
        SELECT extract(engine_full, 'deduplication_window = (\\\\d+)')
        FROM system.tables
        WHERE database = currentDatabase() AND name = {table:String}
    ) AS window
FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active`;

/** Hexadecimal identities to their row. */
function identitiesOf(block: Block, first: number): ReadonlyMap<string, number> {
  const { buffer, byteOffset, byteLength } = block.identities;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const count = Math.min(IDENTITIES_A_QUERY, block.rowCount - first);
  return new Map(
    Array.from({ length: count }, (_, index) => {
      const row = first + index;
      return [bytes.toString("hex", row * IDENTITY_BYTES, (row + 1) * IDENTITY_BYTES), row];
    }),
  );
}

/** The identities are hexadecimal digits of our own making: nothing of a sender's gets into the text. */
function queryOf(
  { table, columns }: PresenceOptions,
  { identities, createdUnixMs }: { readonly identities: readonly string[]; readonly createdUnixMs: number },
): string {
  const names = columns.map((column) => column.name).join(", ");
  const tuples = identities.map((identity) => {
    let at = 0;
    return `(${columns.map(({ digits }) => `'${identity.slice(at, (at += digits))}'`).join(",")})`;
  });
  return `
SELECT concat(${names}${columns.length === 1 ? ", ''" : ""}) AS identity, _part AS part
FROM ${table}
WHERE received_at >= fromUnixTimestamp64Milli(${createdUnixMs - RECEIVED_BEFORE_MS}, 'UTC')
    AND (${names}) IN (${tuples.join(",")})`;
}

function firstInsertOf(part: string): number {
  return Number(part.split("_")[1] ?? 0);
}
