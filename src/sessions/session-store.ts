/** What sessions have seen, there for whoever joins one afterwards: support/growing-store.ts. */
import { SESSION_SETS } from "@tollgate/instrumentation/protocol";
import { type GrowingRules, GrowingStore, type GrowingStoreOptions } from "../support/growing-store.ts";
import { type ProcessReport, rowIdOf, type SessionOf, type SessionRow, withSeen } from "./session-row.ts";

/** A row without its lists, what one process counted, an entry of a list without its text. */
const ROW_BYTES = 600;
const COUNTS_BYTES = 150;
const ENTRY_BYTES = 40;

const RULES: GrowingRules<SessionRow, ProcessReport> = {
  idOf: ({ tenant, seen }) => rowIdOf({ tenant, session: seen.session }),
  grown: withSeen,
  sizeOf,
  // It has read nothing, and was refused nothing.
  isPlain: ({ labels, by, gone }) =>
    labels.length === 0 && [gone, ...Object.values(by)].every(([denied]) => denied === 0),
  keepMs: 30 * 86_400_000,
};

export class SessionStore extends GrowingStore<SessionRow, ProcessReport> {
  constructor(options: GrowingStoreOptions<SessionRow>) {
    super(options, RULES);
  }

  find(of: SessionOf): SessionRow | undefined {
    return this.get(rowIdOf(of));
  }
}

/** Characters and what is around them, about. */
function sizeOf(row: SessionRow): number {
  let size = ROW_BYTES + row.session.length + Object.keys(row.by).length * COUNTS_BYTES;
  for (const set of SESSION_SETS) for (const entry of row[set]) size += ENTRY_BYTES + entry.length;
  return size;
}
