/**
 * Takes blocks from a spool in order, one shipment at a time, and forgets them only when the other side has their rows and whatever
 * else has to be true is. Blocks that wait go together: a shipment has a fixed price. Sending is idempotent by the shipment's
 * token, which is on disk before it is sent, so whatever fails in between is simply done again.
 * Rows that the other side refuses for good do not hold up the others: they are found by halving, and set aside.
 */
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import { Backoff } from "../../support/backoff.ts";
import type { Clock } from "../../support/clock.ts";
import { pause } from "../../support/pause.ts";
import { errorText } from "../../telemetry/error-text.ts";
import type { Block } from "./block-format.ts";
import type { BlockGroup, GroupLimits } from "./block-group.ts";
import type { StoredBlock } from "./block-store.ts";
import { type BlockToSend, type PiecewiseOptions, sendPiecewise } from "./piecewise.ts";
import type { Spool } from "./spool.ts";

/** What is sent at once. */
export interface Shipment {
  /** Two shipments of one token are the same bytes: the second must change nothing. */
  readonly token: string;
  /** Of one or more blocks, to be sent one after the other: joining them would copy megabytes. */
  readonly payloads: readonly Uint8Array[];
  readonly rowCount: number;
  /** Whatever the other side derives from rows has been derived from these. @default false */
  readonly isPastViews?: boolean;
}

export interface DeliveryRetry {
  readonly initialIntervalMs: number;
  readonly maxIntervalMs: number;
  /** How often a block that the other side calls wrong is tried before it is set aside. */
  readonly permanentAttempts: number;
}

/** Which rows of a block the other side has. */
export interface Presence {
  /** A row a byte, 1 for those that are there. */
  readonly isThere: Uint8Array;
  /** It may have forgotten the tokens of that time. */
  readonly isForgotten: boolean;
  /** What is not shown is not there: one server, which shows what it has just taken. */
  readonly isCertain: boolean;
}

export interface DeliveryOptions {
  readonly spool: Pick<Spool<never>, "oldest" | "next" | "payload" | "finish" | "setRowsAside" | "stats" | "isShort">;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly retry: DeliveryRetry;
  /** What goes in one shipment at most, and how long after the last one the next may wait to fill. @default no more than one block; 0 */
  readonly batch?: GroupLimits & { readonly flushTimeoutMs: number };
  /** How long a stop waits for the rest; it stays on disk. */
  readonly drainTimeoutMs: number;
  /**
   * `success`: the other side has the rows. `retryable`: it did not happen or nobody knows.
   * `permanent`: these rows are wrong. What it throws is retryable.
   */
  send(shipment: Shipment): Promise<Outcome>;
  /** Some rows of a payload, by their numbers, as a payload. `undefined`: it can't be cut. @default can't */
  readonly select?: (payload: Uint8Array, rows: Uint32Array) => Uint8Array | undefined;
  /** Asked where a token may not be enough: after a crash, and before a refused block is sent in pieces. @default no rows are there */
  readonly presence?: (block: Block) => Promise<Presence>;
  /** What else has to be true before a block, sent or set aside, is forgotten. False: not now, as `signal` is aborted. */
  readonly settle?: (block: Block, signal: AbortSignal) => Promise<boolean>;
  /** Called when the other side has the rows of this block. */
  readonly onSent?: (token: string) => void;
}

const ONE_BLOCK: GroupLimits = { rowsMax: 0, bytesMax: 0 };
/** A shipment that fills is looked at so often. */
const FILL_STEPS = 10;
/**
 * A shipment has a fixed price. While the other side is slow, the next one waits until the last one's time is two thirds of the
 * time between them, so that fewer and larger ones go; no longer than twice `flushTimeoutMs`.
 */
