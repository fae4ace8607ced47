/**
 * OTLP/gRPC: `TraceService/Export` and its siblings on HTTP/2. `@grpc/grpc-js` is the transport and nothing more: it hands over the bytes of
 * the message, which go through the same reader as those of OTLP/HTTP. Connections are accepted here, so that they can be
 * bounded, and TLS is done here, so that it is the same as for HTTP.
 * https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
 */
import { once } from "node:events";
import { type Server as NetServer, type Socket, createServer } from "node:net";
import { Server as TlsServer, createServer as createTlsServer } from "node:tls";
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerErrorResponse,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import type { Notify } from "../../component/notice.ts";
import { grpcStatusOf } from "../../component/outcome-status.ts";
import type { TlsServerFiles } from "../../config/tls.ts";
import { RpcCode, encodeResponse, encodeStatus } from "../../pdata/otlp/responses.ts";
import type { BufferPool } from "../../support/buffer-pool.ts";
import { type CancelTimer, type Clock, every } from "../../support/clock.ts";
import type { Authenticate } from "./authenticate.ts";
import type { OtlpGrpcConfig } from "./config.ts";
import { GrpcAdmission } from "./grpc-admission.ts";
import { connectionsOf, handshakeTimeoutMs, listen } from "./listen.ts";
import type { Intake, Message } from "./signal-intake.ts";

export interface OtlpGrpcServerOptions {
  readonly config: OtlpGrpcConfig;
  readonly intakes: readonly Intake[];
  readonly buffers: BufferPool;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly authenticate: Authenticate | undefined;
  /** How long a stop waits for calls that are being answered. */
  readonly stopGraceMs: number;
}

interface Running {
  readonly listener: NetServer;
  readonly calls: Server;
  readonly connections: ReadonlySet<Socket>;
}

type Answer = { readonly response: Buffer } | { readonly error: Partial<ServerErrorResponse> };

const MIB = 1_048_576;
/** Memory of one connection's HTTP/2 state, in MB; beyond it, its new calls are refused. */
const SESSION_MEMORY_MB = 32;

/** A connection that is new to a look at all of them is not silent yet. */
const NOT_READ_YET = -1;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** An `Export` whose messages stay the bytes that they are. */
const exportMethod = (path: string): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
});

export class OtlpGrpcServer {
  readonly #options: OtlpGrpcServerOptions;
  readonly #admission: GrpcAdmission;
  /** With the bytes that had been read of each at the last look. */
  readonly #sockets = new Map<Socket, number>();
  #stopWatching: CancelTimer = () => {};
  #running: Running | undefined;
  #url: string | undefined;

