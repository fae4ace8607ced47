/**
 * The ledger's log in the store: entries of events under revisions 1, 2, 3 …, each with its own id and the id of the one
 * before it, so that a store which lost its last entries is found out. An entry is taken only by a replica that knows all
 * entries before it (compare and append); turns just keep two replicas from deciding at the same time in vain.
 */
import { randomBytes } from "node:crypto";
import { LedgerError } from "../ledger-error.ts";
import type { StoreConnection } from "./store-link.ts";

/** How long a replica that has the turn may keep it; a replica that dies with it holds the others up no longer. */
export const TURN_MS = 1_000;
const ENTRIES_MAX = 500;
const CHUNK_LINES = 2_000;
const SNAPSHOT_TTL_S = 3_600;

export interface LogEntry {
  readonly rev: number;
  readonly id: string;
  readonly before: string;
  /** One event a line; may be none. */
  readonly events: string;
  /** Who waits at the replica that wrote it, as JSON; "": as it said before. */
  readonly waits: string;
}

/** What every reply tells. `gapMs`: time in which no replica spoke to the store, not made good yet. */
interface Told {
  readonly nowMs: number;
  readonly gapMs: number;
}

interface Place {
  readonly epoch: string;
  readonly rev: number;
}

export interface Entered extends Told, Place {
  readonly hasTurn: boolean;
  readonly snapshotRev: number;
  /** Without the turn: how long the one who has it may keep it. */
  readonly restMs: number;
  readonly entries: readonly LogEntry[];
}

export interface Appended extends Told {
  readonly isAppended: boolean;
  readonly keepsTurn: boolean;
  readonly bytesSinceSnapshot: number;
  readonly bytes: number;
}

export interface LogReading extends Told, Place {
  readonly snapshotRev: number;
  /** Its key; "" for none. */
  readonly snapshot: string;
  readonly entries: readonly LogEntry[];
}

export class LedgerLog {
  /** This replica's name; no two have the same. */
  readonly me: string;
  readonly #link: StoreConnection;

  constructor(link: StoreConnection, me = randomBytes(6).toString("hex")) {
    this.#link = link;
    this.me = me;
  }

  /** Asks for the turn, and for what is new after `rev`. */
  async enter(rev: number): Promise<Entered> {
    const newEpoch = randomBytes(8).toString("hex");
    const args = [this.me, String(rev), String(TURN_MS), String(ENTRIES_MAX), newEpoch];
    const [hasTurn, now, gap, epoch, last, snapshotRev, rest, entries] = await this.#link.run("enter", args);
    return {
      hasTurn: hasTurn === 1,
      nowMs: Number(now),
      gapMs: Number(gap),
      epoch: String(epoch),
      rev: Number(last),
      snapshotRev: Number(snapshotRev),
      restMs: Number(rest),
      entries: toEntries(entries),
    };
  }

  /** Appends one entry after `rev`, if that is still the last one. `gapMs`: what its events have made good. */
  async append(after: Place, entry: Omit<LogEntry, "rev">, gapMs: number): Promise<Appended> {
    const { id, before, events, waits } = entry;
    const args = [this.me, after.epoch, String(after.rev), id, before, events, String(gapMs), String(TURN_MS), waits];
    const [isAppended, now, gap, keeps, since, bytes] = await this.#link.run("append", args);
    return {
      isAppended: isAppended === 1,
      nowMs: Number(now),
      gapMs: Number(gap),
      keepsTurn: keeps === 1,
      bytesSinceSnapshot: Number(since),
      bytes: Number(bytes),
    };
  }

  async release(): Promise<void> {
    await this.#link.run("release", [this.me]);
  }

  async ping(): Promise<Told & Place> {
    const [now, gap, epoch, rev] = await this.#link.run("ping", []);
    return { nowMs: Number(now), gapMs: Number(gap), epoch: String(epoch), rev: Number(rev) };
  }

  async read(rev: number): Promise<LogReading> {
    const reply = await this.#link.run("read", [String(rev), String(ENTRIES_MAX)]);
    const [now, gap, epoch, last, snapshotRev, snapshot, entries] = reply;
    return {
      nowMs: Number(now),
      gapMs: Number(gap),
      epoch: String(epoch),
      rev: Number(last),
      snapshotRev: Number(snapshotRev),
      snapshot: String(snapshot),
      entries: toEntries(entries),
    };
  }

  /** The lines of a snapshot; `undefined` when another took its place meanwhile. */
  async readSnapshot(key: string): Promise<readonly string[] | undefined> {
    const chunks = Number(await this.#link.command(["LLEN", key]));
    const lines: string[] = [];
    for (let index = 0; index < chunks; index += 1) {
      const chunk = await this.#link.command(["LINDEX", key, String(index)]);
      if (typeof chunk !== "string") return undefined;
      lines.push(...chunk.split("\n"));
    }
    return chunks === 0 ? undefined : lines;
  }

  /** Puts a snapshot of revision `at.rev` in the place of all entries up to it. False when another was faster. */
  async writeSnapshot(at: Place & { readonly bytes: number }, lines: readonly string[]): Promise<boolean> {
    const former = (await this.read(at.rev)).snapshot;
    const key = this.#link.key(`snapshot:${at.rev}:${this.me}`);
    for (let index = 0; index < lines.length; index += CHUNK_LINES) {
      await this.#link.command(["RPUSH", key, lines.slice(index, index + CHUNK_LINES).join("\n")]);
      // What a crash leaves half written goes by itself; `adopt` makes it stay.
      if (index === 0) await this.#link.command(["EXPIRE", key, String(SNAPSHOT_TTL_S)]);
    }
    const keys = [key, former === "" ? key : former];
    const [isAdopted] = await this.#link.run("adopt", [at.epoch, String(at.rev), String(at.bytes)], keys);
    return isAdopted === 1;
  }
}

function toEntries(reply: unknown): readonly LogEntry[] {
  if (!Array.isArray(reply)) throw damaged("a reply without entries");
  return reply.map((item: unknown) => {
    const [streamId, fields] = item as readonly [unknown, readonly unknown[]];
    const rev = Number.parseInt(String(streamId), 10);
    const named = new Map<unknown, unknown>();
    for (let index = 0; index + 1 < fields.length; index += 2) named.set(fields[index], fields[index + 1]);
    const text = (name: string): string => {
      const value = named.get(name);
      if (typeof value === "string") return value;
      throw damaged(`entry ${rev} has no \`${name}\``);
    };
    return { rev, id: text("id"), before: text("before"), events: text("events"), waits: text("waits") };
  });
}

function damaged(what: string): LedgerError {
  return new LedgerError("ledger_corrupt", `the ledger's log in the store is damaged: ${what}`);
}
