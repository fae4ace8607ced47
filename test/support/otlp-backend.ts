/**
 * A bare OTLP server for tests of what sends to one: it keeps what it is sent, and answers, or does not, as it is told.
 * Nothing of src/receivers is in it. gRPC is done by hand on HTTP/2, so that it can also misbehave.
 */
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import {
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  createServer as createHttp2Server,
  createSecureServer,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { decodeJsonTraces } from "../../src/pdata/otlp/json-traces.ts";
import { decodeProtobufTraces } from "../../src/pdata/otlp/protobuf-traces.ts";
import { encodeResponse, encodeStatus } from "../../src/pdata/otlp/responses.ts";
import type { Span } from "../../src/pdata/span.ts";
import { frame } from "./bare-grpc.ts";
import { ownPort } from "./own-ports.ts";

/** Of a message over gRPC: is it packed, and its length. */
const GRPC_PREFIX_BYTES = 5;

export type Answer =
  | "ok"
  /** Never. */
  | "hang"
  /** The connection breaks. */
  | "reset"
  /** It took all but so many. */
  | { readonly rejected: number; readonly message: string }
  /** `http` or `grpc` by protocol: a status. */
  | { readonly http: number; readonly grpc: number; readonly retryAfterMs?: number };

export interface BackendRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly spans: readonly Span[];
  /** Unpacked. */
  readonly body: Buffer;
  /** Of the body as it came. */
  readonly bytes: number;
  readonly atMs: number;
  /** The name in the certificate that the client has shown. */
  readonly client: string | undefined;
}

export interface BackendOptions {
  readonly protocol: "http" | "grpc";
  /** The server's certificate; with `ca`, clients must show one of that authority. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
}

export class OtlpBackend {
  readonly requests: BackendRequest[] = [];
  /** For the next requests, one each; then `otherwise`. */
  readonly answers: Answer[] = [];
  otherwise: Answer = "ok";
  readonly #options: BackendOptions;
  readonly #taken: Span[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #server: NetServer | undefined;
  #port: number | undefined;

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Where it was before, when it was somewhere. */
  async start(): Promise<void> {
    this.#port ??= await ownPort();
    const server = this.#options.protocol === "http" ? this.#httpServer() : this.#grpcServer();
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, "close");
  }

  /** As a config has it. */
  get endpoint(): string {
    const { protocol, tls } = this.#options;
    if (protocol === "http") return `${tls === undefined ? "http" : "https"}://127.0.0.1:${this.#port}`;
    return tls === undefined ? `http://127.0.0.1:${this.#port}` : `127.0.0.1:${this.#port}`;
  }

  /** All spans of all requests that were answered well. */
  get spans(): readonly Span[] {
    return this.#taken;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  #take(request: BackendRequest): Answer {
    this.requests.push(request);
    const answer = this.answers.shift() ?? this.otherwise;
    if (answer === "ok" || (typeof answer === "object" && "rejected" in answer)) this.#taken.push(...request.spans);
    return answer;
  }

  #tlsOptions(): { cert: string; key: string; ca?: string; requestCert: boolean } | undefined {
    const { tls } = this.#options;
    return tls === undefined ? undefined : { ...tls, requestCert: tls.ca !== undefined };
  }

  #httpServer(): Server {
    const tls = this.#tlsOptions();
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serveHttp(request, response);
    return tls === undefined ? createServer(serve) : createHttpsServer(tls, serve);
  }

  async #serveHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await bytesOf(request);
    const { "content-encoding": encoding, "content-type": type } = request.headers;
    const body = encoding === "gzip" ? gunzipSync(sent) : encoding === "zstd" ? zstdDecompressSync(sent) : sent;
    const decoded = type === "application/json" ? decodeJsonTraces(body) : decodeProtobufTraces(body);
    const answer = this.#take({
      client: clientOf(request.socket),
      path: request.url ?? "",
      headers: request.headers,
      spans: decoded.kind === "decoded" ? decoded.spans : [],
      body,
      bytes: sent.length,
      atMs: performance.now(),
    });
    if (answer === "hang") return;
    if (answer === "reset") {
      request.socket.destroy();
      return;
    }
    const otlpEncoding = type === "application/json" ? "json" : "protobuf";
    if (typeof answer === "object" && "http" in answer) {
      if (answer.retryAfterMs !== undefined) {
        response.setHeader("retry-after", String(Math.ceil(answer.retryAfterMs / 1_000)));
      }
      response.writeHead(answer.http, { "content-type": type ?? "" });
      response.end(encodeStatus({ code: answer.grpc, message: "as told" }, otlpEncoding));
      return;
    }
    response.writeHead(200, { "content-type": type ?? "" });
    response.end(
      encodeResponse({ rejected: rejectedOf(answer), rejectedKey: "rejectedSpans", encoding: otlpEncoding }),
    );
  }

  #grpcServer(): Http2Server | Http2SecureServer {
    const tls = this.#tlsOptions();
    const server = tls === undefined ? createHttp2Server() : createSecureServer(tls);
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on("error", () => {});
      void this.#serveGrpc(stream, headers);
    });
    server.on("session", (session: ServerHttp2Session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session)).on("error", () => {});
    });
    return server;
  }

  async #serveGrpc(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const sent = await bytesOf(stream);
    // The client left before it had said anything.
    if (sent.length < GRPC_PREFIX_BYTES) return;
    const message = sent.subarray(GRPC_PREFIX_BYTES);
    const body = sent.readUInt8(0) === 1 ? gunzipSync(message) : message;
    const decoded = decodeProtobufTraces(body);
    const answer = this.#take({
      client: clientOf(stream.session?.socket),
      path: String(headers[":path"]),
      headers,
      spans: decoded.kind === "decoded" ? decoded.spans : [],
      body,
      bytes: sent.length,
      atMs: performance.now(),
    });
    if (answer === "hang" || stream.destroyed) return;
    if (answer === "reset") {
      stream.session?.destroy();
      return;
    }
    const ok = typeof answer !== "object" || !("grpc" in answer);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(ok ? { "grpc-status": "0" } : trailersOf(answer)));
    if (!ok) {
      stream.end();
      return;
    }
    const rejected = rejectedOf(answer);
    stream.end(frame(encodeResponse({ rejected, rejectedKey: "rejectedSpans", encoding: "protobuf" }), false));
  }
}

function rejectedOf(answer: Answer): readonly { reason: string; count: number }[] {
  return typeof answer === "object" && "rejected" in answer ? [{ reason: answer.message, count: answer.rejected }] : [];
}

function trailersOf(answer: { readonly grpc: number; readonly retryAfterMs?: number }): Record<string, string> {
  const { grpc: code, retryAfterMs: retryDelayMs } = answer;
  const status = encodeStatus(
    { code, message: "as told", ...(retryDelayMs === undefined ? {} : { retryDelayMs }) },
    "protobuf",
  );
  return {
    "grpc-status": String(code),
    "grpc-message": "as told",
    ...(retryDelayMs === undefined ? {} : { "grpc-status-details-bin": status.toString("base64") }),
  };
}

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch {
    // The client left; what came is not a request.
    return Buffer.alloc(5);
  }
  return Buffer.concat(chunks);
}

function clientOf(socket: Socket | TLSSocket | undefined): string | undefined {
  const name = (socket as Partial<TLSSocket> | undefined)?.getPeerCertificate?.().subject?.CN;
  return typeof name === "string" ? name : undefined;
}
