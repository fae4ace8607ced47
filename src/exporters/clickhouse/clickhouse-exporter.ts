import type { Exporter } from "../../component/component.ts";
import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import { encodeNativeBlock } from "../../pipeline/native/native-block.ts";
import { Delivery, type Shipment } from "../../pipeline/spool/delivery.ts";
import { IDENTITY_BYTES } from "../../pipeline/spool/identity.ts";
import { writeSpanIdentity } from "../../pipeline/spool/span-identity.ts";
import { sumSpend } from "../../pipeline/spool/spend-sum.ts";
import { Spool, type SpoolStats } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import { delay } from "../../support/clock.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { ClickhouseExporterDependencies } from "./dependencies.ts";
import { EndTimes, type SpanLags } from "./end-times.ts";
import { LedgerFeed } from "./ledger-feed.ts";
import { SPAN_COLUMNS, type SpanRow } from "./span-columns.ts";

const KEEP_ALIVE_MS = 60_000;

const TABLE = "span_log";

export type ExporterStats = SpoolStats;

/**
 * The end of the traces pipeline: `consume` resolves with success when the spans are on disk; from there they go to
 * ClickHouse and the ledger at the pace those allow, once each, over crashes of either side.
 */
export class ClickhouseExporter implements Exporter {
  readonly kind = "exporter";
  readonly #config: ClickhouseExporterConfig;
  readonly #dependencies: ClickhouseExporterDependencies;
  readonly #spool: Spool<SpanRow>;
  readonly #delivery: Delivery;
  readonly #ledger: LedgerFeed;
  readonly #endTimes = new EndTimes();
  #state: "made" | "started" | "stopped" = "made";

  constructor(config: ClickhouseExporterConfig, dependencies: ClickhouseExporterDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    const { clock, notify } = dependencies;
    this.#ledger = new LedgerFeed({
      observe: (observation) => dependencies.observe(observation),
      onCounted: (token) => this.#tellLags(token, dependencies.onCounted),
      clock,
      notify,
      backoff: this.#newBackoff(),
    });
    this.#spool = this.#makeSpool();
    this.#delivery = new Delivery({
      spool: this.#spool,
      clock,
      notify,
      retry: {
        initialIntervalMs: config.retry_on_failure.initial_interval_ms,
        maxIntervalMs: config.retry_on_failure.max_interval_ms,
        permanentAttempts: config.retry_on_failure.permanent_attempts,
      },
      drainTimeoutMs: config.drain_timeout_ms,
      send: (shipment) => this.#insert(shipment),
      settle: ({ token, spend }, signal) => this.#ledger.settled({ token, entries: spend }, signal),
      onSent: (token) => {
        this.#tellLags(token, dependencies.onVisible);
        this.#endTimes.forget(token);
      },
    });
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
    const { receivedUnixMs } = batch;
    return this.#spool.append(batch.spans.map((span) => ({ span, receivedUnixMs })));
  }

  stats(): ExporterStats {
    return this.#spool.stats();
  }

  #makeSpool(): Spool<SpanRow> {
    const { spool, deduplication } = this.#config;
    const { clock, directory, notify, writeFile } = this.#dependencies;
    return new Spool<SpanRow>({
      directory,
      bytesMax: spool.max_bytes,
      waitingRowsMax: spool.waiting_spans_max,
      lingerMsMax: spool.linger_max_ms,
      retryAfterMs: spool.retry_after_ms,
      recent: { windowMs: deduplication.window_ms, entriesMax: deduplication.max_entries },
      clock,
      notify,
      identify: ({ span }, target) => writeSpanIdentity(span, target),
      encode: (rows) => encodeNativeBlock(SPAN_COLUMNS, rows),
      spendOf: (rows) => sumSpend(rows.map((row) => row.span)),
      onDurable: ({ token, spend }, rows) => {
        this.#endTimes.keep(token, rows);
        this.#ledger.tell({ token, entries: spend });
      },
      ...(writeFile === undefined ? {} : { writeFile }),
    });
  }

  async #insert({ token, payload }: Shipment): Promise<Outcome> {
    const { storage } = this.#dependencies;
    try {
      await storage.insertNative({ table: TABLE, token, bytes: payload });
      return SUCCESS;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: storage.isPermanent(error) ? "permanent" : "retryable", reason };
    }
  }

  #tellLags(token: string, tell: ((lags: SpanLags) => void) | undefined): void {
    const endUnixMs = this.#endTimes.of(token);
    if (endUnixMs !== undefined) tell?.({ endUnixMs, nowUnixMs: this.#dependencies.clock.now() });
  }

  #newBackoff(): Backoff {
    const { initial_interval_ms: initialMs, max_interval_ms: maxMs } = this.#config.retry_on_failure;
    return new Backoff({ initialMs, maxMs });
  }

  /** Tries until it succeeds or the exporter is stopped. Never rejects. */
  async #loadRecent(): Promise<void> {
    const { clock, notify, storage } = this.#dependencies;
    const backoff = this.#newBackoff();
    while (this.#state === "started") {
      try {
        const sinceUnixMs = clock.now() - this.#config.deduplication.window_ms;
        const spans = await storage.recentSpans({ sinceUnixMs, limit: this.#config.deduplication.max_entries });
        const identities = Buffer.alloc(spans.length * IDENTITY_BYTES);
        for (const [index, span] of spans.entries()) {
          writeSpanIdentity(span, identities.subarray(index * IDENTITY_BYTES, (index + 1) * IDENTITY_BYTES));
        }
        this.#spool.remember(identities);
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ level: "warn", event: "recent_spans_load_failed", fields: { reason } });
        await delay(clock, backoff.next());
      }
    }
  }
}
