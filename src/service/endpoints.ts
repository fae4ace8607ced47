/** Where a running processor listens, as URLs: the content of `--ready-file`, with `pid`. */
export interface ServiceEndpoints {
  readonly otlp_http: string;
  /** null while OTLP/gRPC is not served. */
  readonly otlp_grpc: string | null;
  readonly api: string;
  readonly clickhouse: string;
}
