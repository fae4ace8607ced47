/**
 * Keeps the audit log: takes the links that arrive into the book of chains, tells of holes once the database has been asked and
 * nothing filled them, signs checkpoints, and publishes them. What it knows is written down with each checkpoint; what came after, up
 * to a kill, is read from the database at the next start. It never blocks the data path.
 */
import { ChainBook, type BookCounts, type StoredBook } from "../audit/chain-book.ts";
import type { LinkFate } from "../audit/chain-state.ts";
import { type Anchor, HeadDelivery } from "../audit/anchor.ts";
import type { Checkpoint } from "../audit/checkpoint.ts";
import { CheckpointLog } from "../audit/checkpoint-log.ts";
import { type Link, readLink } from "../audit/link.ts";
import { type PublicKey, SigningKeys } from "../audit/signing-keys.ts";
import type { Span } from "../pdata/span.ts";
import type { LinkIntake } from "../processors/audit/factory.ts";
import { type CancelTimer, type Clock, every } from "../support/clock.ts";
import { readSealed, writeSealed } from "../support/sealed-file.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Store, TableRow } from "./store.ts";

export interface AuditPaths {
  readonly keys: string;
  readonly checkpoints: string;
  readonly chains: string;
}

export interface AuditKeeperOptions {
  readonly paths: AuditPaths;
  readonly store: Pick<Store, "isReady" | "select" | "insertRows">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly checkpointIntervalMs: number;
  readonly holeGraceMs: number;
  readonly anchors: readonly Anchor[];
  /** False where a transform may change sealed values before they are looked at. */
  readonly checksSeal: boolean;
  /** When the oldest record was received that is not in the database yet; `undefined`: all are. */
  readonly oldestWaitingMs: () => number | undefined;
  /** The shortest time that a record is kept; `undefined`: for good. */
  readonly retentionMs: number | undefined;
}

/** A link, and whose it is. */
export interface SeenLink extends Link {
  readonly agent: string;
}

export interface AuditCounts extends BookCounts {
  readonly links: Readonly<Record<LinkFate | "changed" | "malformed", number>>;
  readonly missing: number;
  readonly checkpoints: number;
  readonly lastCheckpointMs: number | undefined;
  /** Anchors that the newest head has not reached. */
  readonly anchorsBehind: number;
}

const HEADS_MAX = 10_000;
const LINKS_MAX = 100_000;
/** How long before the last checkpoint links are asked for at a start: what it took a block to get into the database. */
const CATCH_UP_MS = 3_600_000;
const PUBLISH_MAX = 500;

interface StoredChainRow {
  readonly chain: string;
  readonly seq: string;
  readonly hash: string;
  readonly prev: string;
  readonly closed: boolean;
}

