/**
 * What sessions have seen, in a journal of the data directory. Promise: what `report` has resolved for survives kill -9, and is
 * there for whoever joins the session afterwards. Where several processors serve one fleet this is each one's copy, and the
 * ledger's store has the rows: without it nothing is taken. Bounded: of `ROWS_MAX` sessions those that have read nothing
 * and were refused nothing go first, then the one that was silent for longest; and all that were silent for `KEEP_MS`; what an agent
 * writes into them may take `BYTES_MAX` in all.
 */
import { SESSION_SETS } from "@tollgate/instrumentation/protocol";
import type { AppendLog } from "../support/append-log.ts";
import type { Clock } from "../support/clock.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { TableMirror } from "../support/table-mirror.ts";
import { type ProcessReport, rowIdOf, type SessionOf, type SessionRow, withSeen } from "./session-row.ts";

const ROWS_MAX = 50_000;
const BYTES_MAX = 64 * 1024 * 1024;
const KEEP_MS = 30 * 86_400_000;
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;
const TRIES_MAX = 16;
/** A row without its lists, what one process counted, an entry of a list without its text. */
const ROW_BYTES = 600;
const COUNTS_BYTES = 150;
const ENTRY_BYTES = 40;
/** How far from the oldest on one is looked for that says nothing. */
const PLAIN_SOUGHT_MAX = 64;

export interface SessionStoreOptions {
  /** The journal, not opened yet. */
  readonly log: Pick<AppendLog, "open" | "append" | "rewrite" | "close" | "bytes">;
  readonly clock: Clock;
  /** What other processors share with this one. @default none */
  readonly table?: SharedTable;
  readonly onDamage: (error: Error) => void;
  /** A session that had read or was refused something is no longer known, for want of room. */
  readonly onForgotten: (row: SessionRow) => void;
  /** @default 50,000 */
  readonly rowsMax?: number;
  /** Of all rows together, about. @default 64 MiB */
  readonly bytesMax?: number;
}

export class SessionStoreError extends Error {
  override readonly name = "SessionStoreError";
}

export class SessionStore {
  readonly #options: SessionStoreOptions;
  readonly #log: SessionStoreOptions["log"];
  readonly #mirror: TableMirror<SessionRow> | undefined;
  /** The one that changed last at the end. */
  readonly #rows = new Map<string, SessionRow>();
  readonly #listeners = new Set<(row: SessionRow) => void>();
  #bytes = 0;
  #compactAt = COMPACT_BYTES_MIN;
  #compacting: Promise<void> | undefined;

  constructor(options: SessionStoreOptions) {
    this.#options = options;
    this.#log = options.log;
    const { table, clock, onDamage } = options;
    const rows = {
      get: (id: string) => this.#rows.get(id),
      all: () => this.#rows.values(),
      take: (taken: readonly SessionRow[], dropped: readonly string[]) => this.#take(taken, dropped),
      ended: () => this.#ended(),
    };
    this.#mirror = table && new TableMirror({ table, rows, clock, onNews: (news) => this.#tell(news), onDamage });
  }

