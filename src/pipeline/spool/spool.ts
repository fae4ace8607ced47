/**
 * The spool: what is acknowledged is in a block on disk, once. Concurrent batches are joined into one block (group
 * commit: while one block is written, the next one fills). A row (a span, a log record) that was taken before is not taken
 * again, whether its first copy is on disk, delivered, in the block being written, or earlier in the same batch.
 * Limits: rows are known again for `recent.windowMs`, not for ever; a block is written whole, so it must fit in memory.
 */
import { randomUUID } from "node:crypto";
import type { Notice } from "../../component/notice.ts";
import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import { delay } from "../../support/clock.ts";
import { errorText } from "../../telemetry/error-text.ts";
import { type Block, blockOfRows, encodeBlock, type NewBlock, type RowsAside } from "./block-format.ts";
import { type BlockGroup, type GroupLimits, groupSize, newGroup, rowsOf } from "./block-group.ts";
import { BlockStore, type LeftFiles, type StoredBlock } from "./block-store.ts";
import { groupAgain, recoverMerges } from "./merge-recovery.ts";
import { Commit } from "./commit.ts";
import { IdentitySet } from "./identity-set.ts";
import { lingerMs } from "./linger.ts";
import { IDENTITY_BYTES, IdentityCell } from "../../pdata/identity.ts";
import { viewOf } from "../../pdata/otlp/byte-source.ts";
import { RecentSpans } from "./recent-spans.ts";
import { SpoolFlow, type SpoolStats } from "./spool-flow.ts";
import type { SpoolOptions } from "./spool-options.ts";

/** So long what comes free is kept for the deliveries. */
const SHORT_MS = 10_000;

export class Spool<Row> {
  readonly #options: SpoolOptions<Row>;
  readonly #store: BlockStore;
  readonly #recent: RecentSpans;
  readonly #flow = new SpoolFlow();
  readonly #undelivered: StoredBlock[] = [];
  readonly #cell = new IdentityCell();
  /** Blocks of which some rows are to be kept aside, for which the disk has no room: the whole file is, in the end. */
  readonly #wholeAside = new Map<string, string>();
  /**
   * The disk has no room for the file that lets blocks go together. What one delivery sets free belongs to that file: senders
   * who take it at once would leave the spool at a block a shipment for as long as they go on. For a while only: the other side
   * may be down, and somebody may have made room.
   */
  #shortUntil = -Infinity;
  #group: BlockGroup | undefined;
  /** What `several` gave out last. */
  #several: readonly StoredBlock[] = [];
  #filling = new Commit<Row>(new IdentitySet());
  /** That of the commit that ended last, for the one after the next. */
  #spareIdentities = new IdentitySet();
  /** Taken from `#filling`, its commit not ended. */
  #committing: Commit<Row> | undefined;
  #writing: Promise<void> | undefined;
  #isOpen = false;
  #wake: (() => void) | undefined;

  constructor(options: SpoolOptions<Row>) {
    this.#options = options;
    this.#store = new BlockStore(options);
    this.#recent = new RecentSpans(options.recent);
  }

