/**
 * `POST /v1/traces`: from bytes to one answer. 200 is said only after the consumer has said success, which means the
 * spans are on disk; every other answer tells the client whether to send them again.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import type { IncomingMessage } from "node:http";
import { httpStatusOf } from "../../component/outcome-status.ts";
import { type DecodedTraces, type RejectedSpans } from "../../pdata/otlp/decoded.ts";
import { decodeJsonTraces } from "../../pdata/otlp/json-traces.ts";
import { decodeProtobufTraces } from "../../pdata/otlp/protobuf-traces.ts";
import { type OtlpEncoding, RpcCode, encodeStatus, encodeTraceResponse } from "../../pdata/otlp/responses.ts";
import type { OtlpHttpConfig } from "./config.ts";
import { MemoryGate } from "./memory-gate.ts";
import { type Body, readBody } from "./request-body.ts";
import { ANYBODY, type Authenticate, type TraceIntake } from "./trace-intake.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The request was not read to its end: the connection can't be used again. */
  readonly isLast: boolean;
}

export interface TraceHandlerOptions {
  readonly config: OtlpHttpConfig;
  readonly intake: TraceIntake;
  readonly authenticate: Authenticate | undefined;
}

const PATH = "/v1/traces";
const CONTENT_TYPES = { protobuf: "application/x-protobuf", json: "application/json" } as const;
/** A usual ratio for OTLP under gzip: only an estimate, `max_request_body_size` is the bound. */
const COMPRESSION_RATIO = 8;
const BUSY_RETRY_AFTER_SECONDS = "1";

export class TraceHandler {
  readonly #options: TraceHandlerOptions;
  readonly #memory: MemoryGate;

  constructor(options: TraceHandlerOptions) {
    this.#options = options;
    this.#memory = new MemoryGate(options.config.pending_max_bytes);
  }

  /** `undefined` when the client has gone. Rejects only when the pipeline does. */
  async handle(request: IncomingMessage): Promise<Answer | undefined> {
    const encoding = encodingOf(request.headers["content-type"]);
    const refusal = unservable(request, encoding);
    if (refusal !== undefined) return refusal;
    const { authenticate, config } = this.#options;
    const who = authenticate === undefined ? ANYBODY : authenticate(request.headers.authorization);
    if (who === undefined) {
      const headers = { "www-authenticate": "Bearer" };
      return refuse({ encoding, status: 401, message: "an agent key is needed: Authorization: Bearer …", headers });
    }
    const reservation = this.#memory.tryReserve(bytesExpected(request, config.max_request_body_size));
    if (reservation === undefined) {
      return refuse({ encoding, status: 503, message: "too much is being received, come back later" });
    }
    try {
      const body = await readBody(request, config.max_request_body_size);
      return await this.#answer({ body, encoding: encoding ?? "json", sender: who.sender });
    } finally {
      reservation.release();
    }
  }

  async #answer(task: { body: Body; encoding: OtlpEncoding; sender: string | undefined }): Promise<Answer | undefined> {
    const { body, encoding, sender } = task;
    if (body.kind === "aborted") return undefined;
    if (body.kind === "refused") return refuse({ encoding, status: body.status, message: body.reason });
    const decoded = decode(body.bytes, encoding);
    if (decoded.kind === "malformed") return refuse({ encoding, status: 400, message: decoded.reason, isLast: false });
    const outcome = await this.#options.intake.consume(decoded, sender);
    const { status, retryAfterSeconds } = httpStatusOf(outcome);
    if (outcome.kind !== "success") {
      const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
      return refuse({ encoding, status, message: outcome.reason, headers, isLast: false });
    }
    const rejected: readonly RejectedSpans[] = [...decoded.rejected, ...outcome.rejected];
    return {
      status,
      headers: { "content-type": CONTENT_TYPES[encoding] },
      body: encodeTraceResponse(rejected, encoding),
      isLast: false,
    };
  }
}

/** What is wrong with a request before its body is looked at. */
function unservable(request: IncomingMessage, encoding: OtlpEncoding | undefined): Answer | undefined {
  const path = (request.url ?? "").split("?", 1)[0];
  if (path !== PATH) return refuse({ encoding, status: 404, message: `only ${PATH} is served here` });
  if (request.method !== "POST") {
    return refuse({ encoding, status: 405, message: "only POST is served here", headers: { allow: "POST" } });
  }
  if (encoding === undefined) {
    const message = `content-type must be ${CONTENT_TYPES.protobuf} or ${CONTENT_TYPES.json}`;
    return refuse({ encoding, status: 415, message });
  }
  return undefined;
}

/** How much memory a body may take, as far as its headers tell. */
function bytesExpected(request: IncomingMessage, bytesMax: number): number {
  const length = Number(request.headers["content-length"] ?? bytesMax);
  const isCompressed = request.headers["content-encoding"] !== undefined;
  return Math.min(isCompressed ? length * COMPRESSION_RATIO : length, bytesMax);
}

function decode(bytes: Buffer, encoding: OtlpEncoding): DecodedTraces {
  return encoding === "json" ? decodeJsonTraces(bytes) : decodeProtobufTraces(bytes);
}

/** `application/json; charset=utf-8` → json. Another charset is another type. */
function encodingOf(contentType: string | undefined): OtlpEncoding | undefined {
  const [type, ...parameters] = (contentType ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) return undefined;
  if (type === CONTENT_TYPES.json) return "json";
  return type === CONTENT_TYPES.protobuf ? "protobuf" : undefined;
}

const RPC_CODES: Readonly<Record<number, number>> = {
  400: RpcCode.invalidArgument,
  401: RpcCode.unauthenticated,
  404: RpcCode.unimplemented,
  405: RpcCode.unimplemented,
  413: RpcCode.resourceExhausted,
  415: RpcCode.invalidArgument,
  503: RpcCode.unavailable,
};

interface Refusal {
  /** `undefined` when the request's encoding is unknown: then the message is plain text. */
  readonly encoding: OtlpEncoding | undefined;
  readonly status: number;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default true */
  readonly isLast?: boolean;
}

function refuse({ encoding, status, message, headers = {}, isLast = true }: Refusal): Answer {
  const code = RPC_CODES[status] ?? RpcCode.internal;
  const retry =
    status === 503 && headers["retry-after"] === undefined ? { "retry-after": BUSY_RETRY_AFTER_SECONDS } : {};
  return {
    status,
    headers: {
      "content-type": encoding === undefined ? "text/plain; charset=utf-8" : CONTENT_TYPES[encoding],
      ...retry,
      ...headers,
    },
    body: encoding === undefined ? Buffer.from(`${message}\n`) : encodeStatus({ code, message }, encoding),
    isLast,
  };
}
