/** Sends the bytes of an ExportTraceServiceRequest as they are, and keeps everything that is answered. */
import {
  type CallOptions,
  ChannelCredentials,
  Client,
  type ClientUnaryCall,
  Metadata,
  type StatusObject,
  status,
} from "@grpc/grpc-js";

export interface GrpcReply {
  /** The name of the status: `OK`. */
  readonly status: string;
  readonly message: string;
  readonly response: Buffer | undefined;
  /** `grpc-status-details-bin`. */
  readonly details: Buffer | undefined;
}

export interface GrpcSendOptions {
  readonly path?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadline?: CallOptions["deadline"];
}

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const asItIs = (bytes: Buffer): Buffer => bytes;

export class GrpcSender {
  readonly #client: Client;

  /** `compression`: 0 none, 1 deflate, 2 gzip. */
  constructor(url: string | undefined, options: { credentials?: ChannelCredentials; compression?: 0 | 1 | 2 } = {}) {
    this.#client = new Client(new URL(url ?? "").host, options.credentials ?? ChannelCredentials.createInsecure(), {
      "grpc.default_compression_algorithm": options.compression ?? 0,
      // Each sender has connections of its own, and none tries again by itself.
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
      // Under TLS: a server name that is an IP address is against RFC 6066.
      "grpc.ssl_target_name_override": "localhost",
    });
  }

  send(body: Buffer, options: GrpcSendOptions = {}): Promise<GrpcReply> {
    return this.begin(body, options).reply;
  }

  begin(
    body: Buffer,
    options: GrpcSendOptions = {},
  ): { readonly call: ClientUnaryCall; readonly reply: Promise<GrpcReply> } {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
    const { promise, resolve } = Promise.withResolvers<GrpcReply>();
    const deadline = options.deadline === undefined ? {} : { deadline: options.deadline };
    let response: Buffer | undefined;
    const path = options.path ?? EXPORT;
    const call = this.#client.makeUnaryRequest(path, asItIs, asItIs, body, metadata, deadline, (_error, bytes) => {
      response = bytes;
    });
    call.on("status", (answer: StatusObject) => {
      const details = answer.metadata.get("grpc-status-details-bin")[0];
      resolve({
        status: status[answer.code],
        message: answer.details,
        response,
        details: Buffer.isBuffer(details) ? details : undefined,
      });
    });
    return { call, reply: promise };
  }

  close(): void {
    this.#client.close();
  }
}
