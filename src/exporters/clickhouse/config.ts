import { z } from "zod";

const MIB = 1_048_576;

export const CLICKHOUSE_EXPORTER_DEFAULTS = {
  spoolMaxBytes: 1024 * MIB,
  waitingSpansMax: 100_000,
  lingerMaxMs: 100,
  retryAfterMs: 2_000,
  windowMs: 900_000,
  maxEntries: 500_000,
  loadTimeoutMs: 10_000,
  initialIntervalMs: 100,
  maxIntervalMs: 10_000,
  permanentAttempts: 3,
  drainTimeoutMs: 5_000,
} as const;

const defaults = CLICKHOUSE_EXPORTER_DEFAULTS;
const wholeAbove0 = z.int().positive();

/** `exporters.clickhouse` of tollgate.yaml. */
export const clickhouseExporterConfig = z.strictObject({
  /** Blocks on disk between the receiver and ClickHouse. */
  spool: z
    .strictObject({
      /** Full: batches are answered with 503 and Retry-After. */
      max_bytes: wholeAbove0.default(defaults.spoolMaxBytes),
      /** Spans that may wait for a write at once. */
      waiting_spans_max: wholeAbove0.default(defaults.waitingSpansMax),
      /** How long a block is held open for more spans while ClickHouse is behind. 0: never. */
      linger_max_ms: z.int().nonnegative().default(defaults.lingerMaxMs),
      retry_after_ms: wholeAbove0.default(defaults.retryAfterMs),
    })
    .prefault({}),
  /** How long, and how many, spans are known again when a client sends them twice. */
  deduplication: z
    .strictObject({
      window_ms: wholeAbove0.default(defaults.windowMs),
      max_entries: wholeAbove0.default(defaults.maxEntries),
      /** How long the start waits for ClickHouse to say which spans it took lately. */
      load_timeout_ms: wholeAbove0.default(defaults.loadTimeoutMs),
    })
    .prefault({}),
  retry_on_failure: z
    .strictObject({
      initial_interval_ms: wholeAbove0.default(defaults.initialIntervalMs),
      max_interval_ms: wholeAbove0.default(defaults.maxIntervalMs),
      /** How often a block that ClickHouse calls wrong is tried before it is set aside. */
      permanent_attempts: wholeAbove0.default(defaults.permanentAttempts),
    })
    .prefault({}),
  /** How long a stop waits for blocks to reach ClickHouse; the rest is delivered after the next start. */
  drain_timeout_ms: z.int().nonnegative().default(defaults.drainTimeoutMs),
});

export type ClickhouseExporterConfig = z.output<typeof clickhouseExporterConfig>;
