/**
 * A processor's copy of a shared table. Promises: what `put` has answered true for is in the store and here; what others wrote
 * is here within a second; a store that came back with less than it had gets back what the copies hold. Rows that the store
 * has dropped while this processor was away are dropped here, not put back: `mark` tells the two apart.
 */
import { type CancelTimer, type Clock, every } from "./clock.ts";
import { NO_MARK, type SharedRow, type SharedTable, type TableMark, type TableSlot } from "./shared-table.ts";

/** Who missed a word of a change looks for it this often. */
const LOOK_MS = 1_000;

export interface MirrorRow {
  readonly id: string;
  readonly revision: number;
}

/** What holds the rows here. */
export interface MirrorRows<T extends MirrorRow> {
  get(id: string): T | undefined;
  all(): Iterable<T>;
  /** Takes rows as the store has them, and forgets others. */
  take(rows: readonly T[], dropped: readonly string[], mark: TableMark): void;
  /** Those that nobody needs any more: they go from the store too. */
  ended(): readonly T[];
  /** Of rows that compete for one place. */
  slotOf?(row: T): string | undefined;
}

export interface TableMirrorOptions<T extends MirrorRow> {
  readonly table: SharedTable;
  readonly rows: MirrorRows<T>;
  readonly clock: Clock;
  /** How far the rows here were read, before this start. @default never */
  readonly mark?: TableMark;
  /** Others wrote these. */
  readonly onNews: (rows: readonly T[]) => void;
  /** A row in the store is not what any processor wrote: it is left alone. */
  readonly onDamage: (error: Error) => void;
}

export class TableMirror<T extends MirrorRow> {
  readonly #options: TableMirrorOptions<T>;
  /** How far the store was read since the start. */
  #mark = NO_MARK;
  #looking: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #isDamaged = false;
  /** What is being written from here: the text by row and revision, as another may be faster with the same revision. */
  readonly #writing = new Map<string, string>();
  #cancel: CancelTimer = () => {};
  #unsubscribe: () => void = () => {};

  constructor(options: TableMirrorOptions<T>) {
    this.#options = options;
  }

  /** Rejects when the store is away. */
  async start(): Promise<void> {
    const { table, clock } = this.#options;
    await this.look();
    const lookQuietly = (): void => {
      // The ledger says that the store is away.
      this.look().catch(() => {});
    };
    this.#unsubscribe = table.onNews(lookQuietly);
    this.#cancel = every(clock, LOOK_MS, () => {
      this.#removeEnded().then(lookQuietly, () => {});
    });
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#unsubscribe();
    await (this.#next ?? this.#looking)?.catch(() => {});
  }

  /** Reads what others wrote, all of it that was written before the call. Rejects when the store is away. */
  look(): Promise<void> {
    if (this.#looking === undefined) {
      this.#looking = this.#read().finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    }
    // The one that runs may have asked before: all who come meanwhile share the next.
    this.#next ??= this.#looking
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.look();
      });
    return this.#next;
  }

  /** Compare and write: false, with what others wrote read, when the row is no longer as `next` was made from. */
  async put(next: T, slot?: TableSlot): Promise<boolean> {
    const { table, rows } = this.#options;
    const row = { id: next.id, revision: next.revision, text: JSON.stringify(next), after: next.revision - 1 };
    // Read back before the store's answer is here, it is no news.
    const key = keyOf(next);
    this.#writing.set(key, row.text);
    try {
      if (!(await table.write(slot === undefined ? row : { ...row, slot }))) {
        this.#writing.delete(key);
        await this.look();
        return false;
      }
    } finally {
      this.#writing.delete(key);
    }
    const held = rows.get(next.id)?.revision ?? 0;
    if (held < next.revision) rows.take([next], [], this.#mark);
    return true;
  }

  async #read(): Promise<void> {
    const { table, rows, onNews, mark: before = NO_MARK } = this.#options;
    const { mark, isWhole, rows: found } = await table.changes(this.#mark);
    const news = this.#parsed(found).filter((row) => (rows.get(row.id)?.revision ?? 0) < row.revision);
    const last = this.#mark === NO_MARK ? before : this.#mark;
    const dropped: string[] = [];
    if (isWhole) {
      const hasForgotten = mark.epoch === "" || mark.epoch !== last.epoch || mark.seq < last.seq;
      const there = new Map(found.map(({ id, revision }) => [id, revision]));
      for (const row of rows.all()) {
        const revision = there.get(row.id) ?? 0;
        if (revision >= row.revision) continue;
        if (hasForgotten || revision > 0) await this.#putBack(row, revision);
        else dropped.push(row.id);
      }
    }
    this.#mark = mark;
    if (news.length === 0 && dropped.length === 0) return;
    rows.take(news, dropped, mark);
    const ofOthers = news.filter((row) => this.#writing.get(keyOf(row)) !== JSON.stringify(row));
    if (ofOthers.length > 0) onNews(ofOthers);
  }

  async #putBack(row: T, after: number): Promise<void> {
    const { table, rows } = this.#options;
    const name = rows.slotOf?.(row);
    const kept = { id: row.id, revision: row.revision, text: JSON.stringify(row), after };
    // False: another processor that holds it was faster.
    await table.write(name === undefined ? kept : { ...kept, slot: { name, after: "" } });
  }

  async #removeEnded(): Promise<void> {
    const { table, rows } = this.#options;
    for (const row of rows.ended()) {
      const slot = rows.slotOf?.(row);
      await table.remove({ id: row.id, revision: row.revision, ...(slot === undefined ? {} : { slot }) });
      rows.take([], [row.id], this.#mark);
    }
  }

  #parsed(found: readonly SharedRow[]): readonly T[] {
    return found.flatMap(({ id, text }) => {
      try {
        return [JSON.parse(text) as T];
      } catch (error) {
        if (!this.#isDamaged) this.#options.onDamage(new Error(`\`${id}\` is damaged`, { cause: error }));
        this.#isDamaged = true;
        return [];
      }
    });
  }
}

function keyOf({ id, revision }: MirrorRow): string {
  return `${id} ${revision}`;
}
