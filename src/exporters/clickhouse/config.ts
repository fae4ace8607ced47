import { z } from "zod";

const MIB = 1_048_576;

const defaults = {
  spoolMaxBytes: 1024 * MIB,
  waitingSpansMax: 100_000,
  lingerMaxMs: 100,
  retryAfterMs: 2_000,
  windowMs: 900_000,
  setAsideMaxBytes: 64 * MIB,
  flushTimeoutMs: 1_000,
  batchMaxRows: 65_536,
  batchMaxBytes: 32 * MIB,
  maxEntries: 4_000_000,
  loadTimeoutMs: 10_000,
  initialIntervalMs: 100,
  maxIntervalMs: 10_000,
  permanentAttempts: 3,
  drainTimeoutMs: 5_000,
} as const;

const wholeAbove0 = z.int().positive();

/** `exporters.clickhouse` of tollgate.yaml. */
export const clickhouseExporterConfig = z.strictObject({
  spool: z
    .strictObject({
      max_bytes: wholeAbove0
        .default(defaults.spoolMaxBytes)
        .describe("Bytes of blocks on disk. Full: batches are answered 503 with Retry-After."),
      waiting_spans_max: wholeAbove0
        .default(defaults.waitingSpansMax)
        .describe("Spans that may wait for a write at once."),
      linger_max_ms: z
        .int()
        .nonnegative()
        .default(defaults.lingerMaxMs)
        .describe("How long a block is held open for more spans while ClickHouse is behind. 0: never."),
      retry_after_ms: wholeAbove0.default(defaults.retryAfterMs).describe("When a refused client should come back."),
      set_aside_max_bytes: wholeAbove0
        .default(defaults.setAsideMaxBytes)
        .describe("Bytes of rows that ClickHouse will never take, kept on disk for people; beyond it the oldest go."),
    })
    .prefault({}),
  batch: z
    .strictObject({
      flush_timeout_ms: z
        .int()
        .nonnegative()
        .default(defaults.flushTimeoutMs)
        .describe(
          "The least time between the starts of two inserts, unless one is full: an insert has a fixed price. Up to twice that while inserts are slow.",
        ),
      max_rows: wholeAbove0.default(defaults.batchMaxRows).describe("Rows of one insert at most."),
      max_bytes: wholeAbove0.default(defaults.batchMaxBytes).describe("Bytes of one insert at most."),
    })
    .prefault({}),
  deduplication: z
    .strictObject({
      window_ms: wholeAbove0.default(defaults.windowMs).describe("How long a span is known when it is sent again."),
      max_entries: wholeAbove0
        .default(defaults.maxEntries)
        .describe(
          "How many spans are known; 17 bytes each. The default is 40 s of 100,000 a second, or the whole window of 4,400.",
        ),
      load_timeout_ms: wholeAbove0
        .default(defaults.loadTimeoutMs)
        .describe("How long the start waits for ClickHouse to say which spans it took lately."),
    })
    .prefault({}),
  retry_on_failure: z
    .strictObject({
      initial_interval_ms: wholeAbove0.default(defaults.initialIntervalMs).describe("Pause after the first failure."),
      max_interval_ms: wholeAbove0
        .default(defaults.maxIntervalMs)
        .describe("The longest pause; each is twice the last."),
      permanent_attempts: wholeAbove0
        .default(defaults.permanentAttempts)
        .describe("How often a block that ClickHouse calls wrong is tried before it is set aside."),
    })
    .prefault({}),
  drain_timeout_ms: z
    .int()
    .nonnegative()
    .default(defaults.drainTimeoutMs)
    .describe("How long a stop waits for blocks to reach ClickHouse; the rest is delivered after the next start."),
});

export type ClickhouseExporterConfig = z.output<typeof clickhouseExporterConfig>;