const SLOW_SHARE = 1.5;
const SLOW_MAX = 2;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #aborted = new AbortController();
  #lastSent = -Infinity;
  #lastTookMs = 0;
  #running: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { initialIntervalMs: initialMs, maxIntervalMs: maxMs } = options.retry;
    this.#backoff = new Backoff({ initialMs, maxMs });
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends when the closed spool is empty, or after `drainTimeoutMs`; a shipment that is under way is waited for. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { clock, drainTimeoutMs } = this.#options;
    this.#stopping.abort();
    const cancel = clock.setTimer(drainTimeoutMs, () => this.#aborted.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    const { spool, batch = ONE_BLOCK } = this.#options;
    while ((await spool.oldest()) !== undefined && !this.#aborted.signal.aborted) {
      try {
        await this.#fill();
        const group = await spool.next(batch);
        if (group !== undefined) await this.#deliver(group);
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  /** Lets the shipment fill until `flushTimeoutMs` have gone by since the last one, more while that was slow, or it is full. */
  async #fill(): Promise<void> {
    const { spool, clock, batch } = this.#options;
    if (batch === undefined) return;
    const intervalMs = Math.max(
      batch.flushTimeoutMs,
      Math.min(SLOW_SHARE * this.#lastTookMs, SLOW_MAX * batch.flushTimeoutMs),
    );
    for (;;) {
      const leftMs = this.#lastSent + intervalMs - clock.monotonic();
      const { bytes, inFlight } = spool.stats();
      const isFilled = bytes >= batch.bytesMax || inFlight >= batch.rowsMax || spool.isShort;
      if (leftMs <= 0 || isFilled || this.#stopping.signal.aborted) break;
      const ms = Math.min(leftMs, batch.flushTimeoutMs / FILL_STEPS);
      await pause({ clock, ms, signal: this.#stopping.signal });
    }
    this.#lastSent = clock.monotonic();
  }

  /** Ends early, with the blocks still in the spool, only when the delivery is aborted. */
  async #deliver(group: BlockGroup): Promise<void> {
    const { spool, settle, onSent, clock } = this.#options;
    const blocks: { readonly stored: StoredBlock; readonly block: Block }[] = [];
    for (const stored of group.blocks) {
      const block = await spool.payload(stored);
      // It is set aside now; the group is another one.
      if (block === undefined) return;
      blocks.push({ stored, block });
    }
    const sentAt = clock.monotonic();
    const poison = await this.#send(group, blocks);
    this.#lastTookMs = clock.monotonic() - sentAt;
    if (poison === undefined) return;
    for (const { token } of group.blocks) onSent?.(token);
    for (const { block } of blocks) {
      if (settle !== undefined && !(await settle(block, this.#aborted.signal))) return;
    }
    await this.#finish(group, poison);
    this.#backoff.reset();
  }

  /** Not by sending again what has arrived: its files may be gone already. Aborted, that is left to the next start. */
  async #finish(group: BlockGroup, poison: number): Promise<void> {
    while (!this.#aborted.signal.aborted) {
      try {
        return await this.#options.spool.finish(group, { poison });
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  async #failed(error: unknown): Promise<void> {
    this.#options.notify({ level: "warn", event: "block_delivery_failed", fields: { reason: errorText(error) } });
    await this.#pause(this.#backoff.next());
  }

  /** How many rows were set aside; the others are there. `undefined`: aborted, nobody knows yet. */
  async #send(group: BlockGroup, blocks: readonly BlockToSend[]): Promise<number | undefined> {
    const { select, presence, retry, spool, notify } = this.#options;
    const pieces = {
      select,
      presence: (block: Block) => this.#presence(block),
      attempt: (shipment: Shipment) => this.#attempt(shipment),
      setRowsAside: (...args: Parameters<typeof spool.setRowsAside>) => spool.setRowsAside(...args),
      notify,
    };
    if (group.isBroken) return sendPiecewise(pieces, blocks);
    // Sent before, by this process or by one that was killed: whether it arrived, nobody knows.
    let mayBeKnown = group.isInDoubt;
    if (group.isInDoubt && presence !== undefined) {
      for (const { block } of blocks) {
        const found = await this.#presence(block);
        if (found === undefined) return undefined;
        if (found.isForgotten && found.isThere.includes(1)) return sendPiecewise(pieces, blocks);
      }
    }
    const payloads = blocks.map(({ block }) => block.payload);
    let reason = "";
    for (let attempts = 0; attempts < retry.permanentAttempts; attempts += 1) {
      const shipment = { token: group.token, payloads, rowCount: group.rowCount };
      const outcome = await this.#attempt(shipment, () => {
        mayBeKnown = true;
      });
      if (outcome === undefined) return undefined;
      if (outcome.kind === "success") return mayBeKnown ? this.#sendIfNotThere(pieces, blocks) : 0;
      mayBeKnown = true;
      reason = outcome.reason;
      this.#notifyRetry(group, reason);
      if (attempts + 1 < retry.permanentAttempts) await this.#pause(this.#backoff.next());
    }
    return sendPiecewise({ ...pieces, refusal: reason }, blocks);
  }

  /**
   * A server that was killed, or whose disk failed, can know a token whose rows it has not got, and takes their repetition for done, but for
   * its views, which know tokens of their own. On one server that is seen, and told: it may have lost what a view fills as well.
   */
  async #sendIfNotThere(pieces: PiecewiseOptions, blocks: readonly BlockToSend[]): Promise<number | undefined> {
    for (const { block } of blocks) {
      const found = await this.#presence(block);
      if (found === undefined) return undefined;
      if (!found.isCertain || !found.isThere.includes(0)) continue;
      this.#options.notify({
        level: "error",
        event: "rows_not_there",
        fields: { block: block.token, rows: block.rowCount },
      });
      const attempt = (shipment: Shipment) => pieces.attempt({ ...shipment, isPastViews: true });
      return sendPiecewise({ ...pieces, attempt }, blocks);
    }
    return 0;
  }

  /** Tries while it is retryable. `undefined`: aborted. */
  async #attempt(
    shipment: Shipment,
    onFailure: () => void = () => undefined,
  ): Promise<Exclude<Outcome, { kind: "retryable" }> | undefined> {
    while (!this.#aborted.signal.aborted) {
      const outcome = await this.#try(shipment);
      if (outcome.kind !== "retryable") return outcome;
      onFailure();
      this.#notifyRetry(shipment, outcome.reason);
      await this.#pause(this.#backoff.next());
    }
    return undefined;
  }

  async #try(shipment: Shipment): Promise<Outcome> {
    try {
      return await this.#options.send(shipment);
    } catch (error) {
      return { kind: "retryable", reason: errorText(error) };
    }
  }

  /** Asks until it is answered. `undefined`: aborted. */
  async #presence(block: Block): Promise<Presence | undefined> {
    const { presence } = this.#options;
    if (presence === undefined)
      return { isThere: new Uint8Array(block.rowCount), isForgotten: false, isCertain: false };
    while (!this.#aborted.signal.aborted) {
      try {
        return await presence(block);
      } catch (error) {
        this.#notifyRetry(block, errorText(error));
        await this.#pause(this.#backoff.next());
      }
    }
    return undefined;
  }

  #notifyRetry(shipment: Pick<Shipment, "token" | "rowCount">, reason: string): void {
    const fields = { block: shipment.token, rows: shipment.rowCount, reason };
    this.#options.notify({ level: "warn", event: "insert_failed", fields });
  }

  #pause(ms: number): Promise<void> {
    return pause({ clock: this.#options.clock, ms, signal: this.#aborted.signal });
  }
}
