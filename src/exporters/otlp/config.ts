/**
 * `exporters.otlp` (gRPC) and `exporters.otlp_http` of tollgate.yaml, the keys in the Collector's words where it has them.
 * What differs from the Collector on purpose: the queue is always on disk, so trying again has no end in time by default.
 */
import { z } from "zod";
import { httpUrlSchema } from "../../config/http-url.ts";
import { secretSchema } from "../../config/secret.ts";
import { tlsClientSchema } from "../../config/tls.ts";

const MIB = 1_048_576;

const defaults = {
  timeoutMs: 10_000,
  initialIntervalMs: 1_000,
  maxIntervalMs: 30_000,
  maxElapsedTimeMs: 0,
  queueMaxBytes: 512 * MIB,
  consumers: 4,
  sendBatchMaxSize: 2_048,
  /** gRPC servers take 4 MiB unless told otherwise. */
  requestMaxBytes: 3 * MIB,
  drainTimeoutMs: 5_000,
} as const;

const wholeAbove0 = z.int().positive();

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, { error: "not a header name" });

const headerValue = secretSchema.refine((secret) => /^[\t\x20-\x7e]*$/.test(secret.reveal()), {
  error: "expected printable ASCII",
});

const retryOnFailure = z
  .strictObject({
    initial_interval_ms: wholeAbove0.default(defaults.initialIntervalMs).describe("Pause after the first failure."),
    max_interval_ms: wholeAbove0.default(defaults.maxIntervalMs).describe("The longest pause; each is twice the last."),
    max_elapsed_time_ms: z
      .int()
      .nonnegative()
      .default(defaults.maxElapsedTimeMs)
      .describe("A request that failed for this long is dropped. 0: never, `sending_queue.max_bytes` decides."),
  })
  .prefault({});

const sendingQueue = z
  .strictObject({
    max_bytes: wholeAbove0.default(defaults.queueMaxBytes).describe("Bytes on disk that wait for this backend."),
    on_full: z
      .enum(["drop_oldest", "refuse"])
      .default("drop_oldest")
      .describe(
        "`drop_oldest`: what waited longest is dropped and counted; senders never notice. `refuse`: senders are answered 503 until there is room, as for ClickHouse.",
      ),
    num_consumers: wholeAbove0.max(64).default(defaults.consumers).describe("Requests under way at once."),
  })
  .prefault({});

const batch = z
  .strictObject({
    send_batch_max_size: wholeAbove0.default(defaults.sendBatchMaxSize).describe("Spans of one request at most."),
    max_request_bytes: wholeAbove0
      .default(defaults.requestMaxBytes)
      .describe("Bytes of one request, before compression; a larger one is halved until it is one span."),
  })
  .prefault({});

const shared = {
  signals: z
    .array(z.enum(["traces", "logs"]))
    .min(1)
    .default(["traces"])
    .describe(
      "What is sent on. `logs`: log records, which is how some GenAI events travel; not every backend takes them.",
    ),
  tls: tlsClientSchema.prefault({}),
  headers: z
    .record(headerName, headerValue)
    .default({})
    .describe("Sent with each request: API keys, tenant. Values never show; write them as `${env:NAME}`."),
  timeout_ms: wholeAbove0.default(defaults.timeoutMs).describe("How long one request may take."),
  retry_on_failure: retryOnFailure,
  sending_queue: sendingQueue,
  batch,
  add_facts: z
    .boolean()
    .default(true)
    .describe("True: spans carry what the processors found (agent, cost, decision) as `tollgate.*` attributes."),
  drain_timeout_ms: z
    .int()
    .nonnegative()
    .default(defaults.drainTimeoutMs)
    .describe("How long a stop waits for the queue to empty; the rest is sent after the next start."),
};

const GRPC_ENDPOINT = /^(?:https?:\/\/)?(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}\/?$/;

/** `exporters.otlp`, `exporters.otlp/NAME`. */
export const otlpExporterConfig = z.strictObject({
  endpoint: z
    .string()
    .regex(GRPC_ENDPOINT, { error: "expected `host:port`, with `http://` before it for plain text" })
    .describe("The backend's OTLP/gRPC, `host:port`; TLS unless it begins with `http://` or `tls.insecure` is set."),
  compression: z.enum(["gzip", "none"]).default("gzip").describe("Of the messages."),
  ...shared,
});

/** `exporters.otlp_http`, `exporters.otlp_http/NAME`. */
export const otlpHttpExporterConfig = z.strictObject({
  endpoint: httpUrlSchema.describe("The backend's OTLP/HTTP; `/v1/traces` and `/v1/logs` are added to it."),
  traces_endpoint: httpUrlSchema
    .optional()
    .describe("The whole URL for traces, where it is not `endpoint` with `/v1/traces`."),
  logs_endpoint: httpUrlSchema
    .optional()
    .describe("The whole URL for logs, where it is not `endpoint` with `/v1/logs`."),
  encoding: z.enum(["proto", "json"]).default("proto").describe("Of the bodies."),
  compression: z.enum(["gzip", "zstd", "none"]).default("gzip").describe("Of the bodies."),
  ...shared,
});

export type OtlpExporterConfig = z.output<typeof otlpExporterConfig>;
export type OtlpHttpExporterConfig = z.output<typeof otlpHttpExporterConfig>;
/** What both have. */
export type OtlpSharedConfig = Omit<OtlpExporterConfig, "compression">;
