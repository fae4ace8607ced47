/**
 * Rows that all processors of a fleet share, kept by the store that they share: each row is a small text under an id, changed
 * by compare and write. What is written is as durable as the store.
 */
export interface SharedTable {
  /**
   * Rows that were written after `since`. `isWhole`: all rows there are, because the table is another one than that of
   * `since`, or has forgotten what it had. Rejects when the store is away.
   */
  changes(since: TableMark): Promise<TableChanges>;
  /** Puts a row in its place if `after` (0: none) is still its revision. False when another was faster. Rejects when the store is away: then it is not known. */
  write(row: SharedRow & { readonly after: number; readonly slot?: TableSlot }): Promise<boolean>;
  /** Forgets a row, if it is still as it was at that revision. Rejects when the store is away. */
  remove(row: Pick<SharedRow, "id" | "revision"> & { readonly slot?: string }): Promise<void>;
  /** Called when another processor may have written. Words may be lost. Returns the unsubscribe function. */
  onNews(listener: () => void): () => void;
}

export interface SharedRow {
  readonly id: string;
  /** From 1. */
  readonly revision: number;
  readonly text: string;
}

/** How far a table was read. */
export interface TableMark {
  /** Of this table; another one when the store came back empty. "": none was read. */
  readonly epoch: string;
  readonly seq: number;
}

export interface TableChanges {
  readonly mark: TableMark;
  readonly isWhole: boolean;
  readonly rows: readonly SharedRow[];
}

/** Of the rows that want one slot only the newest has it: a write fails when another took it after `after`. */
export interface TableSlot {
  readonly name: string;
  /** Id of the row that has it, as far as the writer knows; "": none. */
  readonly after: string;
}

export const NO_MARK: TableMark = { epoch: "", seq: 0 };
