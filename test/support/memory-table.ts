import type { SharedRow, SharedTable, TableChanges, TableMark } from "../../src/support/shared-table.ts";

/** A shared table in memory that behaves as the store's does: it may be away, forget, and be raced for. */
export class MemoryTable implements SharedTable {
  isAway = false;
  /** Runs once before the next write. */
  before: (() => Promise<unknown>) | undefined;
  #epoch = "";
  #epochs = 0;
  #seq = 0;
  readonly #rows = new Map<string, SharedRow & { readonly seq: number }>();
  readonly #slots = new Map<string, string>();
  readonly #listeners = new Set<() => void>();

  get ids(): readonly string[] {
    return [...this.#rows.keys()];
  }

  async changes(since: TableMark): Promise<TableChanges> {
    if (this.isAway) throw new Error("away");
    const isWhole = this.#epoch === "" || since.epoch !== this.#epoch || since.seq > this.#seq;
    const rows = [...this.#rows.values()].filter(({ seq }) => isWhole || seq > since.seq);
    return { mark: { epoch: this.#epoch, seq: this.#seq }, isWhole, rows };
  }

  async write({ after, slot, ...row }: Parameters<SharedTable["write"]>[0]): Promise<boolean> {
    const { before } = this;
    this.before = undefined;
    await before?.();
    if (this.isAway) throw new Error("away");
    if ((this.#rows.get(row.id)?.revision ?? 0) !== after) return false;
    const holder = slot === undefined ? undefined : this.#slots.get(slot.name);
    if (holder !== undefined && holder !== slot?.after && holder !== row.id && this.#rows.has(holder)) return false;
    if (slot !== undefined) this.#slots.set(slot.name, row.id);
    if (this.#epoch === "") this.#epoch = `e${(this.#epochs += 1)}`;
    this.#seq += 1;
    this.#rows.set(row.id, { ...row, seq: this.#seq });
    for (const tell of this.#listeners) tell();
    return true;
  }

  async remove({ id, revision }: Parameters<SharedTable["remove"]>[0]): Promise<void> {
    if (this.isAway) throw new Error("away");
    if (this.#rows.get(id)?.revision === revision) this.#rows.delete(id);
  }

  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Comes back with nothing. */
  forget(): void {
    this.#rows.clear();
    this.#slots.clear();
    this.#epoch = "";
    this.#seq = 0;
  }
}
