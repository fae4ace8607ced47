/**
 * Sends ended spans in batches and loses none in silence: a batch that could not be sent stays, in memory or, where there is a
 * spool, on disk, and is tried again; only when both are full is the newest dropped, which is counted, logged, and told by a span
 * of its own once spans are taken again. OpenTelemetry's own batch processor drops without a word (opentelemetry-js #4184), which an
 * audit record must not. Spans that have not ended when the process does are ended and marked.
 *
 * What is done with ended spans (their links, their texts, their places in a batch) is done for some of them together, in the order of the
 * ends: one after each call would cost a process with few callers twice as much, because between two calls the SDK's code has been through the
 * caches. It is done when enough have ended, at the end of that turn of the event loop, so that their answers have been handed over; else when
 * the next batch is due. Whoever asks what is pending, asks for those too. A thread that may be cut off at any time does it at once, and keeps
 * on a shelf what is not acknowledged.
 */
import { clearImmediate, setImmediate } from "node:timers";
import { SpanStatusCode } from "@opentelemetry/api";
import type { Span, SpanProcessor, ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Logger } from "../config/logger.ts";
import * as semconv from "../semconv.ts";
import { toOtlpRequest, write } from "./span-protobuf.ts";
import type { WrittenSpan, WrittenSpanExporter } from "./span-protobuf.ts";
import type { SendBody, SpanSpool } from "./span-spool.ts";
import type { SpanShelf } from "./thread-spans.ts";
import { withoutTracing } from "./without-tracing.ts";

const PENDING_MAX = 100_000;
const BATCH_MAX = 512;
const DELAY_MS = 500;
const RETRY_MS_MAX = 10_000;
/** So many ends are worked off together. */
const TOGETHER = 8;
/** More than this many ends in one turn, and they are worked off at once. */
const ENDED_MAX = 256;
/** As `error.type` of what did not end by itself. */
const PROCESS_ENDED = "process_ended";

export interface AuditSpanProcessorOptions {
  readonly exporter: WrittenSpanExporter;
  readonly logger: Logger;
  /** Spans of this instrumentation scope are ended when the process ends. */
  readonly scope: string;
  /** What has ended and does not know it yet: it comes before what ends now. */
  readonly afterwork?: { catchUp(): void } | undefined;
  /** Gives each span its place, in the order in which they ended, before it is queued. */
  readonly chain?: { onEnd(span: ReadableSpan): void };
  readonly disk?: { readonly spool: SpanSpool; readonly send: SendBody };
  /** Of a thread: what waits lies there too, until it is taken or on disk. */
  readonly shelf?: Pick<SpanShelf, "put" | "release" | "releaseAll"> | undefined;
  /** Spans are taken again after so many were dropped. */
  readonly onRecovered?: (dropped: number) => void;
  /** @default 100000 */
  readonly pendingMax?: number;
}

export class AuditSpanProcessor implements SpanProcessor {
  /** Spans that could not be kept. */
  dropped = 0;
  /** Spans that were kept, since the start: the same number, the same spans to be told of. */
  kept = 0;
  readonly #options: AuditSpanProcessorOptions;
  /** Started and not ended, of our own scope. */
  readonly #open = new Set<Span>();
  /** Ended, without a link or a text yet. */
  #ended: ReadableSpan[] = [];
  #turn: NodeJS.Immediate | undefined;
  /** Ended and not yet sent, oldest first. */
  #waiting: WrittenSpan[] = [];
  /** The batch that is being sent. */
  #sent: readonly WrittenSpan[] = [];
  #sending: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #hasSent = false;
  #isShutdown = false;
  #toldDropped = 0;

  constructor(options: AuditSpanProcessorOptions) {
    this.#options = options;
    // What another process left on disk is sent by this one, without waiting for a span of its own.
    if (options.disk !== undefined) this.#schedule(DELAY_MS);
  }

