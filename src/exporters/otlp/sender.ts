/**
 * Takes blocks from the spool in order and sends their requests, several at once; a block is forgotten when the backend has
 * answered each of them for good. Small ones go together: a backend that is far away answers a few requests a second, however
 * small they are. What happens to a request is the OTLP specification's to say: sent again, or not. A stop
 * or a crash in the middle of a block sends the whole block again: at least once, as OTLP is.
 * https://opentelemetry.io/docs/specs/otlp/#failures
 */
import type { Notify } from "../../component/notice.ts";
import { pause } from "../../support/pause.ts";
import type { StoredBlock } from "../../pipeline/spool/block-store.ts";
import type { Spool } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import type { Clock } from "../../support/clock.ts";
import { type Part, inParcels, joined } from "./parcels.ts";
import { type OtlpRequest, type RequestBounds, decodeRequests } from "./requests.ts";
import type { Transport } from "./transport.ts";

export interface SenderOptions {
  readonly spool: Pick<Spool<never>, "several" | "payload" | "delivered" | "giveUp">;
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
  /** Of one request. */
  readonly bounds: RequestBounds;
  /** Bytes of the blocks that are worked on at once. */
  readonly blocksBytesMax: number;
  readonly drainTimeoutMs: number;
}

/** Why items of a request did not reach the backend; the count equation's words. */
type DropReason = "rejected_by_backend" | "refused_by_backend" | "expired";

/** What became of a request's items; all of those that are not counted here arrived. */
interface Answer {
  readonly why: DropReason;
  readonly count: number;
  readonly reason: string;
}

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
    const { spool, clock, notify, retry, blocksBytesMax } = this.#options;
    const backoff = this.#newBackoff();
    const limits = { rowsMax: Number.MAX_SAFE_INTEGER, bytesMax: blocksBytesMax };
    for (let blocks = await spool.several(limits); blocks.length > 0; blocks = await spool.several(limits)) {
      if (this.#aborted.signal.aborted) return;
      try {
        await this.#deliver(blocks);
        backoff.reset();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ level: "error", event: "forward_block_failed", fields: { block: blocks[0]?.name ?? "", reason } });
        await pause({ clock, ms: Math.max(backoff.next(), retry.initialIntervalMs), signal: this.#aborted.signal });
      }
    }
  }

  /** Ends with blocks still in the spool only when aborted. */
  async #deliver(blocks: readonly StoredBlock[]): Promise<void> {
    const { consumers, bounds } = this.#options;
    const parts: Part[] = [];
    for (const stored of blocks) parts.push(...(await this.#partsOf(stored)));
    const queue = inParcels(parts, bounds).values();
    const consume = async (): Promise<void> => {
      for (const parcel of queue) await this.#sendParcel(parcel);
    };
    // All of them: one that goes on would meet the next blocks.
    const ended = await Promise.allSettled(Array.from({ length: consumers }, consume));
    for (const end of ended) if (end.status === "rejected") throw end.reason;
  }

  async #partsOf(stored: StoredBlock): Promise<readonly Part[]> {
    const { spool } = this.#options;
    const block = await spool.payload(stored);
    if (block === undefined) return [];
    const requests = decodeRequests(block.payload);
    if (requests === undefined) {
      await spool.giveUp(stored, "corrupt", "the payload is not made of requests");
      return [];
    }
    if (requests.length === 0) await spool.delivered(stored);
    const pending = { stored, left: requests.length, dropped: {} };
    return requests.map((request) => ({ request, block: pending }));
  }

  /** Leaves the blocks of its parts in the spool only when aborted. */
  async #sendParcel(parts: readonly Part[]): Promise<void> {
    const request = joined(parts);
    const answer = await this.#send(request);
    if (answer === undefined) return;
    if (answer.why === "refused_by_backend" && parts.length > 1) {
      // It may be for one of them: the others shall not go with it.
      for (const part of parts) await this.#sendParcel([part]);
      return;
    }
    this.#report(answer);
    await this.#settle(parts, answer);
  }

  /** Which of the items a backend rejected, it does not say: they are counted from the first part on. */
  async #settle(parts: readonly Part[], { why, count }: Answer): Promise<void> {
    let left = count;
    for (const { request, block } of parts) {
      const here = Math.min(left, request.itemCount);
      left -= here;
      if (here > 0) block.dropped[why] = (block.dropped[why] ?? 0) + here;
      block.left -= 1;
      if (block.left === 0) await this.#options.spool.delivered(block.stored, block.dropped);
    }
  }

  /** What the backend says for good; `undefined` only when the sender is aborted. */
  async #send(request: OtlpRequest): Promise<Answer | undefined> {
    const { transport, clock, retry } = this.#options;
    const { signal } = this.#aborted;
    const { itemCount } = request;
    const backoff = this.#newBackoff();
    const since = clock.monotonic();
    while (!signal.aborted) {
      await this.#untilAllowed();
      const outcome = await transport.send(request, signal);
      switch (outcome.kind) {
        case "accepted":
          this.#isFailing = false;
          return {
            why: "rejected_by_backend",
            count: Math.min(outcome.rejected, itemCount),
            reason: outcome.message,
          };
        case "permanent":
          this.#isFailing = false;
          return { why: "refused_by_backend", count: itemCount, reason: outcome.reason };
        case "retryable": {
          if (this.#isStopping) this.#aborted.abort();
          if (signal.aborted) return undefined;
          this.#isFailing = true;
          const elapsedMs = clock.monotonic() - since;
          if (retry.maxElapsedTimeMs > 0 && elapsedMs >= retry.maxElapsedTimeMs) {
            return { why: "expired", count: itemCount, reason: outcome.reason };
          }
          this.#tell("warn", "forward_failed", { items: itemCount, reason: outcome.reason });
          if (outcome.retryAfterMs !== undefined) this.#leaveAlone(outcome.retryAfterMs);
          await pause({ clock, ms: backoff.next(), signal });
        }
      }
    }
    return undefined;
  }

  #report({ why, count: items, reason }: Answer): void {
    if (why !== "rejected_by_backend") this.#tell("error", "forward_dropped", { why, items, reason });
    else if (items > 0) this.#tell("warn", "forward_partly_rejected", { items, reason });
    else if (reason !== "") this.#tell("info", "forward_warning", { reason });
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
