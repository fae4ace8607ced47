/**
 * What one replica knows of the ledger: the state after revision `rev` of the log, and the engine that decides over it. It
 * changes by entries of the log alone; what a replica decides itself it is only ahead with until its entry is appended, and
 * when it is not, the state is read anew.
 */
import { LedgerError } from "../ledger-error.ts";
import { applyEvent } from "../rules/apply.ts";
import { type EngineOptions, LedgerEngine } from "../rules/engine.ts";
import { decodeEvent } from "../rules/events.ts";
import { readSnapshot, snapshotLines } from "../rules/snapshot.ts";
import { LedgerState } from "../rules/state.ts";
import type { WaitElsewhere } from "../rules/waiting.ts";
import type { LedgerLog, LogEntry } from "./ledger-log.ts";

const LOAD_TRIES_MAX = 5;

/** What a reply of the store says of where the log stands. */
interface Standing {
  readonly epoch: string;
  readonly rev: number;
  readonly entries: readonly LogEntry[];
}

/** `more`: there are entries after those. `behind`: entries that are needed are in a snapshot by now. `diverged`: the store lost some. */
export type Taken = "current" | "more" | "behind" | "diverged";

export class Replica {
  readonly engine: LedgerEngine;
  /** Of the store's contents; "" before anything is in it. */
  epoch: string;
  rev: number;
  lastId: string;

  /** Who waits at which other replica, as each said last. */
  readonly #waits = new Map<string, readonly WaitElsewhere[]>();
  readonly #me: string;

  private constructor(
    engine: LedgerEngine,
    at: { readonly epoch: string; readonly rev: number; readonly lastId: string; readonly me: string },
  ) {
    this.engine = engine;
    this.epoch = at.epoch;
    this.rev = at.rev;
    this.lastId = at.lastId;
    this.#me = at.me;
  }

  /** Reads everything from the store. */
  static async load(log: LedgerLog, options: EngineOptions): Promise<Replica> {
    for (let attempt = 0; attempt < LOAD_TRIES_MAX; attempt += 1) {
      let reading = await log.read(0);
      const { epoch, snapshot, snapshotRev } = reading;
      const lines = snapshot === "" ? undefined : await log.readSnapshot(snapshot);
      if (snapshot !== "" && lines === undefined) continue;
      const state = lines === undefined ? new LedgerState() : whole(() => readSnapshot(lines.slice(1)));
      const at = lines === undefined ? { rev: 0, lastId: "" } : { rev: snapshotRev, lastId: lines[0] ?? "" };
      const replica = new Replica(new LedgerEngine(state, options), { epoch, ...at, me: log.me });
      let taken = replica.take(reading);
      while (taken === "more") {
        reading = await log.read(replica.rev);
        taken = replica.take(reading);
      }
      if (taken === "current") return replica;
    }
    throw new LedgerError("ledger_unavailable", "the ledger's log changes faster than it can be read");
  }

  /** Applies the entries that are new. */
  take({ epoch, rev, entries }: Standing): Taken {
    if (this.epoch === "") this.epoch = epoch;
    if (epoch !== this.epoch || rev < this.rev) return "diverged";
    for (const entry of entries) {
      if (entry.rev <= this.rev) continue;
      if (entry.rev !== this.rev + 1) return "behind";
      if (entry.before !== this.lastId) return "diverged";
      whole(() => {
        for (const line of entry.events.split("\n")) if (line !== "") applyEvent(this.engine.state, decodeEvent(line));
      });
      this.#noteWaits(entry);
      this.advance(entry.id);
    }
    if (this.rev === rev) return "current";
    return entries.length === 0 ? "behind" : "more";
  }

  #noteWaits({ id, waits }: LogEntry): void {
    const [who = ""] = id.split(".");
    if (waits === "" || who === this.#me) return;
    this.#waits.set(
      who,
      whole(() => JSON.parse(waits) as readonly WaitElsewhere[]),
    );
    this.engine.elsewhere = [...this.#waits.values()].flat();
  }

  /** The entry that this replica decided is in the log. */
  advance(id: string): void {
    this.rev += 1;
    this.lastId = id;
  }

  snapshot(): readonly string[] {
    return [this.lastId, ...snapshotLines(this.engine.state)];
  }
}

function whole<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LedgerError("ledger_corrupt", `the ledger's log in the store is damaged: ${why}`, { cause: error });
  }
}
