/**
 * The spool: what is acknowledged is in a block on disk, once. Concurrent batches are joined into one block (group
 * commit: while one block is written, the next one fills). A span that was taken before is not taken again, whether its
 * first copy is on disk, in ClickHouse, in the block being written, or earlier in the same batch.
 * Limits: spans are known again for `recent.windowMs`, not for ever; a block is written whole, so it must fit in memory.
 */
import { randomUUID } from "node:crypto";
import type { FlowStats } from "../../component/flow.ts";
import type { Notify } from "../../component/notice.ts";
import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import type { Span, SpanBatch } from "../../pdata/span.ts";
import { type Clock, delay } from "../../support/clock.ts";
import type { Block } from "./block-format.ts";
import { BlockStore, type StoredBlock, type WriteFileDurably } from "./block-store.ts";
import { RecentSpans, type RecentSpansOptions } from "./recent-spans.ts";
import { spanIdentity } from "./span-identity.ts";
import { sumSpend } from "./spend-sum.ts";
import { SpoolFlow } from "./spool-flow.ts";

export interface SpoolRow {
  readonly span: Span;
  readonly receivedUnixMs: number;
}

export interface SpoolOptions {
  readonly directory: string;
  readonly bytesMax: number;
  /** Spans that may wait for a commit at once. */
  readonly waitingSpansMax: number;
  /** How long a block may be held open for more spans while many blocks already wait for delivery. */
  readonly lingerMsMax: number;
  /** What a full or failing spool answers as the time to come back. */
  readonly retryAfterMs: number;
  readonly recent: RecentSpansOptions;
  readonly clock: Clock;
  readonly notify: Notify;
  /** The rows as ClickHouse takes them. */
  encode(rows: readonly SpoolRow[]): Buffer;
  /** Called once a block is durable, in this process or found at start: before it is delivered. */
  onDurable(block: Pick<Block, "token" | "spend">): void;
  readonly writeFile?: WriteFileDurably;
}

/** From so many undelivered blocks on, blocks are made larger instead of more: an insert has a fixed price. */
const BACKLOG_BLOCKS = 8;