export class AuditKeeper implements LinkIntake<SeenLink> {
  readonly #options: AuditKeeperOptions;
  readonly #keys: SigningKeys;
  readonly #log: CheckpointLog;
  readonly #book = new ChainBook();
  readonly #heads: HeadDelivery;
  readonly #fates: Record<LinkFate | "changed" | "malformed", number> = {
    extends: 0,
    ahead: 0,
    late: 0,
    resent: 0,
    forked: 0,
    beyond_bounds: 0,
    changed: 0,
    malformed: 0,
  };
  #missing = 0;
  #isDirty = false;
  #startedMs = 0;
  /** `partly`: with what the database had, while blocks of before the start waited on disk. */
  #caughtUp: "not" | "partly" | "wholly" = "not";
  #published: number | undefined;
  #cancel: CancelTimer = () => {};
  #working: Promise<void> | undefined;

  constructor(options: AuditKeeperOptions) {
    this.#options = options;
    const { paths, clock, anchors, telemetry } = options;
    this.#heads = new HeadDelivery({
      anchors,
      onFailure: ({ name }, error) => telemetry.emit("audit_anchor_failed", { anchor: name, reason: errorText(error) }),
    });
    this.#keys = new SigningKeys({ file: paths.keys, now: () => clock.now() });
    this.#log = new CheckpointLog({ file: paths.checkpoints, signer: this.#keys });
  }

  /** Throws when the keys or the last checkpoint are damaged. */
  async start(): Promise<void> {
    this.#startedMs = this.#options.clock.now();
    this.#log.open();
    this.#restore();
    // Whether it got there before the last end, nobody knows.
    if (this.#log.last !== undefined) this.#heads.offer(this.#log.last);
    this.#cancel = every(this.#options.clock, this.#options.checkpointIntervalMs, () => void this.work());
  }

  /** A last checkpoint over what has arrived. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.work();
    await this.#heads.deliver();
    this.#log.close();
  }

  read(span: Span): SeenLink | undefined {
    const { telemetry, checksSeal } = this.#options;
    const reading = readLink(span, { checksSeal });
    if (reading.kind === "foreign") return undefined;
    const { agent } = span.facts;
    if (reading.kind === "malformed") {
      this.#fates.malformed += 1;
      telemetry.emit("audit_link_malformed", { agent, trace_id: span.traceId, span_id: span.spanId });
      return undefined;
    }
    if (reading.kind === "changed") {
      this.#fates.changed += 1;
      const { chain, seq } = reading.link;
      telemetry.emit("audit_link_changed", { agent, chain, seq, trace_id: span.traceId, span_id: span.spanId });
    }
    return { ...reading.link, agent };
  }

  stored(links: readonly SeenLink[]): void {
    const nowMs = this.#options.clock.now();
    for (const link of links) {
      const fate = this.#book.note(link, { agent: link.agent, nowMs });
      this.#fates[fate] += 1;
      if (fate === "forked") {
        const { chain, seq, agent } = link;
        this.#options.telemetry.emit("audit_chain_forked", { agent, chain, seq });
      }
    }
    this.#isDirty = true;
  }

  get keys(): readonly PublicKey[] {
    return this.#keys.published;
  }

  get lastCheckpoint(): Checkpoint | undefined {
    return this.#log.last;
  }

  readCheckpoints(from: number): AsyncIterable<Checkpoint> {
    return this.#log.read(from);
  }

  /** What waits on disk is signed already and not in the database yet. */
  storedToMs(): number {
    return this.#options.oldestWaitingMs() ?? this.#options.clock.now();
  }

  settledToMs(): number {
    return this.#options.clock.now() - this.#options.holeGraceMs;
  }

  retainedFromMs(): number | undefined {
    const { retentionMs, clock } = this.#options;
    return retentionMs === undefined ? undefined : clock.now() - retentionMs;
  }

  /** Signs from now on with a new key. */
  rotateKey(): PublicKey {
    const key = this.#keys.rotate();
    this.#options.telemetry.emit("audit_key_rotated", { key: key.id, endorsed_by: key.endorsed_by });
    return key;
  }

  counts(): AuditCounts {
    const last = this.#log.last;
    return {
      ...this.#book.counts(),
      links: { ...this.#fates },
      missing: this.#missing,
      checkpoints: last?.number ?? 0,
      lastCheckpointMs: last === undefined ? undefined : Date.parse(last.time),
      anchorsBehind: this.#heads.behind,
    };
  }

  /** One round: holes, a checkpoint if something moved, what is not published yet. Never rejects; one at a time. */
  work(): Promise<void> {
    this.#working ??= this.#round().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async #round(): Promise<void> {
    const { store, telemetry } = this.#options;
    try {
      if (store.isReady) {
        await this.#catchUp();
        await this.#closeHoles();
      }
      this.#checkpoint();
      // Never waited for: it is tried again with the next round.
      void this.#heads.deliver();
      if (store.isReady) await this.#publish();
    } catch (error) {
      telemetry.emit("audit_log_behind", { reason: errorText(error) });
    }
  }

  /**
   * After a start: links that were stored and never written down here. And once more when what waited on disk since before it is in the
   * database, too: nobody may add to such a chain, so no hole would ever tell of it.
   */
  async #catchUp(): Promise<void> {
    const { store, clock, oldestWaitingMs } = this.#options;
    const isWaiting = (oldestWaitingMs() ?? Infinity) <= this.#startedMs;
    if (this.#caughtUp === "wholly" || (this.#caughtUp === "partly" && isWaiting)) return;
    const since = Date.parse(this.#log.last?.time ?? "") || clock.now();
    const ends = await store.select<{ chain: string; agent: string; last_seq: string }>("audit-chain-ends", {
      since_ms: since - CATCH_UP_MS,
      limit: HEADS_MAX,
    });
    for (const { chain, agent, last_seq: last } of ends) {
      const known = this.#book.lastSeq(chain);
      if (Number(last) > known) await this.#fill({ chain, agent, from: known + 1, to: Number(last) });
    }
    this.#caughtUp = isWaiting ? "partly" : "wholly";
  }

  /** What the database has was stored by somebody: another processor, or this one before a kill. */
  async #fill(hole: { chain: string; agent: string; from: number; to: number }): Promise<void> {
    const { store, clock } = this.#options;
    const { chain, agent } = hole;
    let { from } = hole;
    while (from <= hole.to) {
      const parameters = { chain, from, to: hole.to, limit: LINKS_MAX };
      const rows = await store.select<StoredChainRow>("audit-chain-links", parameters);
      for (const row of rows) {
        const link: Link = { chain, seq: Number(row.seq), hash: row.hash, prev: row.prev, isClosed: row.closed };
        this.#book.note(link, { agent, nowMs: clock.now() });
        this.#isDirty = true;
      }
      if (rows.length < LINKS_MAX) return;
      from = Number(rows.at(-1)?.seq ?? hole.to) + 1;
    }
  }

  async #closeHoles(): Promise<void> {
    const { clock, telemetry, holeGraceMs, oldestWaitingMs } = this.#options;
    // What waited on disk before the hole was seen may fill it: of that nothing is known here after a kill.
    const due = this.#book.holesBefore(Math.min(clock.now() - holeGraceMs, oldestWaitingMs() ?? Infinity));
    const agents = new Map(due.map(({ chain, agent }) => [chain, agent] as const));
    for (const hole of due) await this.#fill(hole);
    for (const [chain, agent] of agents) {
      for (const { from, to } of this.#book.giveUp(chain)) {
        this.#missing += to - from + 1;
        telemetry.emit("audit_links_missing", { agent, chain, from, to });
      }
    }
    if (due.length > 0) this.#isDirty = true;
  }

  #checkpoint(): void {
    const { clock, paths } = this.#options;
    if (!this.#isDirty) return;
    const heads = this.#book.movedHeads(HEADS_MAX);
    if (heads.length > 0) {
      this.#heads.offer(this.#log.append(heads, clock.now()));
      this.#book.checkpointed(heads);
    }
    writeSealed(paths.chains, this.#book.store());
    this.#isDirty = heads.length === HEADS_MAX;
  }

  async #publish(): Promise<void> {
    const { store } = this.#options;
    const last = this.#log.last?.number ?? 0;
    this.#published ??= await this.#askPublished();
    while (this.#published < last) {
      const batch: Checkpoint[] = [];
      for await (const checkpoint of this.#log.read(this.#published + 1)) {
        batch.push(checkpoint);
        if (batch.length >= PUBLISH_MAX) break;
      }
      const newest = batch.at(-1);
      if (newest === undefined) return;
      await store.insertRows("audit_checkpoint_log", batch.map(rowOf));
      this.#published = newest.number;
    }
  }

  async #askPublished(): Promise<number> {
    const rows = await this.#options.store.select<{ number: string }>("audit-published", {
      log: this.#log.id,
      limit: 1,
    });
    return Number(rows[0]?.number ?? 0);
  }

  #restore(): void {
    const { paths, telemetry } = this.#options;
    try {
      const stored = readSealed(paths.chains);
      if (stored !== undefined) this.#book.restore(stored as StoredBook);
    } catch (error) {
      // The database has it all: the chains are read from there as they come up.
      telemetry.emit("audit_log_behind", { reason: errorText(error) });
    }
  }
}

function rowOf({ leaves, time, ...rest }: Checkpoint): TableRow {
  const at = time.slice(0, 23).replace("T", " ");
  return { ...rest, chains: leaves.length, leaves: JSON.stringify(leaves), time: at };
}
