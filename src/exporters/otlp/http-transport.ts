/** OTLP/HTTP as a client: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import type { TlsClientFiles } from "../../config/tls.ts";
import { decodeExportResponse, decodeStatusMessage } from "../../pdata/otlp/decode-responses.ts";
import type { OtlpHttpExporterConfig } from "./config.ts";
import type { OtlpRequest } from "./requests.ts";
import { type SendOutcome, type Transport, shortReason } from "./transport.ts";

export interface HttpTransportOptions {
  readonly config: OtlpHttpExporterConfig;
  readonly url: URL;
  readonly files: TlsClientFiles;
  readonly userAgent: string;
  /** Unix ms, for a Retry-After that is a date. */
  now(): number;
}

/** An answer is a few bytes; what is longer is not read on. */
const ANSWER_BYTES_MAX = 65_536;
/** Over HTTP these and no others ask to be sent again. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const COMPRESS = {
  gzip: promisify(gzip),
  zstd: promisify(zstdCompress),
  none: async (body: Buffer): Promise<Buffer> => body,
} as const;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string;
  readonly body: Buffer;
}

export class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: HttpTransportOptions) {
    const { config, files, url, userAgent } = options;
    const { num_consumers: maxSockets } = config.sending_queue;
    const pool = { keepAlive: true, maxSockets };
    this.#options = options;
    this.#agent =
      url.protocol === "http:"
        ? new HttpAgent(pool)
        : new HttpsAgent({
            ...pool,
            ...files,
            rejectUnauthorized: !config.tls.insecure_skip_verify,
            ...(config.tls.server_name_override === undefined ? {} : { servername: config.tls.server_name_override }),
          });
    this.#headers = {
      "user-agent": userAgent,
      ...(config.compression === "none" ? {} : { "content-encoding": config.compression }),
      ...Object.fromEntries(
        Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]),
      ),
    };
  }

  async send({ body, encoding }: OtlpRequest, signal: AbortSignal): Promise<SendOutcome> {
    try {
      const compressed = await COMPRESS[this.#options.config.compression](body);
      return this.#outcomeOf(await this.#post({ body: compressed, encoding }, signal));
    } catch (error) {
      return { kind: "retryable", reason: connectionReason(error) };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #post({ body, encoding }: Pick<OtlpRequest, "body" | "encoding">, signal: AbortSignal): Promise<Answer> {
    const { url, config } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const options = {
      method: "POST",
      agent: this.#agent,
      headers: {
        ...this.#headers,
        // The block's, which may be older than the setting.
        "content-type": encoding === "json" ? "application/json" : "application/x-protobuf",
        "content-length": String(body.length),
      },
      // The whole request, not the silence between two bytes.
      signal: AbortSignal.any([signal, AbortSignal.timeout(config.timeout_ms)]),
    };
    const onAnswer = (response: IncomingMessage): void => void readAnswer(response).then(resolve, reject);
    const request: ClientRequest =
      url.protocol === "http:" ? httpRequest(url, options, onAnswer) : httpsRequest(url, options, onAnswer);
    request.on("error", reject);
    request.end(body);
    return promise;
  }

  #outcomeOf({ status, retryAfter, contentType, body }: Answer): SendOutcome {
    const encoding = contentType.includes("json") ? "json" : "protobuf";
    if (status >= 200 && status < 300) {
      const { rejected, message } = decodeExportResponse(body, encoding);
      return { kind: "accepted", rejected, message: shortReason(message) };
    }
    const message = contentType.startsWith("text/plain") ? body.toString("utf8") : decodeStatusMessage(body, encoding);
    const reason = `HTTP ${status}${message === "" ? "" : `: ${shortReason(message)}`}`;
    if (!RETRYABLE.has(status)) return { kind: "permanent", reason };
    const retryAfterMs = retryAfterOf(retryAfter, this.#options.now());
    return { kind: "retryable", reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) {
      response.destroy();
      break;
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers["retry-after"],
    contentType: response.headers["content-type"] ?? "",
    body: Buffer.concat(chunks),
  };
}

/** Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
export function retryAfterOf(header: string | undefined, nowUnixMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowUnixMs);
}

/** Codes of Node (ECONNREFUSED, …) say more than its messages, which for two addresses are empty. */
function connectionReason(error: unknown): string {
  if (!(error instanceof Error)) return shortReason(String(error));
  if (error.name === "TimeoutError" || error.cause instanceof Error) return causeReason(error);
  const code = "code" in error && typeof error.code === "string" ? `${error.code}: ` : "";
  return shortReason(error.message.startsWith(code) ? error.message : `${code}${error.message}`);
}

function causeReason(error: Error): string {
  const isTimeout = [error, error.cause].some((each) => each instanceof Error && each.name === "TimeoutError");
  return isTimeout ? "no answer within `timeout_ms`" : shortReason(error.message);
}
