/**
 * Takes blocks from the spool in order and sends their requests, several at once; a block is forgotten when the backend has
 * answered each of them for good. What happens to a request is the OTLP specification's to say: sent again, or not. A stop
 * or a crash in the middle of a block sends the whole block again: at least once, as OTLP is.
 * https://opentelemetry.io/docs/specs/otlp/#failures
 */
import type { Notify } from "../../component/notice.ts";
import { pause } from "../../support/pause.ts";
import type { StoredBlock } from "../../pipeline/spool/block-store.ts";
import type { Spool } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import type { Clock } from "../../support/clock.ts";
import { type OtlpRequest, decodeRequests } from "./requests.ts";
import type { Transport } from "./transport.ts";

export interface SenderOptions {
  readonly spool: Pick<Spool<never>, "oldest" | "payload" | "delivered" | "giveUp">;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly retry: {
    readonly initialIntervalMs: number;
    readonly maxIntervalMs: number;
    /** 0: no end. */
    readonly maxElapsedTimeMs: number;
  };
  readonly consumers: number;
  readonly drainTimeoutMs: number;
}

/** Why items of a request did not reach the backend; the count equation's words. */
type DropReason = "rejected_by_backend" | "refused_by_backend" | "expired";

/** Items of one block that end here, by reason. */
type Tally = Partial<Record<DropReason, number>>;

/** A backend that wants to be left alone for longer is asked again after this. */
const RETRY_AFTER_MS_MAX = 3_600_000;

export class Sender {
  readonly #options: SenderOptions;
  readonly #aborted = new AbortController();
  #running: Promise<void> | undefined;
  #isFailing = false;
  #isStopping = false;
  /** Monotonic time before which the backend does not want to be asked. */
  #notBefore = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ends when the closed spool is empty or `drainTimeoutMs` is over; no request is tried again then. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { clock, drainTimeoutMs } = this.#options;
    this.#isStopping = true;
    if (this.#isFailing) this.#aborted.abort();
    const cancel = clock.setTimer(drainTimeoutMs, () => this.#aborted.abort());
    await this.#running;
    cancel();
  }

  async #run(): Promise<void> {
    const { spool, clock, notify, retry } = this.#options;
    const backoff = this.#newBackoff();
    for (let block = await spool.oldest(); block !== undefined; block = await spool.oldest()) {
      if (this.#aborted.signal.aborted) return;
      try {
        await this.#deliver(block);
        backoff.reset();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ level: "error", event: "forward_block_failed", fields: { block: block.name, reason } });
        await pause({ clock, ms: Math.max(backoff.next(), retry.initialIntervalMs), signal: this.#aborted.signal });
      }
    }
  }

  /** Ends with the block still in the spool only when aborted. */
  async #deliver(stored: StoredBlock): Promise<void> {
    const { spool, consumers } = this.#options;
    const block = await spool.payload(stored);
    if (block === undefined) return;
    const requests = decodeRequests(block.payload);
    if (requests === undefined) {
      await spool.giveUp(stored, "corrupt", "the payload is not made of requests");
      return;
    }
    const tally: Tally = {};
    const queue = requests.values();
    let answered = 0;
    const consume = async (): Promise<void> => {
      for (const request of queue) if (await this.#send(request, tally)) answered += 1;
    };
    await Promise.all(Array.from({ length: Math.min(consumers, requests.length) }, consume));
    if (answered === requests.length) await spool.delivered(stored, tally);
  }

  /** True once the backend has answered for good; false only when the sender is aborted. */
  async #send(request: OtlpRequest, tally: Tally): Promise<boolean> {
    const { transport, clock, retry } = this.#options;
    const { signal } = this.#aborted;
    const backoff = this.#newBackoff();
    const since = clock.monotonic();
    while (!signal.aborted) {
      await this.#untilAllowed();
      const outcome = await transport.send(request, signal);
      switch (outcome.kind) {
        case "accepted":
          this.#isFailing = false;
          this.#accept(request, outcome, tally);
          return true;
        case "permanent":
          this.#isFailing = false;
          this.#drop(request, { tally, why: "refused_by_backend", reason: outcome.reason });
          return true;
        case "retryable": {
          if (this.#isStopping) this.#aborted.abort();
          if (signal.aborted) return false;
          this.#isFailing = true;
          const elapsedMs = clock.monotonic() - since;
          if (retry.maxElapsedTimeMs > 0 && elapsedMs >= retry.maxElapsedTimeMs) {
            this.#drop(request, { tally, why: "expired", reason: outcome.reason });
            return true;
          }
          this.#tell("warn", "forward_failed", { items: request.itemCount, reason: outcome.reason });
          if (outcome.retryAfterMs !== undefined) this.#leaveAlone(outcome.retryAfterMs);
          await pause({ clock, ms: backoff.next(), signal });
        }
      }
    }
    return false;
  }

  #accept(
    { itemCount }: OtlpRequest,
    { rejected, message }: { readonly rejected: number; readonly message: string },
    tally: Tally,
  ): void {
    const count = Math.min(rejected, itemCount);
    if (count > 0) {
      add(tally, "rejected_by_backend", count);
      this.#tell("warn", "forward_partly_rejected", { items: count, reason: message });
    } else if (message !== "") this.#tell("info", "forward_warning", { reason: message });
  }

  #drop(
    { itemCount }: OtlpRequest,
    { tally, why, reason }: { readonly tally: Tally; readonly why: DropReason; readonly reason: string },
  ): void {
    add(tally, why, itemCount);
    this.#tell("error", "forward_dropped", { why, items: itemCount, reason });
  }

  #leaveAlone(retryAfterMs: number): void {
    const until = this.#options.clock.monotonic() + Math.min(retryAfterMs, RETRY_AFTER_MS_MAX);
    this.#notBefore = Math.max(this.#notBefore, until);
  }

  async #untilAllowed(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#aborted;
    for (;;) {
      const ms = this.#notBefore - clock.monotonic();
      if (ms <= 0 || signal.aborted) return;
      await pause({ clock, ms, signal });
    }
  }

  #newBackoff(): Backoff {
    const { initialIntervalMs: initialMs, maxIntervalMs: maxMs } = this.#options.retry;
    return new Backoff({ initialMs, maxMs });
  }

  #tell(level: "info" | "warn" | "error", event: string, fields: Readonly<Record<string, string | number>>): void {
    this.#options.notify({ level, event, fields });
  }
}

function add(tally: Tally, why: DropReason, count: number): void {
  tally[why] = (tally[why] ?? 0) + count;
}
