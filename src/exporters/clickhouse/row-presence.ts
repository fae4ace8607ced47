/**
 * Which rows of a block ClickHouse has. Its memory of deduplication tokens is a number of inserts; where a token may have fallen
 * out of it, the rows themselves are asked for before they are sent again.
 */
import type { Block } from "../../pipeline/spool/block-format.ts";
import type { Presence } from "../../pipeline/spool/delivery.ts";
import { IDENTITY_BYTES } from "../../pdata/identity.ts";
import type { StoreQuery, TableStorage } from "./dependencies.ts";

export interface PresenceOptions {
  readonly storage: TableStorage;
  readonly table: string;
  /** The named query; it takes `since` (Unix ms), `identities`, hexadecimal, and `limit`. */
  readonly query: StoreQuery;
  /** What else the query takes for these identities. */
  readonly also?: (identities: readonly string[]) => Readonly<Record<string, unknown>>;
}

/** Rows that are asked for at once: the server's form takes them as one parameter. */
const IDENTITIES_A_QUERY = 1_500;
/** Each may be there more than once. */
const FOUND_MAX = 10 * IDENTITIES_A_QUERY;
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
  const { storage, table, query, also } = options;
  const isThere = new Uint8Array(block.rowCount);
  let oldestInsert = Infinity;
  for (let first = 0; first < block.rowCount; first += IDENTITIES_A_QUERY) {
    const rows = identitiesOf(block, first);
    const identities = [...rows.keys()];
    const since = block.createdUnixMs - RECEIVED_BEFORE_MS;
    const parameters = { since, identities, ...also?.(identities), limit: FOUND_MAX };
    for (const { identity, part } of await storage.select<FoundRow>(query, parameters)) {
      const row = rows.get(identity);
      if (row === undefined) continue;
      isThere[row] = 1;
      oldestInsert = Math.min(oldestInsert, firstInsertOf(part));
    }
  }
  const [memory] = await storage.select<InsertMemoryRow>("insert-memory", { table, limit: 1 });
  const sinceThen = Number(memory?.newest ?? Infinity) - oldestInsert;
  return {
    isThere,
    isForgotten: sinceThen >= Number(memory?.window ?? 0) * REMEMBERED_SHARE,
    isCertain: memory?.is_alone === 1,
  };
}

interface InsertMemoryRow {
  readonly newest: string;
  readonly window: string;
  readonly is_alone: number;
}

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

function firstInsertOf(part: string): number {
  return Number(part.split("_")[1] ?? 0);
}