  constructor(options: OtlpGrpcServerOptions) {
    const { config, clock, authenticate } = options;
    this.#options = options;
    this.#admission = new GrpcAdmission({
      messageBytesMax: config.max_recv_msg_size_mib * MIB,
      pendingBytesMax: config.pending_max_bytes,
      requestTimeoutMs: config.request_timeout_ms,
      clock,
      authenticate,
    });
  }

  /** `http://host:port` or `https://…` with the real port; `undefined` before the start. */
  get url(): string | undefined {
    return this.#url;
  }

  /** By the name of the status; see GrpcAdmission. */
  get answers(): Readonly<Record<string, number>> {
    return this.#admission.answers;
  }

  /** Rejects when it can't listen (the port is taken). */
  async start(tls: TlsServerFiles | undefined): Promise<void> {
    const { config } = this.#options;
    const calls = this.#createCalls();
    const injector = calls.createConnectionInjector(ServerCredentials.createInsecure());
    const accept = (socket: Socket): void => {
      this.#sockets.set(socket, NOT_READ_YET);
      socket.once("close", () => this.#sockets.delete(socket));
      injector.injectConnection(socket);
    };
    const listener = tls === undefined ? createServer(accept) : this.#createTlsListener(tls, accept);
    const connections = connectionsOf(listener);
    listener.maxConnections = config.connections_max;
    const { endpoint } = config;
    this.#url = await listen({ server: listener, protocol: "grpc", endpoint, isTls: tls !== undefined });
    this.#running = { listener, calls, connections };
    const { time_ms: askMs, timeout_ms: answerMs } = config.keepalive.server_parameters;
    this.#stopWatching = every(this.#options.clock, askMs + answerMs, () => this.#dropSilent());
  }

  /** For connections that are made from now on. */
  replaceTls(files: TlsServerFiles): void {
    const listener = this.#running?.listener;
    if (listener instanceof TlsServer) listener.setSecureContext(files);
  }

  #createTlsListener(tls: TlsServerFiles, accept: (socket: Socket) => void): NetServer {
    const handshakeTimeout = handshakeTimeoutMs(this.#options.config.request_timeout_ms);
    const listener = createTlsServer({ ...tls, ALPNProtocols: ["h2"], handshakeTimeout }, accept);
    // A handshake that took too long is only told of: https closes its connection by itself, this does not.
    return listener.on("tlsClientError", (_error, socket) => socket.destroy());
  }

  /** Takes no new calls, answers those that are there. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { listener, calls, connections } = this.#running;
    this.#running = undefined;
    this.#stopWatching();
    const closed = once(listener, "close");
    listener.close();
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    calls.tryShutdown(() => resolve());
    const cancel = this.#options.clock.setTimer(this.#options.stopGraceMs, () => {
      calls.forceShutdown();
      for (const socket of connections) socket.destroy();
    });
    await drained;
    await closed;
    cancel();
  }

  /**
   * Every client that is there answers the transport's pings, so that bytes come on each connection in each interval. The
   * transport itself only asks a client that does not to leave, which waits for answers that it never reads.
   */
  #dropSilent(): void {
    for (const [socket, bytesRead] of this.#sockets) {
      if (socket.bytesRead === bytesRead) socket.destroy();
      else this.#sockets.set(socket, socket.bytesRead);
    }
  }

  #createCalls(): Server {
    const { max_concurrent_streams: streamsMax, max_recv_msg_size_mib: sizeMib, keepalive } = this.#options.config;
    const calls = new Server({
      interceptors: [this.#admission.interceptor],
      "grpc.max_receive_message_length": sizeMib * MIB,
      "grpc.max_concurrent_streams": streamsMax,
      "grpc.keepalive_time_ms": keepalive.server_parameters.time_ms,
      "grpc.keepalive_timeout_ms": keepalive.server_parameters.timeout_ms,
      "grpc-node.max_session_memory": SESSION_MEMORY_MB,
      "grpc.enable_channelz": 0,
    });
    for (const intake of this.#options.intakes) {
      calls.addService(
        { export: exportMethod(intake.signal.grpcMethod) },
        { export: (call: ExportCall, reply: ExportReply) => void this.#serve({ intake, call, reply }) },
      );
    }
    return calls;
  }

  async #serve({ intake, call, reply }: ServeTask): Promise<void> {
    const { sender, finish } = this.#admission.begin(call.metadata);
    try {
      const answer = await this.#answer(intake, { bytes: call.request, sender });
      if ("error" in answer) reply(answer.error);
      else reply(null, answer.response);
    } catch (error) {
      // A fault of ours: the client should send again, and we should hear of it.
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.notify({ level: "error", event: "otlp_request_broken", fields: { reason } });
      const message = `the ${intake.signal.items} could not be taken`;
      reply(failure({ code: RpcCode.unavailable, message, retryDelayMs: 1_000 }));
    } finally {
      finish();
    }
  }

  async #answer(intake: Intake, message: Pick<Message, "bytes" | "sender">): Promise<Answer> {
    const buffers = this.#options.buffers.lease();
    const taken = await intake.take({ ...message, encoding: "protobuf", buffers });
    switch (taken.kind) {
      case "malformed":
        return { error: failure({ code: RpcCode.invalidArgument, message: taken.reason }) };
      case "refused": {
        const { code, retryDelayMs } = grpcStatusOf(taken.outcome);
        return { error: failure({ code, message: taken.outcome.reason, retryDelayMs }) };
      }
      case "taken": {
        const { rejectedKey } = intake.signal;
        return { response: encodeResponse({ rejected: taken.rejected, rejectedKey, encoding: "protobuf" }) };
      }
    }
  }
}

interface ServeTask {
  readonly intake: Intake;
  readonly call: ExportCall;
  readonly reply: ExportReply;
}

type ExportCall = ServerUnaryCall<Buffer, Buffer>;
type ExportReply = sendUnaryData<Buffer>;

/** A status, with what can be said beyond code and message in `grpc-status-details-bin`. */
function failure(options: {
  readonly code: NonNullable<ServerErrorResponse["code"]>;
  readonly message: string;
  readonly retryDelayMs?: number | undefined;
}): Partial<ServerErrorResponse> {
  const { code, retryDelayMs } = options;
  // The transport percent-encodes it, which half of a surrogate pair would stop.
  const message = options.message.toWellFormed();
  const isBadRequest = code === RpcCode.invalidArgument;
  if (retryDelayMs === undefined && !isBadRequest) return { code, details: message };
  const metadata = new Metadata();
  const bytes = encodeStatus({ code, message, isBadRequest, retryDelayMs }, "protobuf");
  metadata.set("grpc-status-details-bin", bytes);
  return { code, details: message, metadata };
}
