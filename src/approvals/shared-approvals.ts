/**
 * Requests for approval and bypasses, over all processors of a fleet: rows of the store that they share, changed by compare
 * and write, and a copy in each processor's own journal. Promise: one act has one open request, and an approval is used once,
 * whichever processors are asked; what was answered to anybody is there after restarts of all, also when the store comes back
 * empty. Without the store nothing is asked, answered or used: an approval that cannot be marked as used is none.
 */
import type { Clock } from "../support/clock.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { type MirrorRow, TableMirror } from "../support/table-mirror.ts";
import type { ApprovalKeeper, ApprovalLine, ApprovalStore } from "./approval-store.ts";
import type { Bypass } from "./bypass.ts";
import type { ApprovalRequest } from "./request.ts";

export interface SharedApprovalsOptions {
  /** This processor's copy. */
  readonly store: ApprovalStore;
  readonly table: SharedTable;
  readonly clock: Clock;
  readonly onDamage: (error: Error) => void;
}

type Row = ApprovalLine & MirrorRow;

export class SharedApprovals implements ApprovalKeeper {
  readonly #store: ApprovalStore;
  readonly #mirror: TableMirror<Row>;
  #onNews: (request: ApprovalRequest) => void = () => {};

  constructor({ store, table, clock, onDamage }: SharedApprovalsOptions) {
    this.#store = store;
    this.#mirror = new TableMirror<Row>({
      table,
      clock,
      onDamage,
      rows: {
        get: (id) => this.#row(id),
        all: () => store.lines().map(rowOf),
        take: (rows, dropped) => store.copy(rows.map(lineOf), dropped),
        ended: () => store.forgettable().map(rowOf),
        slotOf,
      },
      onNews: (rows) => {
        for (const row of rows) if ("request" in row) this.#onNews(row.request);
      },
    });
  }

  /** Rejects when the store is away, and with `AppendLogError` for a copy that can't be trusted. */
  async start(): Promise<void> {
    await this.#store.start();
    await this.#mirror.start();
  }

  async stop(): Promise<void> {
    await this.#mirror.stop();
    await this.#store.stop();
  }

  onNews(listener: (request: ApprovalRequest) => void): void {
    this.#onNews = listener;
  }

  look(): Promise<void> {
    return this.#mirror.look();
  }

  get(id: string): ApprovalRequest | undefined {
    return this.#store.get(id);
  }

  ofAct(act: string): ApprovalRequest | undefined {
    return this.#store.ofAct(act);
  }

  all(): readonly ApprovalRequest[] {
    return this.#store.all();
  }

  bypasses(): readonly Bypass[] {
    return this.#store.bypasses();
  }

  put(next: ApprovalRequest, options: { readonly instead?: ApprovalRequest | undefined } = {}): Promise<boolean> {
    const row = rowOf({ request: next });
    return next.revision === 1
      ? this.#mirror.put(row, { name: next.act, after: options.instead?.id ?? "" })
      : this.#mirror.put(row);
  }

  putBypass(bypass: Bypass): Promise<boolean> {
    return this.#mirror.put(rowOf({ bypass }));
  }

  #row(id: string): Row | undefined {
    const request = this.#store.get(id);
    if (request !== undefined) return rowOf({ request });
    const bypass = this.#store.bypasses().find((each) => each.id === id);
    return bypass === undefined ? undefined : rowOf({ bypass });
  }
}

function rowOf(line: ApprovalLine): Row {
  return "bypass" in line
    ? { id: line.bypass.id, revision: line.bypass.revision ?? 1, bypass: line.bypass }
    : { id: line.request.id, revision: line.request.revision, request: line.request };
}

function lineOf(row: Row): ApprovalLine {
  return "bypass" in row ? { bypass: row.bypass } : { request: row.request };
}

function slotOf(row: Row): string | undefined {
  return "request" in row ? row.request.act : undefined;
}
