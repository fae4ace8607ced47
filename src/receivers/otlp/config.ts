import { z } from "zod";
import { endpointDefault } from "../../config/endpoint.ts";
import { tlsServerSchema } from "../../config/tls.ts";

export const DEFAULT_OTLP_HTTP_ENDPOINT = "127.0.0.1:4318";
export const DEFAULT_OTLP_GRPC_ENDPOINT = "127.0.0.1:4317";
const MIB = 1_048_576;
const DEFAULT_BODY_MAX_BYTES = 20 * MIB;
const DEFAULT_PENDING_MAX_BYTES = 256 * MIB;
const DEFAULT_HEADER_TIMEOUT_MS = 10_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
const DEFAULT_CONNECTIONS_MAX = 1_024;
const DEFAULT_RECEIVED_MESSAGE_MIB = 4;
/** The length of a gRPC message is 32 bits. */
const RECEIVED_MESSAGE_MIB_MAX = 1_024;
const DEFAULT_STREAMS_MAX = 128;
const DEFAULT_KEEPALIVE_TIME_MS = 60_000;
const DEFAULT_KEEPALIVE_TIMEOUT_MS = 20_000;

const wholeAbove0 = z.int().positive();

const pendingMaxBytes = wholeAbove0.default(DEFAULT_PENDING_MAX_BYTES);
const connectionsMax = wholeAbove0
  .default(DEFAULT_CONNECTIONS_MAX)
  .describe("Open connections; further ones are dropped.");
const tls = tlsServerSchema.optional();

/** `http:` with nothing after it means all defaults, as in the Collector. */
const nothingWritten = (value: unknown): unknown => (value === null ? undefined : value);

const httpProtocol = z.strictObject({
  endpoint: endpointDefault(DEFAULT_OTLP_HTTP_ENDPOINT).describe(
    "Where `POST /v1/traces` and `POST /v1/logs` are served.",
  ),
  tls,
  max_request_body_size: wholeAbove0
    .default(DEFAULT_BODY_MAX_BYTES)
    .describe("Bytes of a request body, before and after decompression. A larger one is refused with 413."),
  pending_max_bytes: pendingMaxBytes.describe(
    "Bytes of all bodies being worked on at once. Beyond it, requests are answered 503 with Retry-After.",
  ),
  header_timeout_ms: wholeAbove0
    .default(DEFAULT_HEADER_TIMEOUT_MS)
    .describe("How long the headers of a request may take."),
  request_timeout_ms: wholeAbove0
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe("How long a whole request may take to arrive."),
  connections_max: connectionsMax,
});

const keepalive = z
  .strictObject({
    server_parameters: z
      .strictObject({
        time_ms: wholeAbove0
          .default(DEFAULT_KEEPALIVE_TIME_MS)
          .describe("How often a connection is asked whether its client is still there."),
        timeout_ms: wholeAbove0
          .default(DEFAULT_KEEPALIVE_TIMEOUT_MS)
          .describe("How long the answer may take; then the connection is dropped."),
      })
      .prefault({}),
  })
  .prefault({});

const grpcProtocol = z.strictObject({
  endpoint: endpointDefault(DEFAULT_OTLP_GRPC_ENDPOINT).describe(
    "Where `TraceService/Export` and `LogsService/Export` are served.",
  ),
  tls,
  max_recv_msg_size_mib: wholeAbove0
    .max(RECEIVED_MESSAGE_MIB_MAX)
    .default(DEFAULT_RECEIVED_MESSAGE_MIB)
    .describe("MiB of a message, before and after decompression. A larger one is refused with RESOURCE_EXHAUSTED."),
  pending_max_bytes: pendingMaxBytes.describe(
    "Bytes of all messages being worked on at once; a call counts as twice the largest until its size is known. Beyond it, calls wait.",
  ),
  request_timeout_ms: wholeAbove0
    .default(DEFAULT_REQUEST_TIMEOUT_MS)
    .describe("How long a message may take to arrive; then DEADLINE_EXCEEDED."),
  connections_max: connectionsMax,
  max_concurrent_streams: wholeAbove0.default(DEFAULT_STREAMS_MAX).describe("Calls at once on one connection."),
  keepalive,
});

const protocols = z.strictObject({
  http: z.preprocess(nothingWritten, httpProtocol.prefault({})),
  grpc: z.preprocess(nothingWritten, grpcProtocol.prefault({})),
});

/** `receivers.otlp` of tollgate.yaml; the keys are the Collector's where it has them. */
export const otlpReceiverConfig = z.strictObject({ protocols: protocols.prefault({}) });

export type OtlpReceiverConfig = z.output<typeof otlpReceiverConfig>;
export type OtlpHttpConfig = OtlpReceiverConfig["protocols"]["http"];
export type OtlpGrpcConfig = OtlpReceiverConfig["protocols"]["grpc"];