  /** Finds the blocks an earlier process left, knows their rows again, and sets aside what can't be read. */
  async open(): Promise<Pick<LeftFiles, "isNew">> {
    const left = await this.#store.open();
    const merge = await recoverMerges(this.#store, left);
    for (const name of left.blocks) {
      if (merge.sent.has(name)) continue;
      const bytes = await this.#store.sizeOf(name);
      const decoded = await this.#store.read(name);
      if (decoded.kind === "corrupt") {
        await this.#setAside({ name, bytes }, "corrupt", decoded.reason);
        continue;
      }
      const { block } = decoded;
      this.remember(block.identities);
      const { token, rowCount, createdUnixMs } = block;
      this.#undelivered.push({ name, token, rowCount, createdUnixMs, bytes });
      this.#flow.recover(block.rowCount);
      this.#tellDurable(block, []);
    }
    this.#group = groupAgain(this.#undelivered, merge.open);
    if (merge.open !== undefined && this.#group === undefined) await this.#store.removeMerge(merge.open.name);
    if (this.#undelivered.length > 0) {
      const fields = { blocks: this.#undelivered.length, rows: this.#flow.stats().recovered };
      this.#options.notify({ level: "info", event: "spool_recovered", fields });
    }
    this.#isOpen = true;
    return left;
  }

  /** Makes rows known that an earlier process took, by their identities one after the other: for a whole window from now. */
  remember(identities: Uint8Array): void {
    const now = this.#options.clock.monotonic();
    const view = viewOf(identities);
    for (let at = 0; at + IDENTITY_BYTES <= view.byteLength; at += IDENTITY_BYTES) {
      this.#cell.read(view, at);
      this.#recent.add(this.#cell, now);
    }
  }

  /** Resolves with success when every row is on disk: by this call, or by an earlier one. Never rejects. */
  async append(rows: readonly Row[]): Promise<Outcome> {
    this.#flow.take(rows.length);
    const refusal = this.#refusal(rows.length);
    if (refusal !== undefined) {
      this.#flow.refuse(rows.length);
      return refusal;
    }
    const filling = this.#filling;
    const committing = this.#committing;
    const before = filling.rows.length;
    /** Copies of rows that wait already: they share the fate of the first. */
    let copiesFilling = 0;
    let copiesCommitting = 0;
    let broken: Outcome | undefined;
    let seen = 0;
    try {
      for (const row of rows) {
        this.#options.identify(row, this.#cell);
        if (committing?.identities.has(this.#cell) === true) copiesCommitting += 1;
        else if (this.#recent.has(this.#cell)) this.#flow.dropWaiting(1, "duplicate");
        else if (filling.identities.add(this.#cell)) filling.rows.push(row);
        else copiesFilling += 1;
        seen += 1;
      }
    } catch (error) {
      // The rows before it are taken like any others: who sends them again is told of copies.
      broken = this.#broken({ event: "spool_append_broken", rows: rows.length - seen, error });
    }
    if (filling.rows.length > 0) this.#writing ??= this.#write();
    const waits: Promise<Outcome>[] = [];
    if (committing !== undefined && copiesCommitting > 0) waits.push(this.#settle(committing, copiesCommitting));
    if (filling.rows.length > before || copiesFilling > 0) waits.push(this.#settle(filling, copiesFilling));
    const outcomes = await Promise.all(waits);
    return broken ?? outcomes.find((outcome) => outcome.kind !== "success") ?? SUCCESS;
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

  /**
   * The oldest blocks within the limits, one at least, for who sends each by itself: until it asks again, none of them is dropped
   * to make room. Waits for one. Empty once the spool is closed and empty.
   */
  async several(limits: GroupLimits): Promise<readonly StoredBlock[]> {
    await this.oldest();
    this.#several = this.#undelivered.slice(0, groupSize(this.#undelivered, limits));
    return this.#several;
  }

  /**
   * The oldest blocks, as many as may go together; the same ones until `finish`. Waits for one. Which they are is on disk before
   * it resolves, unless it is one. `undefined` once the spool is closed and empty.
   */
  async next(limits: GroupLimits): Promise<BlockGroup | undefined> {
    if (this.#group !== undefined) return this.#group;
    if ((await this.oldest()) === undefined) return undefined;
    const blocks = this.#undelivered.slice(0, groupSize(this.#undelivered, limits));
    const token = randomUUID();
    // In force before the file is written: what is in a group is not dropped to make room.
    this.#group = newGroup({ token, blocks });
    const mergeName = await this.#mergeNameOf(token, blocks);
    // One by itself has its own token; so has the first when the disk has no room for the file.
    this.#group =
      mergeName === undefined
        ? newGroup({ token: blocks[0]?.token ?? token, blocks: blocks.slice(0, 1) })
        : newGroup({ token, blocks, mergeName });
    return this.#group;
  }

  /** Nothing can come in before something has been delivered. */
  get isShort(): boolean {
    return this.#store.isFull || (this.#options.clock.monotonic() < this.#shortUntil && this.#undelivered.length > 1);
  }

  /**
   * All rows of the group are where they belong, but for `dropped` of them by reason, which end here: forgets it. Where it rejects,
   * it is to be called again: it goes on where it was.
   */
  async finish(group: BlockGroup, dropped: Readonly<Record<string, number>> = {}): Promise<void> {
    for (const block of group.blocks.filter((each) => this.#undelivered.includes(each))) {
      const whyWhole = this.#wholeAside.get(block.name);
      if (whyWhole === undefined) await this.#store.remove(block);
      else await this.#setAside(block, "poison", whyWhole);
      this.#wholeAside.delete(block.name);
      this.#forget(block);
    }
    if (group.mergeName !== undefined) await this.#store.removeMerge(group.mergeName);
    this.#flow.deliver(group.rowCount, dropped);
    this.#group = undefined;
  }

  /** A block as it is on disk. `undefined` when its file went bad: it is set aside then. */
  async payload(block: StoredBlock): Promise<Block | undefined> {
    const decoded = await this.#store.lend(block);
    if (decoded.kind === "block") return decoded.block;
    await this.giveUp(block, "corrupt", decoded.reason);
    return undefined;
  }

  /** The block is where it belongs, but for `dropped` of its rows by reason, which end here: forgets it. */
  async delivered(block: StoredBlock, dropped: Readonly<Record<string, number>> = {}): Promise<void> {
    await this.#store.remove(block);
    this.#forget(block);
    this.#flow.deliver(block.rowCount, dropped);
  }

  /** The block can never be delivered: keeps its file aside and says so. */
  async giveUp(block: StoredBlock, why: "poison" | "corrupt", reason: string): Promise<void> {
    await this.#setAside(block, why, reason);
    this.#forget(block);
    this.#flow.dropOnDisk(block.rowCount, why);
    const group = this.#group;
    if (group === undefined || !group.blocks.includes(block)) return;
    const blocks = group.blocks.filter((each) => each !== block);
    this.#group = { ...group, blocks, rowCount: rowsOf(blocks), isBroken: true };
    if (blocks.length === 0) await this.finish(this.#group);
  }

  /**
   * Keeps some rows of a block aside, which can never be delivered; the block itself stays until `finish`. Doing it again changes
   * nothing. On a full disk the block's own file is kept instead: moving it needs no room, and it must not hold up the others.
   */
  async setRowsAside(stored: StoredBlock, aside: RowsAside): Promise<void> {
    const { rows, reason } = aside;
    const name = `${stored.name}.rows-${rows[0] ?? 0}-${(rows.at(-1) ?? 0) + 1}.poison`;
    try {
      const path = await this.#store.setAside.write(name, encodeBlock(blockOfRows(aside)));
      await this.#tellSetAside({ path, why: "poison", reason });
    } catch (error) {
      const why = `${reason}; some of its rows only, which could not be written apart: ${errorText(error)}`;
      this.#wholeAside.set(stored.name, why);
    }
  }

  /** Ends after what was taken is on disk; later batches are refused. Undelivered blocks stay. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#writing !== undefined) await this.#writing;
    this.#wake?.();
    await this.#store.close();
  }

  /** The count equation of this spool, plus how full it is. */
  stats(): SpoolStats {
    return {
      ...this.#flow.stats(),
      blocks: this.#undelivered.length,
      bytes: this.#store.bytesUsed,
      recentEvictedEarly: this.#recent.evictedEarly,
      oldestUnixMs: this.#undelivered[0]?.createdUnixMs,
      setAsideBlocks: this.#store.setAside.names.length,
      setAsideBytes: this.#store.setAside.bytes,
    };
  }

  /** The file that says which blocks go together. None for one by itself, and where it can't be written. */
  async #mergeNameOf(token: string, blocks: readonly StoredBlock[]): Promise<string | undefined> {
    this.#shortUntil = -Infinity;
    if (blocks.length === 1) return undefined;
    const { name, lacksRoom } = await this.#store.writeMerge({ token, blocks: blocks.map((block) => block.name) });
    if (lacksRoom) this.#shortUntil = this.#options.clock.monotonic() + SHORT_MS;
    return name;
  }

  #refusal(count: number): Outcome | undefined {
    const waiting = this.#filling.rows.length;
    if (!this.#isOpen) return this.#retryable("the spool is not open");
    if (this.isShort && this.#options.onFull !== "drop_oldest") return this.#retryable("the spool is full");
    // A batch larger than the whole bound is let in when nothing waits: it would never get in otherwise.
    if (waiting > 0 && waiting + count > this.#options.waitingRowsMax) return this.#retryable("too many rows wait");
    return undefined;
  }

  #retryable(reason: string): Outcome {
    return { kind: "retryable", reason, retryAfterMs: this.#options.retryAfterMs };
  }

  /** Waits for a commit in which `copies` spans of this batch had been taken before; counts those. */
  async #settle(commit: Commit<Row>, copies: number): Promise<Outcome> {
    const outcome = await commit.done;
    if (outcome.kind === "success") this.#flow.dropWaiting(copies, "duplicate");
    else this.#flow.refuse(copies);
    return outcome;
  }

  async #write(): Promise<void> {
    // One turn of the event loop, so that requests that arrived together share a block.
    await new Promise(setImmediate);
    while (this.#filling.rows.length > 0) {
      const { length: blocks } = this.#undelivered;
      const ms = lingerMs({ blocks, isBeyondKept: this.#store.isBeyondKept, max: this.#options.lingerMsMax });
      if (this.#isOpen && ms > 0) await delay(this.#options.clock, ms);
      const commit = this.#filling;
      this.#filling = new Commit(this.#spareIdentities);
      this.#committing = commit;
      const outcome = await this.#commit(commit).catch((error: unknown) =>
        this.#broken({ event: "spool_commit_broken", rows: commit.rows.length, error }),
      );
      this.#committing = undefined;
      this.#spareIdentities = commit.identities;
      this.#spareIdentities.clear();
      commit.resolve(outcome);
    }
    // In the same turn as the check above: a batch that comes after it starts the next run.
    this.#writing = undefined;
  }

  async #commit(commit: Commit<Row>): Promise<Outcome> {
    const block: NewBlock = {
      token: randomUUID(),
      createdUnixMs: this.#options.clock.now(),
      rowCount: commit.rows.length,
      identities: commit.identities.bytes(),
      spend: this.#options.spendOf?.(commit.rows) ?? [],
      writeRows: (sink) => this.#options.writeRows(sink, commit.rows),
    };
    const made = this.#store.make(block);
    let result = await this.#store.write(made);
    while (result.kind === "full" && (await this.#makeRoom())) result = await this.#store.write(made);
    if (result.kind !== "written") {
      this.#flow.refuse(block.rowCount);
      const reason = result.kind === "full" ? "the spool is full" : `the spool can't be written: ${result.reason}`;
      this.#tellError("spool_write_refused", { reason, rows: block.rowCount });
      return this.#retryable(reason);
    }
    this.remember(commit.identities.bytes());
    this.#flow.commit(block.rowCount);
    this.#undelivered.push(result.stored);
    this.#wake?.();
    this.#tellDurable(block, commit.rows);
    return SUCCESS;
  }

  /** Drops the block that waited longest, but for the first: that one may be under way. False: there is none to drop. */
  async #makeRoom(): Promise<boolean> {
    if (this.#options.onFull !== "drop_oldest") return false;
    const underWay = [...(this.#group?.blocks ?? []), ...this.#several];
    const block = this.#undelivered.find((each, index) => index > 0 && !underWay.includes(each));
    if (block === undefined) return false;
    // Before its file goes: nobody may begin to send it.
    this.#forget(block);
    try {
      await this.#store.remove(block);
    } catch (error) {
      this.#undelivered.push(block);
      this.#undelivered.sort((left, right) => (left.name < right.name ? -1 : 1));
      this.#tellError("spool_drop_failed", { reason: errorText(error) });
      return false;
    }
    this.#flow.dropOnDisk(block.rowCount, "queue_full");
    this.#options.notify({ level: "warn", event: "spool_dropped_oldest", fields: { rows: block.rowCount } });
    return true;
  }

  /** A fault of this program (rows that can't be encoded): the same batch would meet it again, so the sender is told not to retry. */
  #broken({ event, rows, error }: { event: string; rows: number; error: unknown }): Outcome {
    this.#flow.refuse(rows);
    this.#tellError(event, { reason: errorText(error), rows });
    return { kind: "permanent", reason: "the rows can't be encoded" };
  }

  /** A fault of who hears it changes nothing of what is on disk. The ledger is told again when the block has been delivered. */
  #tellDurable(block: Pick<Block, "token" | "spend">, rows: readonly Row[]): void {
    try {
      this.#options.onDurable?.(block, rows);
    } catch (error) {
      this.#tellError("block_not_told", { block: block.token, reason: errorText(error) });
    }
  }

  #tellError(event: string, fields: Notice["fields"]): void {
    this.#options.notify({ level: "error", event, fields });
  }

  async #setAside(block: Pick<StoredBlock, "name" | "bytes">, why: string, reason: string): Promise<void> {
    const path = await this.#store.moveAside(block, why);
    if (path === undefined) this.#tellError("block_gone", { block: block.name, reason });
    else await this.#tellSetAside({ path, why, reason });
  }

  async #tellSetAside(fields: { readonly path: string; readonly why: string; readonly reason: string }): Promise<void> {
    this.#tellError("block_set_aside", fields);
    for (const path of await this.#store.setAside.trim()) {
      this.#options.notify({ level: "error", event: "set_aside_removed", fields: { path } });
    }
  }

  #forget(block: StoredBlock): void {
    const index = this.#undelivered.indexOf(block);
    if (index >= 0) this.#undelivered.splice(index, 1);
  }
}
