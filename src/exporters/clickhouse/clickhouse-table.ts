import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import type { Notify } from "../../component/notice.ts";
import { throttled } from "../../component/throttled-notice.ts";
import { type NativeColumn, writeNativeBlock } from "../../pipeline/native/native-block.ts";
import { selectNativeRows } from "../../pipeline/native/select-rows.ts";
import type { WriteFileDurably } from "../../pipeline/spool/block-store.ts";
import { Delivery, type DeliveryOptions, type Shipment } from "../../pipeline/spool/delivery.ts";
import { IDENTITY_BYTES } from "../../pdata/identity.ts";
import { Spool } from "../../pipeline/spool/spool.ts";
import type { SpoolOptions } from "../../pipeline/spool/spool-options.ts";
import type { SpoolStats } from "../../pipeline/spool/spool-flow.ts";
import { Backoff } from "../../support/backoff.ts";
import { type Clock, delay } from "../../support/clock.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { TableStorage } from "./dependencies.ts";

const KEEP_ALIVE_MS = 60_000;
/** A full spool refuses each batch of each sender: that is told once in so long. */
const REFUSED_INTERVAL_MS = 10_000;

export interface RecentQuery {
  readonly sinceUnixMs: number;
  readonly untilUnixMs: number;
  readonly limit: number;
}

/** What was received lately is asked for in so many pieces: the answers may be large. */
const RECENT_PIECES = 15;

export interface ClickhouseTableOptions<Row>
  extends
    Pick<SpoolOptions<Row>, "identify" | "spendOf" | "onDurable">,
    Pick<DeliveryOptions, "settle" | "onSent" | "presence"> {
  readonly table: string;
  readonly columns: readonly NativeColumn<Row>[];
  /** For notices: `spans`. */
  readonly rowsName: string;
  readonly config: ClickhouseExporterConfig;
  /** Where the blocks are. One process at a time. */
  readonly directory: string;
  readonly storage: TableStorage;
  /** The identities of the rows received in that time, at most `limit`, the newest. */
  recent(query: RecentQuery): Promise<Uint8Array>;
  /** Whether a start waits for those, which is when a resend from before a restart is known. @default true */
  readonly isRecentAwaited?: boolean;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly writeFile?: WriteFileDurably;
}

/**
 * The way of rows into one table: `append` resolves with success when they are on disk; from there they go to ClickHouse at the
 * pace it allows, once each, over crashes of either side.
 */
export class ClickhouseTable<Row> {
  readonly #options: ClickhouseTableOptions<Row>;
  readonly #spool: Spool<Row>;
  readonly #delivery: Delivery;
  #state: "made" | "started" | "stopped" = "made";

  constructor(options: ClickhouseTableOptions<Row>) {
    this.#options = options;
    const { config, columns, clock, notify } = options;
    const refusals = throttled(notify, { clock, intervalMs: REFUSED_INTERVAL_MS });
    const { spool, deduplication, retry_on_failure: retry } = config;
    this.#spool = new Spool<Row>({
      ...options,
      notify: (notice) => (notice.event === "spool_write_refused" ? refusals : notify)(notice),
      bytesMax: spool.max_bytes,
      // What fits in one insert: when ClickHouse keeps up, nothing is read back.
      keptBytesMax: config.batch.max_bytes,
      setAsideBytesMax: spool.set_aside_max_bytes,
      waitingRowsMax: spool.waiting_spans_max,
      lingerMsMax: spool.linger_max_ms,
      retryAfterMs: spool.retry_after_ms,
      recent: { windowMs: deduplication.window_ms, entriesMax: deduplication.max_entries },
      writeRows: (sink, rows) => writeNativeBlock(sink, columns, rows),
    });
    this.#delivery = new Delivery({
      ...options,
      clock,
      spool: this.#spool,
      retry: {
        initialIntervalMs: retry.initial_interval_ms,
        maxIntervalMs: retry.max_interval_ms,
        permanentAttempts: retry.permanent_attempts,
      },
      batch: {
        flushTimeoutMs: config.batch.flush_timeout_ms,
        rowsMax: config.batch.max_rows,
        bytesMax: config.batch.max_bytes,
      },
      drainTimeoutMs: config.drain_timeout_ms,
      select: selectNativeRows,
      send: (shipment) => this.#insert(shipment),
    });
  }

  /**
   * Recovers the spool, then learns from ClickHouse which rows it took lately. A ClickHouse that is away holds the start
   * up for `load_timeout_ms` at most; until it answers, a resend of a row from before the restart would count again. While its tables
   * are not there, nothing is asked of it: whoever makes them says so, once.
   */
  async start(): Promise<void> {
    const { clock, notify, config, rowsName, storage, isRecentAwaited = true } = this.#options;
    const { isNew } = await this.#spool.open();
    this.#state = "started";
    let isLoaded = false;
    const ready = storage.whenReady();
    const loading = ready
      .then(() => this.#loadRecent())
      .then(() => {
        isLoaded = true;
      });
    if (isRecentAwaited) await Promise.race([loading, delay(clock, config.deduplication.load_timeout_ms)]);
    // Where nothing was taken before, nothing of it can come again.
    if (isRecentAwaited && !isLoaded && !isNew)
      notify({ level: "warn", event: `recent_${rowsName}_not_loaded`, fields: {} });
    void ready.then(() => {
      if (this.#state === "started") this.#delivery.start();
    });
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

  append(rows: readonly Row[]): Promise<Outcome> {
    return this.#spool.append(rows);
  }

  stats(): SpoolStats {
    return this.#spool.stats();
  }

  async #insert({ token, payloads, isPastViews = false }: Shipment): Promise<Outcome> {
    const { storage, table } = this.#options;
    try {
      await storage.insertNative({ table, token, isPastViews, bytes: payloads });
      return SUCCESS;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: storage.isPermanent(error) ? "permanent" : "retryable", reason };
    }
  }

  /** The newest first, so that the bound cuts the oldest. Tries until it succeeds or the exporter is stopped. Never rejects. */
  async #loadRecent(): Promise<void> {
    const { clock, notify, config, rowsName } = this.#options;
    const { window_ms: windowMs, max_entries: entriesMax } = config.deduplication;
    const { initial_interval_ms: initialMs, max_interval_ms: maxMs } = config.retry_on_failure;
    const backoff = new Backoff({ initialMs, maxMs });
    let untilUnixMs = clock.now();
    const endUnixMs = untilUnixMs - windowMs;
    let limit = entriesMax;
    while (this.#state === "started" && untilUnixMs > endUnixMs && limit > 0) {
      const sinceUnixMs = Math.max(endUnixMs, untilUnixMs - Math.ceil(windowMs / RECENT_PIECES));
      try {
        const identities = await this.#options.recent({ sinceUnixMs, untilUnixMs, limit });
        this.#spool.remember(identities);
        limit -= identities.length / IDENTITY_BYTES;
        untilUnixMs = sinceUnixMs;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ level: "warn", event: `recent_${rowsName}_load_failed`, fields: { reason } });
        await delay(clock, backoff.next());
      }
    }
  }
}