class Commit {
  readonly rows: SpoolRow[] = [];
  readonly identities: string[] = [];
  readonly #done = Promise.withResolvers<Outcome>();
  readonly done: Promise<Outcome> = this.#done.promise;
  resolve(outcome: Outcome): void {
    this.#done.resolve(outcome);
  }
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #store: BlockStore;
  readonly #recent: RecentSpans;
  readonly #flow = new SpoolFlow();
  /** Spans whose commit has not ended. */
  readonly #pending = new Map<string, Commit>();
  readonly #undelivered: StoredBlock[] = [];
  #filling = new Commit();
  #writing: Promise<void> | undefined;
  #isOpen = false;
  #wake: (() => void) | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#store = new BlockStore(options);
    this.#recent = new RecentSpans(options.recent);
  }

  /** Finds the blocks an earlier process left, knows their spans again, and sets aside what can't be read. */
  async open(): Promise<void> {
    for (const name of await this.#store.open()) {
      const bytes = await this.#store.sizeOf(name);
      const decoded = await this.#store.read(name);
      if (decoded.kind === "corrupt") {
        await this.#setAside({ name, bytes }, "corrupt", decoded.reason);
        continue;
      }
      const { block } = decoded;
      for (const identity of block.identities) this.#recent.add(identity, block.createdUnixMs);
      this.#undelivered.push({ name, token: block.token, rowCount: block.rowCount, bytes });
      this.#flow.recover(block.rowCount);
      this.#options.onDurable(block);
    }
    if (this.#undelivered.length > 0) {
      this.#options.notify({
        level: "info",
        event: "spool_recovered",
        fields: { blocks: this.#undelivered.length, spans: this.#flow.stats().recovered },
      });
    }
    this.#isOpen = true;
  }

  /** Makes spans known that were delivered before this process started. */
  remember(identities: Iterable<{ readonly identity: string; readonly receivedUnixMs: number }>): void {
    for (const { identity, receivedUnixMs } of identities) {
      if (!this.#recent.has(identity)) this.#recent.add(identity, receivedUnixMs);
    }
  }

  /** Resolves with success when every span of the batch is on disk: by this call, or by an earlier one. */
  async append(batch: SpanBatch): Promise<Outcome> {
    this.#flow.take(batch.spans.length);
    const refusal = this.#refusal(batch.spans.length);
    if (refusal !== undefined) {
      this.#flow.refuse(batch.spans.length);
      return refusal;
    }
    const awaited = new Set<Commit>();
    const copies = new Map<Commit, number>();
    for (const span of batch.spans) {
      const identity = spanIdentity(span);
      const pending = this.#pending.get(identity);
      if (pending !== undefined) {
        awaited.add(pending);
        copies.set(pending, (copies.get(pending) ?? 0) + 1);
      } else if (this.#recent.has(identity)) {
        this.#flow.dropWaiting(1, "duplicate");
      } else {
        this.#filling.rows.push({ span, receivedUnixMs: batch.receivedUnixMs });
        this.#filling.identities.push(identity);
        this.#pending.set(identity, this.#filling);
        awaited.add(this.#filling);
      }
    }
    if (this.#filling.rows.length > 0) this.#startWriting();
    const outcomes = await Promise.all([...awaited].map((commit) => this.#settle(commit, copies.get(commit) ?? 0)));
    return outcomes.find((outcome) => outcome.kind !== "success") ?? SUCCESS;
  }

  /** The oldest block that is not delivered; waits for one. `undefined` once the spool is closed and empty. */
  async oldest(): Promise<StoredBlock | undefined> {
    while (this.#undelivered.length === 0 && this.#isOpen) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.#undelivered[0];
  }

  /** What to insert for a block. `undefined` when its file went bad: it is set aside then. */
  async payload(block: StoredBlock): Promise<Block | undefined> {
    const decoded = await this.#store.read(block.name);
    if (decoded.kind === "block") return decoded.block;
    await this.giveUp(block, "corrupt", decoded.reason);
    return undefined;
  }

  /** The block is in ClickHouse and in the ledger: forgets it. */
  async delivered(block: StoredBlock): Promise<void> {
    await this.#store.remove(block);
    this.#forget(block);
    this.#flow.store(block.rowCount);
  }

  /** The block can never be delivered: keeps its file aside and says so. */
  async giveUp(block: StoredBlock, why: "poison" | "corrupt", reason: string): Promise<void> {
    await this.#setAside(block, why, reason);
    this.#forget(block);
    this.#flow.dropOnDisk(block.rowCount, why);
  }

  /** Ends after what was taken is on disk; later batches are refused. Undelivered blocks stay. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#writing !== undefined) await this.#writing;
    this.#wake?.();
    await this.#store.close();
  }

  /** The count equation of this spool, plus how full it is. */
  stats(): FlowStats & { readonly blocks: number; readonly bytes: number; readonly recentEvictedEarly: number } {
    return {
      ...this.#flow.stats(),
      blocks: this.#undelivered.length,
      bytes: this.#store.bytesUsed,
      recentEvictedEarly: this.#recent.evictedEarly,
    };
  }

  #refusal(count: number): Outcome | undefined {
    const waiting = this.#filling.rows.length;
    if (!this.#isOpen) return this.#retryable("the spool is not open");
    if (this.#store.isFull) return this.#retryable("the spool is full");
    // A batch larger than the whole bound is let in when nothing waits: it would never get in otherwise.
    if (waiting > 0 && waiting + count > this.#options.waitingSpansMax) return this.#retryable("too many spans wait");
    return undefined;
  }

  #retryable(reason: string): Outcome {
    return { kind: "retryable", reason, retryAfterMs: this.#options.retryAfterMs };
  }

  /** Waits for a commit in which `copies` spans of this batch had been taken before; counts those. */
  async #settle(commit: Commit, copies: number): Promise<Outcome> {
    const outcome = await commit.done;
    if (outcome.kind === "success") this.#flow.dropWaiting(copies, "duplicate");
    else this.#flow.refuse(copies);
    return outcome;
  }

  #startWriting(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // One turn of the event loop, so that requests that arrived together share a block.
    await new Promise(setImmediate);
    while (this.#filling.rows.length > 0) {
      if (this.#isOpen && this.#undelivered.length >= BACKLOG_BLOCKS && this.#options.lingerMsMax > 0) {
        await delay(this.#options.clock, this.#options.lingerMsMax);
      }
      const commit = this.#filling;
      this.#filling = new Commit();
      commit.resolve(await this.#commit(commit).catch((error: unknown) => this.#broken(commit, error)));
    }
    // In the same turn as the check above: a batch that comes after it starts the next run.
    this.#writing = undefined;
  }

  async #commit(commit: Commit): Promise<Outcome> {
    const { clock, notify } = this.#options;
    const block: Block = {
      token: randomUUID(),
      createdUnixMs: clock.now(),
      rowCount: commit.rows.length,
      identities: commit.identities,
      spend: sumSpend(commit.rows.map((row) => row.span)),
      payload: this.#options.encode(commit.rows),
    };
    const result = await this.#store.write(block);
    for (const identity of commit.identities) this.#pending.delete(identity);
    if (result.kind !== "written") {
      this.#flow.refuse(block.rowCount);
      const reason = result.kind === "full" ? "the spool is full" : `the spool can't be written: ${result.reason}`;
      notify({ level: "error", event: "spool_write_refused", fields: { reason, spans: block.rowCount } });
      return this.#retryable(reason);
    }
    for (const identity of commit.identities) this.#recent.add(identity, block.createdUnixMs);
    this.#flow.commit(block.rowCount);
    this.#undelivered.push(result.stored);
    this.#options.onDurable(block);
    this.#wake?.();
    return SUCCESS;
  }

  /** A fault of this program (rows that can't be encoded): the same batch would meet it again, so the sender is told not to retry. */
  #broken(commit: Commit, error: unknown): Outcome {
    for (const identity of commit.identities) this.#pending.delete(identity);
    this.#flow.refuse(commit.rows.length);
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.notify({
      level: "error",
      event: "spool_commit_broken",
      fields: { reason, spans: commit.rows.length },
    });
    return { kind: "permanent", reason: "the spans can't be encoded" };
  }

  async #setAside(block: Pick<StoredBlock, "name" | "bytes">, why: string, reason: string): Promise<void> {
    const path = await this.#store.setAside(block, why);
    this.#options.notify({ level: "error", event: "block_set_aside", fields: { path, why, reason } });
  }

  #forget(block: StoredBlock): void {
    const index = this.#undelivered.indexOf(block);
    if (index >= 0) this.#undelivered.splice(index, 1);
  }
}
