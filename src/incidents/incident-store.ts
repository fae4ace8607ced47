/**
 * Incidents, in a journal of the data directory. Promise: what `put` has resolved for survives kill -9; of two changes to one
 * state of an incident only one is taken. Closed ones are kept, the latest `CLOSED_MAX` of them. Where several processors
 * serve one fleet this is each one's copy, and the ledger's store has the rows.
 */
import { AppendLog } from "../support/append-log.ts";
import type { Clock } from "../support/clock.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { TableMirror } from "../support/table-mirror.ts";
import type { Incident } from "./incident.ts";

const CLOSED_MAX = 2_000;
const COMPACT_BYTES_MIN = 16 * 1024 * 1024;

export interface IncidentStoreOptions {
  readonly file: string;
  readonly clock: Clock;
  /** What other processors share with this one. @default none */
  readonly table?: SharedTable;
  readonly onDamage: (error: Error) => void;
}

export class IncidentStore {
  readonly #log: AppendLog;
  readonly #mirror: TableMirror<Incident> | undefined;
  /** In the order of their opening. */
  readonly #incidents = new Map<string, Incident>();
  readonly #listeners = new Set<() => void>();

  constructor({ file, clock, table, onDamage }: IncidentStoreOptions) {
    this.#log = new AppendLog(file);
    const rows = {
      get: (id: string) => this.#incidents.get(id),
      all: () => this.#incidents.values(),
      take: (taken: readonly Incident[], dropped: readonly string[]) => this.#take(taken, dropped),
      ended: () => this.#ended(),
    };
    this.#mirror = table && new TableMirror({ table, rows, clock, onNews: () => this.#tell(), onDamage });
  }

  /** Rejects with `AppendLogError` for a file that can't be trusted, and when the fleet's store is away. */
  async start(): Promise<void> {
    for (const incident of (await this.#log.open()) as readonly Incident[]) this.#incidents.set(incident.id, incident);
    for (const { id } of this.#ended()) this.#incidents.delete(id);
    if (this.#log.bytes > COMPACT_BYTES_MIN) await this.#log.rewrite(this.all());
    await this.#mirror?.start();
  }

  async stop(): Promise<void> {
    await this.#mirror?.stop();
    await this.#log.close();
  }

  /** Reads what other processors did. Rejects when they cannot be asked. */
  async look(): Promise<void> {
    await this.#mirror?.look();
  }

  /** Called after each change, here or elsewhere. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  get(id: string): Incident | undefined {
    return this.#incidents.get(id);
  }

  /** Oldest first. */
  all(): readonly Incident[] {
    return [...this.#incidents.values()];
  }

  /** Resolves once it is kept; false when the incident is no longer as `next` was made from. */
  async put(next: Incident): Promise<boolean> {
    if (this.#mirror === undefined) {
      if (next.revision !== (this.#incidents.get(next.id)?.revision ?? 0) + 1) return false;
      this.#incidents.set(next.id, next);
      await this.#log.append(next);
    } else if (!(await this.#mirror.put(next))) {
      return false;
    }
    this.#tell();
    return true;
  }

  #take(taken: readonly Incident[], dropped: readonly string[]): void {
    for (const incident of taken) this.#incidents.set(incident.id, incident);
    for (const id of dropped) this.#incidents.delete(id);
    // A disk that refuses the copy costs nothing: the fleet has it.
    if (taken.length > 0) this.#log.append(...taken).catch(() => {});
  }

  #ended(): readonly Incident[] {
    const closed = this.all().filter(({ state }) => state === "closed");
    return closed.slice(0, Math.max(0, closed.length - CLOSED_MAX));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
