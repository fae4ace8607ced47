import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Receiver } from "../../component/component.ts";
import type { Consumer } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import type { Notify } from "../../component/notice.ts";
import { httpUrl, toEndpoint } from "../../config/endpoint.ts";
import type { Clock } from "../../support/clock.ts";
import type { OtlpReceiverConfig } from "./config.ts";
import { type Authenticate, type Answer, TraceHandler } from "./trace-handler.ts";

export interface OtlpReceiverDependencies {
  readonly next: Consumer;
  readonly clock: Clock;
  readonly notify: Notify;
  /** Checks the Authorization header of each request; absent: everybody may send, unverified. */
  readonly authenticate?: Authenticate;
}

export interface OtlpReceiverStats extends FlowStats {
  /** Answers by HTTP status. */
  readonly answers: Readonly<Record<string, number>>;
}

/** How long a stop waits for requests that are being answered. */
const STOP_GRACE_MS = 5_000;

/** OTLP/HTTP for traces. gRPC is in the config, and not served yet: `start` says so once. */
export class OtlpReceiver implements Receiver {
  readonly kind = "receiver";
  readonly #config: OtlpReceiverConfig;
  readonly #dependencies: OtlpReceiverDependencies;
  readonly #handler: TraceHandler;
  readonly #answers = new Map<string, number>();
  #server: Server | undefined;
  #isStopping = false;
  #url: string | undefined;

  constructor(config: OtlpReceiverConfig, dependencies: OtlpReceiverDependencies) {
    this.#config = config;
    this.#dependencies = dependencies;
    this.#handler = new TraceHandler({
      config: config.protocols.http,
      next: dependencies.next,
      clock: dependencies.clock,
      authenticate: dependencies.authenticate,
    });
  }

  /** `http://host:port` with the real port; `undefined` before the start. */
  get httpUrl(): string | undefined {
    return this.#url;
  }

  /** Rejects when it can't listen (the port is taken). */
  async start(): Promise<void> {
    const { http, grpc } = this.#config.protocols;
    if (grpc !== undefined) {
      const fields = { endpoint: grpc.endpoint, instead: http.endpoint };
      this.#dependencies.notify({ level: "warn", event: "otlp_grpc_not_served", fields });
    }
    const server = createServer({
      headersTimeout: http.header_timeout_ms,
      requestTimeout: Math.max(http.request_timeout_ms, http.header_timeout_ms),
    });
    server.maxConnections = http.connections_max;
    server.on("request", (request, response) => void this.#serve(request, response));
    const endpoint = toEndpoint(http.endpoint);
    server.listen(endpoint.port, endpoint.host);
    await once(server, "listening");
    const address = server.address() as AddressInfo;
    this.#server = server;
    this.#url = httpUrl({ host: endpoint.host, port: address.port });
  }

  /** Takes no new requests, answers those that are there. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#isStopping = true;
    const closed = once(server, "close");
    server.close();
    const cancel = this.#dependencies.clock.setTimer(STOP_GRACE_MS, () => server.closeAllConnections());
    await closed;
    cancel();
  }

  stats(): OtlpReceiverStats {
    return { ...this.#handler.stats(), answers: Object.fromEntries(this.#answers) };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#handler.handle(request);
      if (answer !== undefined) this.#send(response, answer);
    } catch (error) {
      // A fault of ours: the client should send again, and we should hear of it.
      const reason = error instanceof Error ? error.message : String(error);
      this.#dependencies.notify({ level: "error", event: "otlp_request_broken", fields: { reason } });
      const headers = { "retry-after": "1" };
      this.#send(response, { status: 503, headers, body: Buffer.alloc(0), isLast: true });
    }
  }

  #send(response: ServerResponse, answer: Answer): void {
    const status = String(answer.status);
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    const isLast = answer.isLast || this.#isStopping;
    response.writeHead(answer.status, {
      ...answer.headers,
      "content-length": String(answer.body.length),
      ...(isLast ? { connection: "close" } : {}),
    });
    response.end(answer.body);
  }
}
