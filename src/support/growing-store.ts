/**
 * Rows that only grow, each the union of what was reported of one thing, in a journal of the data directory. Promise: what
 * `report` has resolved for survives kill -9. Where several processors serve one fleet this is each one's copy, and the
 * ledger's store has the rows: without it nothing is taken. Bounded: beyond `ROWS_MAX` rows those that hold nobody back go
 * first, then the one that was silent for longest; and all that were silent for `keepMs`; what is reported may take
 * `BYTES_MAX` in all.
 */
import type { AppendLog } from "./append-log.ts";
import type { Clock } from "./clock.ts";
import type { SharedTable } from "./shared-table.ts";
import { type MirrorRow, TableMirror } from "./table-mirror.ts";

const ROWS_MAX = 50_000;
const BYTES_MAX = 64 * 1024 * 1024;
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;
const TRIES_MAX = 16;
/** Of the bytes: rows go before the last of them is used. */
const NEARLY = 0.98;
/** How far from the oldest on one is looked for that says nothing. */
const PLAIN_SOUGHT_MAX = 64;

export interface GrowingRow extends MirrorRow {
  /** Of its last change. */
  readonly atMs: number;
}

/** What rows of one kind are. */
export interface GrowingRules<Row extends GrowingRow, Report> {
  idOf(report: Report): string;
  /** The row with what is reported; `undefined`: it says that already. */
  grown(row: Row | undefined, report: Report & { readonly atMs: number }): Row | undefined;
  /** In bytes, about. */
  sizeOf(row: Row): number;
  /** Nothing in it would hold anybody back. */
  isPlain(row: Row): boolean;
  readonly keepMs: number;
}

export interface GrowingStoreOptions<Row> {
  /** The journal, not opened yet. */
  readonly log: Pick<AppendLog, "open" | "append" | "rewrite" | "close" | "bytes">;
  readonly clock: Clock;
  /** What other processors share with this one. @default none */
  readonly table?: SharedTable;
  readonly onDamage: (error: Error) => void;
  /** One that is not plain is no longer known, for want of room. */
  readonly onForgotten: (row: Row) => void;
  /** @default 50,000 */
  readonly rowsMax?: number;
  /** Of all rows together, about. @default 64 MiB */
  readonly bytesMax?: number;
}

export class GrowingStoreError extends Error {
  override readonly name = "GrowingStoreError";
}

export class GrowingStore<Row extends GrowingRow, Report extends object> {
  readonly #options: GrowingStoreOptions<Row>;
  readonly #rules: GrowingRules<Row, Report>;
  readonly #log: GrowingStoreOptions<Row>["log"];
  readonly #mirror: TableMirror<Row> | undefined;
  /** The one that changed last at the end. */
  readonly #rows = new Map<string, Row>();
  readonly #listeners = new Set<(row: Row) => void>();
  #bytes = 0;
  #compactAt = COMPACT_BYTES_MIN;
  #compacting: Promise<void> | undefined;

  constructor(options: GrowingStoreOptions<Row>, rules: GrowingRules<Row, Report>) {
    this.#options = options;
    this.#rules = rules;
    this.#log = options.log;
    const { table, clock, onDamage } = options;
    const rows = {
      get: (id: string) => this.#rows.get(id),
      all: () => this.#rows.values(),
      take: (taken: readonly Row[], dropped: readonly string[]) => this.#take(taken, dropped),
      ended: () => this.#ended(),
    };
    this.#mirror = table && new TableMirror({ table, rows, clock, onNews: (news) => this.#tell(news), onDamage });
  }

  /** Rejects with `AppendLogError` for a file that can't be trusted, and when the fleet's store is away. */
  async start(): Promise<void> {
    for (const row of (await this.#log.open()) as readonly Row[]) this.#hold(row);
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
  onChange(listener: (row: Row) => void): void {
    this.#listeners.add(listener);
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** It may have had to forget rows for want of room. */
  get isFull(): boolean {
    const { rowsMax = ROWS_MAX, bytesMax = BYTES_MAX } = this.#options;
    return this.#rows.size >= rowsMax || this.#bytes >= bytesMax * NEARLY;
  }

  /** Takes what is reported; resolves to the row as it is then, once that is kept. Rejects when it can't be. */
  async report(report: Report): Promise<Row> {
    const id = this.#rules.idOf(report);
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const known = this.#rows.get(id);
      const next = this.#rules.grown(known, { ...report, atMs: this.#options.clock.now() });
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
    throw new GrowingStoreError(`others changed the row ${TRIES_MAX} times meanwhile`);
  }

  async #put(next: Row): Promise<boolean> {
    if (this.#mirror !== undefined) return this.#mirror.put(next);
    this.#hold(next);
    for (const { id } of this.#ended()) this.#drop(id);
    await this.#keep([next]);
    return true;
  }

  #hold(row: Row): void {
    this.#drop(row.id);
    this.#rows.set(row.id, row);
    this.#bytes += this.#rules.sizeOf(row);
  }

  #drop(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#bytes -= this.#rules.sizeOf(row);
  }

  #take(taken: readonly Row[], dropped: readonly string[]): void {
    for (const row of taken) this.#hold(row);
    for (const id of dropped) this.#drop(id);
    // A disk that refuses the copy costs nothing: the fleet has it.
    if (taken.length > 0) this.#keep(taken).catch(() => {});
  }

  async #keep(rows: readonly Row[]): Promise<void> {
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
  #ended(): readonly Row[] {
    const { clock, onForgotten, rowsMax = ROWS_MAX, bytesMax = BYTES_MAX } = this.#options;
    const until = clock.now() - this.#rules.keepMs;
    const ended: Row[] = [];
    for (const row of this.#rows.values()) {
      if (row.atMs > until || ended.length >= PLAIN_SOUGHT_MAX) break;
      ended.push(row);
    }
    const spare = this.#rows.size - ended.length - rowsMax;
    let spareBytes = this.#bytes - bytesMax;
    if (spare <= 0 && spareBytes <= 0) return ended;
    const oldest = [...take(this.#rows.values(), ended.length + Math.max(spare, 0) + PLAIN_SOUGHT_MAX)];
    const sorted = oldest
      .slice(ended.length)
      .toSorted((one, other) => Number(this.#rules.isPlain(other)) - Number(this.#rules.isPlain(one)));
    for (const [index, row] of sorted.entries()) {
      if (index >= spare && spareBytes <= 0) break;
      spareBytes -= this.#rules.sizeOf(row);
      if (!this.#rules.isPlain(row)) onForgotten(row);
      ended.push(row);
    }
    return ended;
  }

  #tell(rows: readonly Row[]): void {
    for (const row of rows) for (const listener of this.#listeners) listener(row);
  }
}

function* take<T>(values: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const value of values) {
    if (left <= 0) return;
    left -= 1;
    yield value;
  }
}
