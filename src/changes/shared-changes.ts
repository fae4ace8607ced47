/**
 * Changes of governance over all processors of a fleet. Each keeps its own in its own chained file, which is the proof; here they
 * tell one another, so that people see all of them wherever they ask. Promise: a change is shown everywhere once the store
 * has it, and told to the store until it has; what only the store knows is no proof, and nothing is decided by it.
 */
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { type MirrorRow, TableMirror } from "../support/table-mirror.ts";
import type { Change, ChangeLog, Changes, RecordChange } from "./change-log.ts";

const SHARED_MAX = 2_000;
const KEEP_MS = 30 * 86_400_000;
const RETRY_MS = 1_000;

export interface SharedChangesOptions {
  /** This processor's own, started. */
  readonly log: ChangeLog;
  readonly table: SharedTable;
  readonly clock: Clock;
  readonly onDamage: (error: Error) => void;
}

type Row = MirrorRow & { readonly change: Change };

export class SharedChanges implements Changes {
  readonly #log: ChangeLog;
  readonly #clock: Clock;
  readonly #mirror: TableMirror<Row>;
  readonly #rows = new Map<string, Row>();
  #untold: readonly Row[] = [];
  #telling: Promise<void> | undefined;
  #recent: readonly Change[] | undefined;
  #cancel: CancelTimer = () => {};

  constructor({ log, table, clock, onDamage }: SharedChangesOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#mirror = new TableMirror<Row>({
      table,
      clock,
      onDamage,
      onNews: () => {},
      rows: {
        get: (id) => this.#rows.get(id),
        all: () => this.#rows.values(),
        take: (rows, dropped) => this.#take(rows, dropped),
        ended: () => this.#ended(),
      },
    });
  }

  /** Rejects when the store is away. */
  async start(): Promise<void> {
    const own = this.#log.recent.map(rowOf).filter((row) => !this.#isOld(row));
    for (const row of own.slice(-SHARED_MAX)) this.#rows.set(row.id, row);
    this.#log.onChange((change) => {
      this.#recent = undefined;
      this.#untold = [...this.#untold, rowOf(change)].slice(-SHARED_MAX);
      this.#tell();
    });
    await this.#mirror.start();
    this.#cancel = every(this.#clock, RETRY_MS, () => this.#tell());
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#telling;
    await this.#mirror.stop();
  }

  get recent(): readonly Change[] {
    if (this.#recent === undefined) {
      const all = new Map([...this.#rows.values()].map(({ id, change }) => [id, change]));
      for (const change of this.#log.recent) all.set(change.id, change);
      this.#recent = [...all.values()].sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
    }
    return this.#recent;
  }

  get head(): string {
    return this.#log.head;
  }

  get record(): RecordChange {
    return this.#log.record;
  }

  /** Nobody waits for it: the change is on this processor's disk. */
  #tell(): void {
    if (this.#untold.length === 0) return;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
  }

  async #tellAll(): Promise<void> {
    try {
      for (let row = this.#untold[0]; row !== undefined; row = this.#untold[0]) {
        await this.#mirror.put(row);
        this.#untold = this.#untold.slice(1);
      }
    } catch {
      // The ledger says that the store is away; told in a second.
    }
  }

  #take(rows: readonly Row[], dropped: readonly string[]): void {
    for (const row of rows) this.#rows.set(row.id, row);
    for (const id of dropped) this.#rows.delete(id);
    this.#recent = undefined;
  }

  #ended(): readonly Row[] {
    const all = [...this.#rows.values()].sort((a, b) => a.change.atMs - b.change.atMs);
    return all.filter((row, index) => index < all.length - SHARED_MAX || this.#isOld(row));
  }

  #isOld({ change }: Row): boolean {
    return change.atMs + KEEP_MS <= this.#clock.now();
  }
}

function rowOf(change: Change): Row {
  return { id: change.id, revision: 1, change };
}