  onStart(span: Span): void {
    if (span.instrumentationScope.name === this.#options.scope) this.#open.add(span);
  }

  onEnd(span: ReadableSpan): void {
    this.#options.afterwork?.catchUp();
    this.#open.delete(span as Span);
    this.#ended.push(span);
    if (this.#options.shelf !== undefined || this.#ended.length >= ENDED_MAX) this.settle();
    else if (this.#ended.length >= TOGETHER) this.#turn ??= setImmediate(() => this.settle());
    else this.#schedule(DELAY_MS);
  }

  /** Links, writes and queues what has ended, now. Nothing but its text waits: a span is many small things, which the collector would move. */
  settle(): void {
    this.#options.afterwork?.catchUp();
    clearImmediate(this.#turn);
    this.#turn = undefined;
    for (const span of this.#ended.splice(0)) {
      this.#options.chain?.onEnd(span);
      this.#queue(write(span));
    }
  }

  #queue(span: WrittenSpan): void {
    if (this.#waiting.length >= (this.#options.pendingMax ?? PENDING_MAX)) this.#spill();
    if (this.#waiting.length >= (this.#options.pendingMax ?? PENDING_MAX)) {
      this.dropped += 1;
      this.#options.logger.once(
        "error",
        "span-dropped",
        `${this.#waiting.length} spans wait to be sent: more are dropped`,
      );
      return;
    }
    this.#waiting.push(span);
    this.kept += 1;
    this.#options.shelf?.put(span);
    if (this.#waiting.length >= BATCH_MAX && this.#failures === 0) void this.#drain();
    else this.#schedule(DELAY_MS);
  }

  /** Queues what a thread that was cut off has left. */
  adopt(spans: readonly WrittenSpan[]): void {
    for (const span of spans) this.#queue(span);
  }

  /** Somebody else sends what is pending. */
  handedOver(): void {
    this.#options.shelf?.releaseAll();
  }

  /** Everything that is not acknowledged yet, and not on disk. */
  get pending(): readonly WrittenSpan[] {
    this.settle();
    return [...this.#sent, ...this.#waiting];
  }

  /** It was tried, and never once worked. */
  get isUnreachable(): boolean {
    return this.#failures > 0 && !this.#hasSent;
  }

  /** The last try did not work. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Ends what has started, marked as what did not end by itself. */
  endOpen(): void {
    this.#options.afterwork?.catchUp();
    for (const span of this.#open) {
      span.setAttribute(semconv.ATTR_TOLLGATE_SPAN_UNFINISHED, true);
      span.setAttribute(semconv.ATTR_ERROR_TYPE, PROCESS_ENDED);
      span.setStatus({ code: SpanStatusCode.ERROR, message: "the process ended before this did" });
      span.end();
    }
  }

  /** Puts all that is pending on disk, where there is one. The paths of the files, for somebody else to send. */
  spillAll(): readonly string[] {
    this.settle();
    this.#waiting = [...this.#sent, ...this.#waiting];
    this.#sent = [];
    return this.#spill();
  }

  /** Resolves when everything that had ended is sent, or the first try to send it failed. */
  async forceFlush(): Promise<void> {
    for (this.settle(); this.#waiting.length + this.#sent.length > 0; this.settle()) {
      if (!(await this.#drain())) return;
    }
    // A file that is on its way already is no longer among those that wait.
    await this.#sending;
    if (this.#options.disk?.spool.mayHaveFiles === true) await this.#drain();
  }

  async shutdown(): Promise<void> {
    if (this.#isShutdown) return;
    this.#isShutdown = true;
    await this.forceFlush();
    clearTimeout(this.#timer);
    await this.#options.exporter.shutdown();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#isShutdown) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#drain();
    }, delayMs);
    this.#timer.unref();
  }

  #drain(): Promise<boolean> {
    this.#sending ??= this.#sendNext().finally(() => {
      this.#sending = undefined;
      const isEmpty = this.#waiting.length === 0 && this.#ended.length === 0;
      if (isEmpty && this.#options.disk?.spool.mayHaveFiles !== true) return;
      this.#schedule(this.#failures === 0 ? DELAY_MS : Math.min(RETRY_MS_MAX, DELAY_MS * 2 ** this.#failures));
    });
    return this.#sending;
  }

  /** While nobody takes anything, what is on disk is the first to be tried: it is older. */
  async #sendNext(): Promise<boolean> {
    this.settle();
    const hasFiles = this.#options.disk?.spool.mayHaveFiles === true;
    if (hasFiles && (this.#failures > 0 || this.#waiting.length === 0)) {
      const isTaken = await this.#takeUp();
      if (isTaken) this.#onTaken();
      else this.#onNotTaken("the receiver does not take what is on disk");
      if (!isTaken || this.#waiting.length === 0) return isTaken;
    }
    return this.#sendBatch();
  }

  async #takeUp(): Promise<boolean> {
    const { disk, logger } = this.#options;
    try {
      return disk === undefined || (await disk.spool.takeUp(disk.send));
    } catch (problem) {
      logger.once("warn", "spool-read", `spans on disk can't be sent: ${String(problem)}`);
      return false;
    }
  }

  async #sendBatch(): Promise<boolean> {
    this.#sent = this.#waiting.slice(0, BATCH_MAX);
    this.#waiting = this.#waiting.slice(this.#sent.length);
    const problem = await this.#export(this.#sent);
    if (problem === undefined) {
      this.#options.shelf?.release(this.#sent);
      this.#sent = [];
      this.#onTaken();
      return true;
    }
    this.#waiting = [...this.#sent, ...this.#waiting];
    this.#sent = [];
    this.#onNotTaken(problem.message);
    return false;
  }

  async #export(batch: readonly WrittenSpan[]): Promise<Error | undefined> {
    return new Promise((resolve) => {
      withoutTracing(() => {
        this.#options.exporter.export(batch, ({ code, error }) => {
          resolve(code === 0 ? undefined : (error ?? new Error("the exporter failed")));
        });
      });
    });
  }

  #onTaken(): void {
    this.#failures = 0;
    this.#hasSent = true;
    const dropped = this.dropped - this.#toldDropped;
    if (dropped === 0) return;
    this.#toldDropped = this.dropped;
    this.#options.onRecovered?.(dropped);
  }

  #onNotTaken(reason: string): void {
    const { logger, disk } = this.#options;
    this.#failures += 1;
    const where = disk === undefined ? "kept for now" : "kept on disk";
    logger.once("warn", "span-export", `spans can't be sent and are ${where}: ${reason}`);
    this.#spill();
  }

  #spill(): readonly string[] {
    const { disk } = this.#options;
    const paths: string[] = [];
    while (disk !== undefined && this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_MAX);
      const path = disk.spool.write(toOtlpRequest(batch));
      if (path === undefined) break;
      paths.push(path);
      this.#options.shelf?.release(batch);
      this.#waiting = this.#waiting.slice(batch.length);
    }
    return paths;
  }
}
