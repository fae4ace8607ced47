import type { Exporter } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import { type Outcome, SUCCESS } from "../../component/outcome.ts";
import { throttled } from "../../component/throttled-notice.ts";
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";
import { BACKLOG_BLOCKS } from "../../pipeline/spool/linger.ts";
import { Spool } from "../../pipeline/spool/spool.ts";
import type { SpoolStats } from "../../pipeline/spool/spool-flow.ts";
import type { OtlpSharedConfig } from "./config.ts";
import type { OtlpExporterDependencies } from "./dependencies.ts";
import { type RequestBounds, encodeRequests, makeRequests } from "./requests.ts";
import { Sender, type SenderOptions } from "./sender.ts";
import type { OtlpSignal } from "./signals.ts";
import type { Transport } from "./transport.ts";

export interface OtlpExporterOptions<Item, Batch> {
  readonly signal: OtlpSignal<Item, Batch>;
  readonly config: Omit<OtlpSharedConfig, "endpoint">;
  readonly dependencies: OtlpExporterDependencies;
  readonly encoding: OtlpEncoding;
  /** Called at start: reads the TLS files, connects to nothing yet. */
  makeTransport(): Transport;
}

/** Spans or log records in memory that wait for a write, at most. */
const WAITING_ITEMS_MAX = 50_000;
const LINGER_MS_MAX = 100;
const RETRY_AFTER_MS = 2_000;
/** A client that sends a batch again does so within minutes; about 40 bytes a span. */
const RECENT = { windowMs: 300_000, entriesMax: 100_000 } as const;
const NOTICE_INTERVAL_MS = 60_000;
const KEEP_ALIVE_MS = 60_000;
/** What is under way at once is one of so many parts of the queue at most. */
const QUEUE_PARTS = 4;

/**
 * Sends every span, or every log record, on to a backend, in the pace that it allows, from a queue on disk of its own. With
 * `on_full: drop_oldest` nothing that happens to the backend or the queue reaches whoever sent the spans: `consume` always
 * succeeds, and does not wait for the disk while the queue is behind.
 */
export class OtlpExporter<Item, Batch> implements Exporter<Batch> {
  readonly kind = "exporter";
  readonly #options: OtlpExporterOptions<Item, Batch>;
  readonly #notify: Notify;
  readonly #spool: Spool<Item>;
  readonly #mayDrop: boolean;
  #sending: { readonly sender: Sender; readonly transport: Transport } | undefined;

  constructor(options: OtlpExporterOptions<Item, Batch>) {
    const { config, dependencies, signal } = options;
    const { clock, directory, name } = dependencies;
    const inTime = throttled(dependencies.notify, { clock, intervalMs: NOTICE_INTERVAL_MS });
    this.#options = options;
    this.#notify = (notice) => inTime({ ...notice, fields: { exporter: name, signal: signal.name, ...notice.fields } });
    this.#mayDrop = config.sending_queue.on_full === "drop_oldest";
    this.#spool = new Spool<Item>({
      directory,
      bytesMax: config.sending_queue.max_bytes,
      waitingRowsMax: WAITING_ITEMS_MAX,
      lingerMsMax: LINGER_MS_MAX,
      retryAfterMs: RETRY_AFTER_MS,
      onFull: config.sending_queue.on_full,
      recent: RECENT,
      clock,
      notify: this.#notify,
      identify: (item, target) => signal.identify(item, target),
      writeRows: (sink, items) => sink.raw(this.#encode(items)),
      ...(dependencies.writeFile === undefined ? {} : { writeFile: dependencies.writeFile }),
    });
  }

  /** Recovers the queue; does not wait for the backend. Rejects when a TLS file can't be used. */
  async start(): Promise<void> {
    const { config, dependencies } = this.#options;
    const transport = this.#options.makeTransport();
    try {
      await this.#spool.open();
    } catch (error) {
      transport.close();
      throw error;
    }
    const { initial_interval_ms, max_interval_ms, max_elapsed_time_ms } = config.retry_on_failure;
    const sender = new Sender({
      spool: this.#spool,
      transport,
      clock: dependencies.clock,
      notify: this.#notify,
      retry: {
        initialIntervalMs: initial_interval_ms,
        maxIntervalMs: max_interval_ms,
        maxElapsedTimeMs: max_elapsed_time_ms,
      },
      ...this.#pace(),
      drainTimeoutMs: config.drain_timeout_ms,
    });
    sender.start();
    this.#sending = { sender, transport };
  }

  /** What could not be sent stays on disk. */
  async stop(): Promise<void> {
    const sending = this.#sending;
    if (sending === undefined) return;
    this.#sending = undefined;
    // The clock's timers keep no process alive; when the sockets are closed, a pause between two tries would end it.
    const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS);
    try {
      await this.#spool.close();
      await sending.sender.stop();
    } finally {
      clearInterval(keepAlive);
      sending.transport.close();
    }
  }

  async consume(batch: Batch): Promise<Outcome> {
    const { signal } = this.#options;
    const appended = this.#spool.append(signal.itemsOf(batch));
    if (!this.#mayDrop) return appended;
    // Far behind, the spool holds its blocks open for longer: nobody shall wait for that.
    if (this.#spool.stats().blocks < BACKLOG_BLOCKS) await appended;
    else signal.keep(batch);
    return SUCCESS;
  }

  /** What a queue that may drop could not take is dropped, not refused: nobody has it any more. */
  stats(): SpoolStats {
    const stats = this.#spool.stats();
    if (!this.#mayDrop || stats.refused === 0) return stats;
    return { ...stats, refused: 0, dropped: { ...stats.dropped, not_queued: stats.refused } };
  }

  /** How much is sent at once: as many whole requests as may be under way, but never so much that a full queue has nothing older to drop. */
  #pace(): Pick<SenderOptions, "consumers" | "bounds" | "blocksBytesMax"> {
    const { batch, sending_queue: queue } = this.#options.config;
    const bounds = this.#bounds();
    const blocksBytesMax = Math.min(queue.num_consumers * batch.max_request_bytes, queue.max_bytes / QUEUE_PARTS);
    return { consumers: queue.num_consumers, bounds, blocksBytesMax };
  }

  #bounds(): RequestBounds {
    const { send_batch_max_size: itemsMax, max_request_bytes: bytesMax } = this.#options.config.batch;
    return { itemsMax, bytesMax };
  }

  #encode(items: readonly Item[]): Buffer {
    const { encoding, signal } = this.#options;
    const bounds = this.#bounds();
    const encode = (some: readonly Item[]): Buffer => signal.encode(some, encoding);
    return encodeRequests(makeRequests({ items, bounds, encoding, encode }));
  }
}
