/**
 * Sends ended spans in batches and loses none in silence: a batch that could not be sent stays and is tried again; when
 * the bound is reached the newest is dropped, counted and logged. OpenTelemetry's own batch processor drops without a
 * word (opentelemetry-js #4184), which an audit record must not.
 */
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Logger } from "../config/logger.ts";
import { withoutTracing } from "./without-tracing.ts";

const PENDING_MAX = 100_000;
const BATCH_MAX = 512;
const DELAY_MS = 500;
const RETRY_MS_MAX = 10_000;

export class AuditSpanProcessor implements SpanProcessor {
  /** Spans that could not be kept. */
  dropped = 0;
  readonly #exporter: SpanExporter;
  readonly #logger: Logger;
  /** Ended and not yet acknowledged, oldest first. */
  #pending: ReadableSpan[] = [];
  #sending: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #hasSent = false;
  #isShutdown = false;

  constructor(exporter: SpanExporter, logger: Logger) {
    this.#exporter = exporter;
    this.#logger = logger;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#pending.length >= PENDING_MAX) {
      this.dropped += 1;
      this.#logger.once("error", "span-dropped", `${PENDING_MAX} spans wait to be sent: more are dropped`);
      return;
    }
    this.#pending.push(span);
    if (this.#pending.length >= BATCH_MAX && this.#failures === 0) void this.#drain();
    else this.#schedule(DELAY_MS);
  }

  /** Everything that is not acknowledged yet. */
  get pending(): readonly ReadableSpan[] {
    return this.#pending;
  }

  /** It was tried, and never once worked. */
  get isUnreachable(): boolean {
    return this.#failures > 0 && !this.#hasSent;
  }

  /** Resolves when everything that had ended is sent, or the first try to send it failed. */
  async forceFlush(): Promise<void> {
    while (this.#pending.length > 0) if (!(await this.#drain())) return;
  }

  async shutdown(): Promise<void> {
    if (this.#isShutdown) return;
    this.#isShutdown = true;
    await this.forceFlush();
    clearTimeout(this.#timer);
    await this.#exporter.shutdown();
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
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = undefined;
      if (this.#pending.length === 0) return;
      this.#schedule(this.#failures === 0 ? DELAY_MS : Math.min(RETRY_MS_MAX, DELAY_MS * 2 ** this.#failures));
    });
    return this.#sending;
  }

  async #sendBatch(): Promise<boolean> {
    const batch = this.#pending.slice(0, BATCH_MAX);
    const problem = await new Promise<Error | undefined>((resolve) => {
      withoutTracing(() => {
        this.#exporter.export(batch, ({ code, error }) => {
          resolve(code === 0 ? undefined : (error ?? new Error("the exporter failed")));
        });
      });
    });
    if (problem !== undefined) {
      this.#failures += 1;
      this.#logger.once("warn", "span-export", `spans can't be sent and are kept for now: ${problem.message}`);
      return false;
    }
    this.#failures = 0;
    this.#hasSent = true;
    this.#pending = this.#pending.slice(batch.length);
    return true;
  }
}
