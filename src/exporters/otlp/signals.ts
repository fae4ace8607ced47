/** What spans and log records differ in on their way to a backend; everything else is the same. */
import { encodeJsonLogs, encodeProtobufLogs } from "../../pdata/otlp/encode-logs.ts";
import { encodeJsonTraces } from "../../pdata/otlp/encode-json-traces.ts";
import { NOTHING_ADDED, encodeProtobufTraces } from "../../pdata/otlp/encode-traces.ts";
import type { OtlpEncoding } from "../../pdata/otlp/responses.ts";
import type { LogBatch, LogRecord } from "../../pdata/log-record.ts";
import type { Span, SpanBatch } from "../../pdata/span.ts";
import type { IdentityCell } from "../../pdata/identity.ts";
import { writeSpanIdentity } from "../../pdata/span-identity.ts";
import { factAttributes } from "./fact-attributes.ts";

export interface OtlpSignal<Item, Batch> {
  readonly name: "traces" | "logs";
  /** Of OTLP/HTTP. */
  readonly path: string;
  /** Of OTLP/gRPC. */
  readonly method: string;
  itemsOf(batch: Batch): readonly Item[];
  /** For items that are read after the exporter has answered. */
  keep(batch: Batch): void;
  /** Writes 24 bytes that make it the same item when it is sent again. */
  identify(item: Item, target: IdentityCell): void;
  encode(items: readonly Item[], encoding: OtlpEncoding): Buffer;
}

export function tracesSignal(options: { readonly addFacts: boolean }): OtlpSignal<Span, SpanBatch> {
  const added = options.addFacts ? factAttributes : NOTHING_ADDED;
  return {
    name: "traces",
    path: "/v1/traces",
    method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    itemsOf: (batch) => batch.spans,
    keep: (batch) => batch.keep?.(),
    identify: writeSpanIdentity,
    encode: (spans, encoding) =>
      encoding === "json" ? encodeJsonTraces(spans, added) : encodeProtobufTraces(spans, added),
  };
}

export const LOGS_SIGNAL: OtlpSignal<LogRecord, LogBatch> = {
  name: "logs",
  path: "/v1/logs",
  method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
  itemsOf: (batch) => batch.records,
  // Log records are no views.
  keep: () => {},
  identify: (record, target) => void record.facts.identity.copy(target.bytes),
  encode: (records, encoding) => (encoding === "json" ? encodeJsonLogs(records) : encodeProtobufLogs(records)),
};
