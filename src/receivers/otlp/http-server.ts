import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerOptions, type ServerResponse, createServer } from "node:http";
import { Server as TlsServer, createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { Notify } from "../../component/notice.ts";
import type { TlsServerFiles } from "../../config/tls.ts";
import type { Clock } from "../../support/clock.ts";
import type { OtlpHttpConfig } from "./config.ts";
import { connectionsOf, handshakeTimeoutMs, listen } from "./listen.ts";
import type { Answer, RequestHandler } from "./request-handler.ts";

export interface OtlpHttpServerOptions {
  readonly config: OtlpHttpConfig;
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly notify: Notify;
  /** How long a stop waits for requests that are being answered. */
  readonly stopGraceMs: number;
}

/** Node looks for requests that are too slow this often at least, so that a time-out means what it says. */
const TIMEOUT_CHECK_MS_MAX = 1_000;

/** Of a body that is refused, so much is read and dropped, within the time that a request may take. */
const DROPPED_BYTES_MAX = 64 * 1_048_576;

/** The HTTP/1.1 side of the receiver: connections and answers; what is answered is the handler's. */
export class OtlpHttpServer {
  readonly #options: OtlpHttpServerOptions;
  readonly #answers = new Map<string, number>();
  /** Requests that are with the handler, by connection. */
  readonly #working = new Map<Socket, number>();
  #server: Server | undefined;
  #connections: ReadonlySet<Socket> = new Set();
  #isStopping = false;
  #url: string | undefined;

  constructor(options: OtlpHttpServerOptions) {
    this.#options = options;
  }

  /** `http://host:port` or `https://…` with the real port; `undefined` before the start. */
  get url(): string | undefined {
    return this.#url;
  }

  /** By HTTP status. */
  get answers(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#answers);
  }

  /** Rejects when it can't listen (the port is taken). */
  async start(tls: TlsServerFiles | undefined): Promise<void> {
    const { config } = this.#options;
    const options = {
      headersTimeout: config.header_timeout_ms,
      requestTimeout: Math.max(config.request_timeout_ms, config.header_timeout_ms),
      connectionsCheckingInterval: Math.min(config.header_timeout_ms, config.request_timeout_ms, TIMEOUT_CHECK_MS_MAX),
    } satisfies ServerOptions;
    const server =
      tls === undefined
        ? createServer(options)
        : createTlsServer({ ...options, ...tls, handshakeTimeout: handshakeTimeoutMs(config.header_timeout_ms) });
    this.#connections = connectionsOf(server);
    server.maxConnections = config.connections_max;
    server.setTimeout(options.requestTimeout, (socket: Socket) => this.#giveUp(socket, options.requestTimeout));
    server.on("request", (request, response) => void this.#serve(request, response));
    const { endpoint } = config;
    this.#url = await listen({ server, protocol: "http", endpoint, isTls: tls !== undefined });
    this.#server = server;
  }

  /** For connections that are made from now on. */
  replaceTls(files: TlsServerFiles): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(files);
  }

  /** Takes no new requests, answers those that are there. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#isStopping = true;
    const closed = once(server, "close");
    server.close();
    const cancel = this.#options.clock.setTimer(this.#options.stopGraceMs, () => {
      for (const socket of this.#connections) socket.destroy();
    });
    await closed;
    cancel();
  }

  /** Nothing moved on a connection for long: its client has gone, or never reads its answers - unless it waits for ours. */
  #giveUp(socket: Socket, timeoutMs: number): void {
    if (this.#working.has(socket)) socket.setTimeout(timeoutMs);
    else socket.destroy();
  }

  #begin(socket: Socket): () => void {
    this.#working.set(socket, (this.#working.get(socket) ?? 0) + 1);
    return () => {
      const left = (this.#working.get(socket) ?? 1) - 1;
      if (left > 0) this.#working.set(socket, left);
      else this.#working.delete(socket);
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = this.#begin(request.socket);
    try {
      const answer = await this.#options.handler.handle(request);
      if (answer !== undefined) this.#send({ request, response }, answer);
    } catch (error) {
      // A fault of ours: the client should send again, and we should hear of it.
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.notify({ level: "error", event: "otlp_request_broken", fields: { reason } });
      const headers = { "retry-after": "1" };
      this.#send({ request, response }, { status: 503, headers, body: Buffer.alloc(0), isLast: true });
    } finally {
      end();
    }
  }

  #send({ request, response }: Exchange, answer: Answer): void {
    const status = String(answer.status);
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    const isLast = answer.isLast || this.#isStopping;
    response.writeHead(answer.status, {
      ...answer.headers,
      "content-length": String(answer.body.length),
      ...(isLast ? { connection: "close" } : {}),
    });
    if (request.complete) {
      response.end(answer.body);
      return;
    }
    response.flushHeaders();
    response.write(answer.body);
    endWhenSent({ request, response });
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Ends an answer that was given before the request was there. Until then what still comes is read and dropped: a connection
 * that is closed on it is reset, and who sends all before reading would take that for trouble of the network, and send again
 * what will never be taken. https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
function endWhenSent({ request, response }: Exchange): void {
  let bytes = 0;
  const end = (): void => void response.end();
  request.once("end", end).once("close", end);
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DROPPED_BYTES_MAX) end();
  });
}
