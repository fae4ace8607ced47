import type { Consumer, Receiver } from "../../component/component.ts";
import type { FlowStats } from "../../component/flow.ts";
import type { Notify } from "../../component/notice.ts";
import type { TlsServerConfig } from "../../config/tls.ts";
import type { LogBatch } from "../../pdata/log-record.ts";
import { BufferPool } from "../../support/buffer-pool.ts";
import type { Clock } from "../../support/clock.ts";
import type { Authenticate } from "./authenticate.ts";
import { type Certificates, createCertificates } from "./certificates.ts";
import type { OtlpReceiverConfig } from "./config.ts";
import { OtlpGrpcServer } from "./grpc-server.ts";
import { OtlpHttpServer } from "./http-server.ts";
import { RequestHandler } from "./request-handler.ts";
import { type Intake, SignalIntake } from "./signal-intake.ts";
import { LOGS, TRACES } from "./signals.ts";

export interface OtlpReceiverDependencies {
  /** Where spans go. */
  readonly next: Consumer;
  /** Where log records go; absent: logs are answered as a signal that is not served. */
  readonly logs?: Consumer<LogBatch>;
  readonly clock: Clock;
  readonly notify: Notify;
  /** Checks the Authorization header of each request; absent: everybody may send, unverified. */
  readonly authenticate?: Authenticate;
  /** What the paths of the TLS files are relative to. @default the working directory */
  readonly directory?: string;
}

/** The count equation of spans; the rest is beside it. */
export interface OtlpReceiverStats extends FlowStats {
  /** The count equation of log records; `undefined` where they are not served. */
  readonly logs: FlowStats | undefined;
  /** Answers of OTLP/HTTP by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers of OTLP/gRPC by the name of their status, and `aborted` calls. */
  readonly grpcAnswers: Readonly<Record<string, number>>;
}

/** How long a stop waits for requests that are being answered. */
const STOP_GRACE_MS = 5_000;
/** Memory of requests that are done, for those to come. */
const IDLE_BYTES_MAX = 8 * 1024 * 1024;

/** OTLP for traces and logs, over HTTP and gRPC: a count equation for each signal, the same answers in two languages. */
export class OtlpReceiver implements Receiver {
  readonly kind = "receiver";
  readonly #config: OtlpReceiverConfig;
  /** Of what looks after certificates. */
  readonly #watching: { readonly directory: string; readonly clock: Clock; readonly notify: Notify };
  readonly #traces: Intake;
  readonly #logs: Intake | undefined;
  readonly #http: OtlpHttpServer;
  readonly #grpc: OtlpGrpcServer;
  #certificates: Certificates[] = [];

  constructor(config: OtlpReceiverConfig, dependencies: OtlpReceiverDependencies) {
    const { clock, notify, authenticate, next, logs } = dependencies;
    const { http, grpc } = config.protocols;
    this.#traces = new SignalIntake({ signal: TRACES, next, clock });
    this.#logs = logs === undefined ? undefined : new SignalIntake({ signal: LOGS, next: logs, clock });
    const intakes = this.#logs === undefined ? [this.#traces] : [this.#traces, this.#logs];
    const buffers = new BufferPool({ idleBytesMax: () => IDLE_BYTES_MAX });
    const shared = { clock, notify, buffers, stopGraceMs: STOP_GRACE_MS };
    this.#config = config;
    this.#watching = { directory: dependencies.directory ?? ".", clock, notify };
    const handler = new RequestHandler({ config: http, intakes, buffers, authenticate });
    this.#http = new OtlpHttpServer({ ...shared, config: http, handler });
    this.#grpc = new OtlpGrpcServer({ ...shared, config: grpc, intakes, authenticate });
  }

  /** `http://host:port` (`https://` with TLS) with the real port; `undefined` before the start. */
  get httpUrl(): string | undefined {
    return this.#http.url;
  }

  /** The same of OTLP/gRPC. */
  get grpcUrl(): string | undefined {
    return this.#grpc.url;
  }

  /** Rejects when it can't listen (a port is taken) or has no certificate; then nothing listens. */
  async start(): Promise<void> {
    const { http, grpc } = this.#config.protocols;
    const httpCertificates = this.#certificatesOf("http", http.tls);
    const grpcCertificates = this.#certificatesOf("grpc", grpc.tls);
    await this.#http.start(httpCertificates?.files);
    try {
      await this.#grpc.start(grpcCertificates?.files);
    } catch (error) {
      await this.#http.stop();
      throw error;
    }
    httpCertificates?.start((files) => this.#http.replaceTls(files));
    grpcCertificates?.start((files) => this.#grpc.replaceTls(files));
    this.#certificates = [httpCertificates, grpcCertificates].filter((each) => each !== undefined);
  }

  /** Takes no new requests, answers those that are there. */
  async stop(): Promise<void> {
    for (const certificates of this.#certificates.splice(0)) certificates.stop();
    await Promise.all([this.#http.stop(), this.#grpc.stop()]);
  }

  stats(): OtlpReceiverStats {
    return {
      ...this.#traces.stats(),
      logs: this.#logs?.stats(),
      answers: this.#http.answers,
      grpcAnswers: this.#grpc.answers,
    };
  }

  #certificatesOf(protocol: "http" | "grpc", config: TlsServerConfig | undefined): Certificates | undefined {
    if (config === undefined) return undefined;
    return createCertificates({ ...this.#watching, protocol, config });
  }
}
