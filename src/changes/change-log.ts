/**
 * Who changed what governs the fleet: documents that were put in force, raises, kills, approvals, credentials. Promise: a
 * change that `record` has resolved for is on disk, in a file whose lines are chained by digest; it survives kill -9. What a
 * change says of secrets is only that they are there: nothing that opens anything is ever recorded.
 */
import { randomBytes } from "node:crypto";
import { AppendLog } from "../support/append-log.ts";
import type { Clock } from "../support/clock.ts";

export interface NewChange {
  /** By authentication, or the part of the processor that acted by itself: `budget checkout`, `files`. */
  readonly author: string;
  /** What was done: `kill`, `credential.revoke`, `governance.apply`. */
  readonly action: string;
  /** To what. */
  readonly subject: string;
  /** Whose agents it concerns, where it concerns one tenant only. */
  readonly tenant?: string | undefined;
  /** What was in force, and is now; absent where there was, or is, nothing. Plain JSON. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Change extends NewChange {
  readonly id: string;
  /** Position in this processor's log, from 1. */
  readonly seq: number;
  readonly atMs: number;
}

export type RecordChange = (change: NewChange) => Promise<void>;

/** What people see of changes: of this processor, or of all that serve the fleet (shared-changes.ts). */
export interface Changes {
  /** Rejects when the disk refuses. */
  readonly record: RecordChange;
  /** Newest last. */
  readonly recent: readonly Change[];
  /** The digest that all changes of this processor so far go into. */
  readonly head: string;
}

/** Kept in memory for those who ask; the file has all. */
const RECENT_MAX = 10_000;

export class ChangeLog implements Changes {
  readonly #log: AppendLog;
  readonly #clock: Clock;
  #recent: Change[] = [];
  #seq = 0;
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(options: { readonly file: string; readonly clock: Clock }) {
    this.#log = new AppendLog(options.file);
    this.#clock = options.clock;
  }

  async start(): Promise<void> {
    const all = (await this.#log.open()) as readonly Change[];
    this.#recent = all.slice(-RECENT_MAX);
    this.#seq = all.at(-1)?.seq ?? 0;
  }

  async stop(): Promise<void> {
    await this.#log.close();
  }

  /** Newest last. */
  get recent(): readonly Change[] {
    return this.#recent;
  }

  /** The digest that all changes so far go into. */
  get head(): string {
    return this.#log.head;
  }

  /** Called with every change once it is on disk. */
  onChange(listener: (change: Change) => void): void {
    this.#listeners.add(listener);
  }

  /** Rejects when the disk refuses. */
  readonly record: RecordChange = async (change) => {
    this.#seq += 1;
    const id = `chg_${randomBytes(8).toString("hex")}`;
    const recorded: Change = { id, seq: this.#seq, atMs: this.#clock.now(), ...change };
    await this.#log.append(recorded);
    this.#recent.push(recorded);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
    for (const listener of this.#listeners) listener(recorded);
  };
}
