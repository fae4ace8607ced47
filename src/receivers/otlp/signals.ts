/** The signals of OTLP that are taken: what is different between them. All else, both protocols ask of a signal here. */
import type { Rejection } from "../../component/outcome.ts";
import type { LogBatch } from "../../pdata/log-record.ts";
import { decodeJsonLogs } from "../../pdata/otlp/json-logs.ts";
import { decodeJsonTraces } from "../../pdata/otlp/json-traces.ts";
import { decodeProtobufLogs } from "../../pdata/otlp/protobuf-logs.ts";
import { decodeProtobufTraces } from "../../pdata/otlp/protobuf-traces.ts";
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import type { BufferSource } from "../../support/buffer-pool.ts";

/** By whom and when a message was sent, and how to keep its memory. */
export type Arrival = Required<Pick<SpanBatch, "sender" | "receivedUnixMs" | "keep">>;

export type Decoded<Batch> =
  | {
      readonly kind: "decoded";
      /** Items that are well-formed. */
      readonly count: number;
      readonly rejected: readonly Rejection[];
      readonly batch: (arrival: Arrival) => Batch;
    }
  | { readonly kind: "malformed"; readonly reason: string };

export interface Signal<Batch> {
  /** For messages: `spans`. */
  readonly items: string;
  readonly httpPath: string;
  readonly grpcMethod: string;
  /** The count of a partial success in JSON; in protobuf it is field 1 for every signal. */
  readonly rejectedKey: string;
  /** Never throws. What is taken from `buffers` is read as long as what was decoded. */
  decode(bytes: Buffer, encoding: OtlpEncoding, buffers: BufferSource): Decoded<Batch>;
}

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/trace/v1/trace_service.proto */
export const TRACES: Signal<SpanBatch> = {
  items: "spans",
  httpPath: "/v1/traces",
  grpcMethod: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  rejectedKey: "rejectedSpans",
  decode(bytes, encoding, buffers) {
    const decoded = encoding === "json" ? decodeJsonTraces(bytes, buffers) : decodeProtobufTraces(bytes, buffers);
    if (decoded.kind === "malformed") return decoded;
    const { spans, rejected } = decoded;
    return { kind: "decoded", count: spans.length, rejected, batch: (arrival) => ({ spans, ...arrival }) };
  },
};

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/logs/v1/logs_service.proto */
export const LOGS: Signal<LogBatch> = {
  items: "log records",
  httpPath: "/v1/logs",
  grpcMethod: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
  rejectedKey: "rejectedLogRecords",
  decode(bytes, encoding) {
    const decoded = encoding === "json" ? decodeJsonLogs(bytes) : decodeProtobufLogs(bytes);
    if (decoded.kind === "malformed") return decoded;
    const { records, rejected } = decoded;
    return { kind: "decoded", count: records.length, rejected, batch: (arrival) => ({ records, ...arrival }) };
  },
};
