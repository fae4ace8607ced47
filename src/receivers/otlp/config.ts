import { z } from "zod";
import { endpointDefault } from "../../config/endpoint.ts";

export const DEFAULT_OTLP_HTTP_ENDPOINT = "127.0.0.1:4318";
export const DEFAULT_OTLP_GRPC_ENDPOINT = "127.0.0.1:4317";
const MIB = 1_048_576;
const DEFAULT_BODY_MAX_BYTES = 20 * MIB;
const DEFAULT_PENDING_MAX_BYTES = 256 * MIB;
const DEFAULT_HEADER_TIMEOUT_MS = 10_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
const DEFAULT_CONNECTIONS_MAX = 1_024;

const wholeAbove0 = z.int().positive();

const httpProtocol = z
  .strictObject({
    endpoint: endpointDefault(DEFAULT_OTLP_HTTP_ENDPOINT).describe("Where `POST /v1/traces` is served."),
    max_request_body_size: wholeAbove0
      .default(DEFAULT_BODY_MAX_BYTES)
      .describe("Bytes of a request body, before and after decompression. A larger one is refused with 413."),
    pending_max_bytes: wholeAbove0
      .default(DEFAULT_PENDING_MAX_BYTES)
      .describe("Bytes of all bodies being worked on at once. Beyond it, requests are answered 503 with Retry-After."),
    header_timeout_ms: wholeAbove0
      .default(DEFAULT_HEADER_TIMEOUT_MS)
      .describe("How long the headers of a request may take."),
    request_timeout_ms: wholeAbove0
      .default(DEFAULT_REQUEST_TIMEOUT_MS)
      .describe("How long a whole request may take to arrive."),
    connections_max: wholeAbove0
      .default(DEFAULT_CONNECTIONS_MAX)
      .describe("Open connections; further ones are dropped."),
  })
  .prefault({});

const grpcProtocol = z
  .strictObject({
    endpoint: endpointDefault(DEFAULT_OTLP_GRPC_ENDPOINT).describe("Accepted, and not served yet: a start says so."),
  })
  .optional();

/** `receivers.otlp` of tollgate.yaml; the keys are the Collector's where it has them. */
export const otlpReceiverConfig = z.strictObject({
  protocols: z.strictObject({ http: httpProtocol, grpc: grpcProtocol }).prefault({}),
});

export type OtlpReceiverConfig = z.output<typeof otlpReceiverConfig>;
export type OtlpHttpConfig = OtlpReceiverConfig["protocols"]["http"];