  /** Rejects with `AppendLogError` for a file that can't be trusted, and when the fleet's store is away. */
  async start(): Promise<void> {
    for (const row of (await this.#log.open()) as readonly SessionRow[]) this.#hold(row);
    for (const { id } of this.#ended()) this.#drop(id);
    if (this.#log.bytes > this.#compactAt) await this.#compact();
    await this.#mirror?.start();
  }

  async stop(): Promise<void> {
    await this.#mirror?.stop();
    await this.#compacting;
    await this.#log.close();
  }

  /** Called with each row that has changed, here or elsewhere, before who reported it is answered. */
  onChange(listener: (row: SessionRow) => void): void {
    this.#listeners.add(listener);
  }

  find(of: SessionOf): SessionRow | undefined {
    return this.#rows.get(rowIdOf(of));
  }

  /** Takes what a process has seen of a session; resolves to the session as it is then, once that is kept. Rejects when it can't be. */
  async report(report: ProcessReport): Promise<SessionRow> {
    const id = rowIdOf({ tenant: report.tenant, session: report.seen.session });
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const known = this.#rows.get(id);
      const next = withSeen(known, { ...report, atMs: this.#options.clock.now() });
      if (next === undefined && known !== undefined) {
        // What another processor wrote while this one tried to is here, and nobody was told of it.
        if (attempt > 0) this.#tell([known]);
        return known;
      }
      if (next !== undefined && (await this.#put(next))) {
        this.#tell([next]);
        return next;
      }
    }
    throw new SessionStoreError(`others changed the session ${TRIES_MAX} times meanwhile`);
  }

  async #put(next: SessionRow): Promise<boolean> {
    if (this.#mirror !== undefined) return this.#mirror.put(next);
    this.#hold(next);
    for (const { id } of this.#ended()) this.#drop(id);
    await this.#keep([next]);
    return true;
  }

  #hold(row: SessionRow): void {
    this.#drop(row.id);
    this.#rows.set(row.id, row);
    this.#bytes += sizeOf(row);
  }

  #drop(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#bytes -= sizeOf(row);
  }

  #take(taken: readonly SessionRow[], dropped: readonly string[]): void {
    for (const row of taken) this.#hold(row);
    for (const id of dropped) this.#drop(id);
    // A disk that refuses the copy costs nothing: the fleet has it.
    if (taken.length > 0) this.#keep(taken).catch(() => {});
  }

  async #keep(rows: readonly SessionRow[]): Promise<void> {
    while (this.#compacting !== undefined) await this.#compacting;
    const kept = this.#log.append(...rows);
    if (this.#log.bytes > this.#compactAt) {
      // Nothing else is appended meanwhile: whoever comes waits above.
      this.#compacting = kept
        .then(() => this.#compact())
        .catch(() => {})
        .finally(() => {
          this.#compacting = undefined;
        });
    }
    await kept;
  }

  async #compact(): Promise<void> {
    await this.#log.rewrite([...this.#rows.values()]);
    this.#compactAt = Math.max(COMPACT_BYTES_MIN, 2 * this.#log.bytes);
  }

  /** A few at a time: it is asked after each row that came. */
  #ended(): readonly SessionRow[] {
    const { clock, onForgotten, rowsMax = ROWS_MAX, bytesMax = BYTES_MAX } = this.#options;
    const until = clock.now() - KEEP_MS;
    const ended: SessionRow[] = [];
    for (const row of this.#rows.values()) {
      if (row.atMs > until || ended.length >= PLAIN_SOUGHT_MAX) break;
      ended.push(row);
    }
    const spare = this.#rows.size - ended.length - rowsMax;
    let spareBytes = this.#bytes - bytesMax;
    if (spare <= 0 && spareBytes <= 0) return ended;
    const oldest = [...take(this.#rows.values(), ended.length + Math.max(spare, 0) + PLAIN_SOUGHT_MAX)];
    const sorted = oldest.slice(ended.length).toSorted((one, other) => Number(isPlain(other)) - Number(isPlain(one)));
    for (const [index, row] of sorted.entries()) {
      if (index >= spare && spareBytes <= 0) break;
      spareBytes -= sizeOf(row);
      if (!isPlain(row)) onForgotten(row);
      ended.push(row);
    }
    return ended;
  }

  #tell(rows: readonly SessionRow[]): void {
    for (const row of rows) for (const listener of this.#listeners) listener(row);
  }
}

/** Characters and what is around them, about. */
function sizeOf(row: SessionRow): number {
  let size = ROW_BYTES + row.session.length + Object.keys(row.by).length * COUNTS_BYTES;
  for (const set of SESSION_SETS) for (const entry of row[set]) size += ENTRY_BYTES + entry.length;
  return size;
}

/** Nothing that would hold anybody back. */
function isPlain({ labels, by, gone }: SessionRow): boolean {
  return labels.length === 0 && [gone, ...Object.values(by)].every(([denied]) => denied === 0);
}

function* take<T>(values: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const value of values) {
    if (left <= 0) return;
    left -= 1;
    yield value;
  }
}
