import type { Exporter } from "../../component/component.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import { encodeNativeBlock } from "../../pipeline/native/native-block.ts";
import { spanIdentity } from "../../pipeline/spool/span-identity.ts";
import { Spool } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import { delay } from "../../support/clock.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import { Delivery } from "./delivery.ts";
import type { ClickhouseExporterDependencies } from "./dependencies.ts";
import { SPAN_COLUMNS } from "./span-columns.ts";

const KEEP_ALIVE_MS = 60_000;

export type ExporterStats = ReturnType<Spool["stats"]>;

/**
 * The end of the traces pipeline: `consume` resolves with success when the spans are on disk; from there they go to
 * ClickHouse and the ledger at the pace those allow, once each, over crashes of either side.
 */
export class ClickhouseExporter implements Exporter {
  readonly kind = "exporter";
  readonly #config: ClickhouseExporterConfig;
  readonly #dependencies: ClickhouseExporterDependencies;
  readonly #spool: Spool;
  readonly #delivery: Delivery;
  #state: "made" | "started" | "stopped" = "made";

  constructor(config: ClickhouseExporterConfig, dependencies: ClickhouseExporterDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    const { clock, directory, notify, writeFile } = dependencies;
    this.#spool = new Spool({
      directory,
      bytesMax: config.spool.max_bytes,
      waitingSpansMax: config.spool.waiting_spans_max,
      lingerMsMax: config.spool.linger_max_ms,
      retryAfterMs: config.spool.retry_after_ms,
      recent: { windowMs: config.deduplication.window_ms, entriesMax: config.deduplication.max_entries },
      clock,
      notify,
      encode: (rows) => encodeNativeBlock(SPAN_COLUMNS, rows),
      onDurable: (block) => this.#delivery.observe({ token: block.token, entries: block.spend }),
      ...(writeFile === undefined ? {} : { writeFile }),
    });
    this.#delivery = new Delivery({ spool: this.#spool, config, dependencies });
  }

  /**
   * Recovers the spool, then learns from ClickHouse which spans it took lately. A ClickHouse that is away holds the start
   * up for `load_timeout_ms` at most; until it answers, a resend of a span from before the restart would count again.
   */
  async start(): Promise<void> {
    const { clock, notify } = this.#dependencies;
    await this.#spool.open();
    this.#state = "started";
    let isLoaded = false;
    const loading = this.#loadRecent().then(() => {
      isLoaded = true;
    });
    await Promise.race([loading, delay(clock, this.#config.deduplication.load_timeout_ms)]);
    if (!isLoaded) notify({ level: "warn", event: "recent_spans_not_loaded", fields: {} });
    this.#delivery.start();
  }

  /** What was acknowledged stays on disk if it can't be delivered within `drain_timeout_ms`. */
  async stop(): Promise<void> {
    if (this.#state !== "started") return;
    this.#state = "stopped";
    // The clock's timers keep no process alive; when the sockets are closed, a pause between two tries would end it.
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    try {
      await this.#spool.close();
      await this.#delivery.stop();
    } finally {
      clearInterval(keepAlive);
    }
  }

  consume(batch: SpanBatch): Promise<Outcome> {
    return this.#spool.append(batch);
  }

  stats(): ExporterStats {
    return this.#spool.stats();
  }

  /** Tries until it succeeds or the exporter is stopped. Never rejects. */
  async #loadRecent(): Promise<void> {
    const { clock, notify, storage } = this.#dependencies;
    const { initial_interval_ms: initialMs, max_interval_ms: maxMs } = this.#config.retry_on_failure;
    const backoff = new Backoff({ initialMs, maxMs });
    while (this.#state === "started") {
      try {
        const sinceUnixMs = clock.now() - this.#config.deduplication.window_ms;
        const spans = await storage.recentSpans({ sinceUnixMs, limit: this.#config.deduplication.max_entries });
        this.#spool.remember(
          spans.map((span) => ({ identity: spanIdentity(span), receivedUnixMs: span.receivedUnixMs })),
        );
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ level: "warn", event: "recent_spans_load_failed", fields: { reason } });
        await delay(clock, backoff.next());
      }
    }
  }
}
