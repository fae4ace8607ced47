/**
 * Takes blocks from a spool in order, one at a time, and forgets each only when the other side has its rows and whatever else
 * has to be true is. Sending is idempotent by the token, so whatever fails in between is simply done again.
 * A block that the other side refuses for good does not hold up the others: it is set aside.
 */
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import { Backoff } from "../../support/backoff.ts";
import type { Clock } from "../../support/clock.ts";
import type { Block } from "./block-format.ts";
import type { StoredBlock } from "./block-store.ts";
import type { Spool } from "./spool.ts";

/** What is sent at once. */
export interface Shipment {
  /** Two shipments of one token are the same bytes: the second must change nothing. */
  readonly token: string;
  readonly payload: Uint8Array;
  readonly rowCount: number;
}

export interface DeliveryRetry {
  readonly initialIntervalMs: number;
  readonly maxIntervalMs: number;
  /** How often a block that the other side calls wrong is tried before it is set aside. */
  readonly permanentAttempts: number;
}

export interface DeliveryOptions {
  readonly spool: Pick<Spool<never>, "oldest" | "payload" | "delivered" | "giveUp">;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly retry: DeliveryRetry;
  /** How long a stop waits for the rest; it stays on disk. */
  readonly drainTimeoutMs: number;
  /**
   * `success`: the other side has the rows. `retryable`: it did not happen or nobody knows; after `retryAfterMs` when given.
   * `permanent`: these rows are wrong. What it throws is retryable.
   */
  send(shipment: Shipment): Promise<Outcome>;
  /** What else has to be true before a block, sent or set aside, is forgotten. False: not now, as `signal` is aborted. */
  readonly settle?: (block: Block, signal: AbortSignal) => Promise<boolean>;
  /** Called when the other side has the rows of this block. */
  onSent?(token: string): void;
}

/** `poison`: the rows will never get there. `aborted`: nobody knows yet. */
type SendResult =
  | { readonly kind: "sent" }
  | { readonly kind: "poison"; readonly reason: string }
  | { readonly kind: "aborted" };

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #backoff: Backoff;
  readonly #aborted = new AbortController();
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
    const cancel = clock.setTimer(drainTimeoutMs, () => this.#aborted.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    const { spool } = this.#options;
    for (let block = await spool.oldest(); block !== undefined; block = await spool.oldest()) {
      if (this.#aborted.signal.aborted) return;
      try {
        await this.#deliver(block);
      } catch (error) {
        this.#notifyRetry("block_delivery_failed", block, messageOf(error));
        await this.#pause(this.#backoff.next());
      }
    }
  }

  /** Ends early, with the block still in the spool, only when the delivery is aborted. */
  async #deliver(stored: StoredBlock): Promise<void> {
    const { spool, settle } = this.#options;
    const block = await spool.payload(stored);
    if (block === undefined) return;
    const result = await this.#send(stored, block);
    if (result.kind === "aborted") return;
    if (settle !== undefined && !(await settle(block, this.#aborted.signal))) return;
    if (result.kind === "sent") await spool.delivered(stored);
    else await spool.giveUp(stored, "poison", result.reason);
    this.#backoff.reset();
  }

  async #send(stored: StoredBlock, { token, payload, rowCount }: Block): Promise<SendResult> {
    let permanentAttempts = 0;
    while (!this.#aborted.signal.aborted) {
      const outcome = await this.#attempt({ token, payload, rowCount });
      if (outcome.kind === "success") {
        this.#options.onSent?.(token);
        return { kind: "sent" };
      }
      if (outcome.kind === "permanent") permanentAttempts += 1;
      if (permanentAttempts >= this.#options.retry.permanentAttempts) return { kind: "poison", reason: outcome.reason };
      this.#notifyRetry("insert_failed", stored, outcome.reason);
      const wishMs = outcome.kind === "retryable" ? (outcome.retryAfterMs ?? 0) : 0;
      await this.#pause(Math.max(this.#backoff.next(), wishMs));
    }
    return { kind: "aborted" };
  }

  async #attempt(shipment: Shipment): Promise<Outcome> {
    try {
      return await this.#options.send(shipment);
    } catch (error) {
      return { kind: "retryable", reason: messageOf(error) };
    }
  }

  #notifyRetry(event: string, block: StoredBlock, reason: string): void {
    this.#options.notify({ level: "warn", event, fields: { block: block.name, rows: block.rowCount, reason } });
  }

  #pause(ms: number): Promise<void> {
    return pause({ clock: this.#options.clock, ms, signal: this.#aborted.signal });
  }
}

/** Waits, or until the signal is aborted. */
export async function pause(options: {
  readonly clock: Clock;
  readonly ms: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { clock, ms, signal } = options;
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.setTimer(ms, resolve);
  const onAbort = (): void => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  signal.removeEventListener("abort", onAbort);
  cancel();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
