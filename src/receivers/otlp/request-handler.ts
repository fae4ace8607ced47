/**
 * `POST /v1/traces` and its siblings: from bytes to one answer. 200 is said only after the consumer has said success, which
 * means that what was sent is on disk; every other answer tells the client whether to send it again.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
import type { IncomingMessage } from "node:http";
import { httpStatusOf } from "../../component/outcome-status.ts";
import { type OtlpEncoding, RpcCode, encodeResponse, encodeStatus } from "../../pdata/otlp/responses.ts";
import { ANYBODY, type Authenticate } from "./authenticate.ts";
import type { OtlpHttpConfig } from "./config.ts";
import type { BufferLease, BufferPool } from "../../support/buffer-pool.ts";
import { MemoryGate } from "./memory-gate.ts";
import { type Body, readBody } from "./request-body.ts";
import type { Intake } from "./signal-intake.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The request was not read to its end: the connection can't be used again. */
  readonly isLast: boolean;
}

export interface RequestHandlerOptions {
  readonly config: OtlpHttpConfig;
  readonly intakes: readonly Intake[];
  readonly buffers: BufferPool;
  readonly authenticate: Authenticate | undefined;
}

const CONTENT_TYPES = { protobuf: "application/x-protobuf", json: "application/json" } as const;
/** Of a whole URL, which a server has to take for its path: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
const ORIGIN = /^https?:\/\/[^/?]*/i;
const BUSY_RETRY_AFTER_SECONDS = "1";

export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #memory: MemoryGate;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
    this.#memory = new MemoryGate(options.config.pending_max_bytes);
  }

  /** `undefined` when the client has gone. Rejects only when the pipeline does. */
  async handle(request: IncomingMessage): Promise<Answer | undefined> {
    const encoding = encodingOf(request.headers["content-type"]);
    const { authenticate, config } = this.#options;
    const intake = this.#intakeOf(request);
    const refusal = intake === undefined ? this.#notHere(encoding) : unservable(request, encoding);
    if (intake === undefined || refusal !== undefined) return refusal;
    const who = authenticate === undefined ? ANYBODY : authenticate(request.headers.authorization);
    if (who === undefined) {
      const headers = { "www-authenticate": "Bearer" };
      return refuse({ encoding, status: 401, message: "an agent key is needed: Authorization: Bearer …", headers });
    }
    const memory = this.#memory.reserveNothing();
    const buffers = this.#options.buffers.lease();
    try {
      const body = await readBody(request, { bytesMax: config.max_request_body_size, memory, buffers });
      return await this.#answer({ intake, body, encoding: encoding ?? "json", sender: who.sender, buffers });
    } finally {
      memory.release();
    }
  }

  #intakeOf(request: IncomingMessage): Intake | undefined {
    const path = (request.url ?? "").replace(ORIGIN, "").split("?", 1)[0];
    return this.#options.intakes.find(({ signal }) => signal.httpPath === path);
  }

  /** Also for signals of OTLP that are not taken, metrics and profiles: 404 tells their exporters not to send again. */
  #notHere(encoding: OtlpEncoding | undefined): Answer {
    const paths = this.#options.intakes.map(({ signal }) => signal.httpPath);
    return refuse({ encoding, status: 404, message: `only ${paths.join(" and ")} are served here` });
  }

  async #answer(task: AnswerTask): Promise<Answer | undefined> {
    const { intake, body, encoding, sender, buffers } = task;
    if (body.kind === "aborted") return undefined;
    if (body.kind === "refused") return refuse({ encoding, status: body.status, message: body.reason });
    const taken = await intake.take({ bytes: body.bytes, encoding, sender, buffers });
    if (taken.kind === "malformed") return refuse({ encoding, status: 400, message: taken.reason, isLast: false });
    if (taken.kind === "refused") {
      const { status, retryAfterSeconds } = httpStatusOf(taken.outcome);
      const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
      return refuse({ encoding, status, message: taken.outcome.reason, headers, isLast: false });
    }
    const { rejectedKey } = intake.signal;
    return {
      status: 200,
      headers: { "content-type": CONTENT_TYPES[encoding] },
      body: encodeResponse({ rejected: taken.rejected, rejectedKey, encoding }),
      isLast: false,
    };
  }
}

interface AnswerTask {
  readonly intake: Intake;
  readonly body: Body;
  readonly encoding: OtlpEncoding;
  readonly sender: string | undefined;
  readonly buffers: BufferLease;
}

/** What is wrong with a request before its body is looked at. */
function unservable(request: IncomingMessage, encoding: OtlpEncoding | undefined): Answer | undefined {
  if (request.method !== "POST") {
    return refuse({ encoding, status: 405, message: "only POST is served here", headers: { allow: "POST" } });
  }
  if (encoding === undefined) {
    const message = `content-type must be ${CONTENT_TYPES.protobuf} or ${CONTENT_TYPES.json}`;
    return refuse({ encoding, status: 415, message });
  }
  return undefined;
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
    body:
      encoding === undefined
        ? Buffer.from(`${message}\n`)
        : encodeStatus({ code, message, isBadRequest: status === 400 }, encoding),
    isLast,
  };
}
