/** OTLP/gRPC as a client: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc */
import { ChannelCredentials, Client, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { TlsClientFiles } from "../../config/tls.ts";
import { decodeExportResponse, decodeRetryDelay } from "../../pdata/otlp/decode-responses.ts";
import type { OtlpExporterConfig } from "./config.ts";
import type { OtlpRequest } from "./requests.ts";
import { type SendOutcome, type Transport, shortReason } from "./transport.ts";

export interface GrpcTransportOptions {
  readonly config: OtlpExporterConfig;
  /** `/package.Service/Method`. */
  readonly method: string;
  readonly files: TlsClientFiles;
  readonly userAgent: string;
}

const GZIP = 2;
const IDENTITY = 0;
const ANSWER_BYTES_MAX = 65_536;
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** RESOURCE_EXHAUSTED is one of them only when the server says when to come back. */
const RETRYABLE: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

const asItIs = (bytes: Buffer): Buffer => bytes;

export class GrpcTransport implements Transport {
  readonly #options: GrpcTransportOptions;
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(options: GrpcTransportOptions) {
    const { config, files, userAgent } = options;
    const { host, isPlain } = grpcTarget(config);
    const { server_name_override: serverName, insecure_skip_verify: isUnverified } = config.tls;
    this.#options = options;
    const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
    const credentials = isPlain
      ? ChannelCredentials.createInsecure()
      : ChannelCredentials.createSsl(pem(files.ca), pem(files.key), pem(files.cert), {
          rejectUnauthorized: !isUnverified,
          ...(isUnverified ? { checkServerIdentity: () => undefined } : {}),
        });
    this.#client = new Client(host, credentials, {
      "grpc.primary_user_agent": userAgent,
      "grpc.default_compression_algorithm": config.compression === "gzip" ? GZIP : IDENTITY,
      // Trying again is ours: it obeys RetryInfo and outlives the process.
      "grpc.enable_retries": 0,
      "grpc.max_receive_message_length": ANSWER_BYTES_MAX,
      "grpc.initial_reconnect_backoff_ms": Math.max(100, config.retry_on_failure.initial_interval_ms),
      "grpc.max_reconnect_backoff_ms": Math.max(100, config.retry_on_failure.max_interval_ms),
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      ...(serverName === undefined
        ? {}
        : { "grpc.ssl_target_name_override": serverName, "grpc.default_authority": serverName }),
    });
    for (const [name, value] of Object.entries(config.headers)) this.#metadata.set(name.toLowerCase(), value.reveal());
  }

  send({ body }: OtlpRequest, signal: AbortSignal): Promise<SendOutcome> {
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    const { method, config } = this.#options;
    const deadline = Date.now() + config.timeout_ms;
    const call = this.#client.makeUnaryRequest(
      method,
      asItIs,
      asItIs,
      body,
      this.#metadata.clone(),
      { deadline },
      (error, answer) => {
        signal.removeEventListener("abort", onAbort);
        resolve(error === null ? accepted(answer) : refused(error));
      },
    );
    const onAbort = (): void => call.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) call.cancel();
    return promise;
  }

  close(): void {
    this.#client.close();
  }
}

/** Where an endpoint of the config is: `http://` and `tls.insecure` mean plain text. */
export function grpcTarget(config: Pick<OtlpExporterConfig, "endpoint" | "tls">): {
  readonly host: string;
  readonly isPlain: boolean;
} {
  const host = config.endpoint.replace(/^https?:\/\//, "").replace(/\/$/, "");
  return { host, isPlain: config.endpoint.startsWith("http://") || config.tls.insecure };
}

function accepted(answer: Buffer | undefined): SendOutcome {
  const { rejected, message } = decodeExportResponse(answer ?? Buffer.alloc(0), "protobuf");
  return { kind: "accepted", rejected, message: shortReason(message) };
}

function refused(error: ServiceError): SendOutcome {
  const reason = `gRPC ${status[error.code] ?? error.code}: ${shortReason(error.details)}`;
  const details = error.metadata?.get("grpc-status-details-bin")[0];
  const retryAfterMs = Buffer.isBuffer(details) ? decodeRetryDelay(details) : undefined;
  if (retryAfterMs !== undefined && (RETRYABLE.has(error.code) || error.code === status.RESOURCE_EXHAUSTED)) {
    return { kind: "retryable", reason, retryAfterMs };
  }
  return RETRYABLE.has(error.code) ? { kind: "retryable", reason } : { kind: "permanent", reason };
}
