/** Where a running processor listens, as URLs: the content of `--ready-file`, with `pid`. */
export interface ServiceEndpoints {
  readonly otlp_http: string;
  readonly otlp_grpc: string;
  readonly api: string;
  readonly clickhouse: string;
}
