/** OpenTelemetry's own exporter, transport and settings and all, with the bytes that the spans are already. */
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { OTLP_TYPE, toOtlpRequest } from "./span-protobuf.ts";
import type { WrittenSpan, WrittenSpanExporter } from "./span-protobuf.ts";

/** As OpenTelemetry names an exporter of its kind. */
const COMPONENT = "otlp_http_span_exporter";
const METRICS = { name: "span", countItems: ({ length }: readonly WrittenSpan[]): number => length } as const;

/** Sends OTLP in Protobuf over HTTP as the OTEL_EXPORTER_OTLP_* environment says beyond `options`. */
export function createOtlpExporter(options: Parameters<typeof convertLegacyHttpOptions>[0]): WrittenSpanExporter {
  const http = convertLegacyHttpOptions(options, "TRACES", "v1/traces", { "Content-Type": OTLP_TYPE });
  const serializer = {
    serializeRequest: (spans: readonly WrittenSpan[]): Uint8Array => toOtlpRequest(spans),
    deserializeResponse: (bytes: Uint8Array) => ProtobufTraceSerializer.deserializeResponse(bytes),
  };
  return new OTLPExporterBase(createOtlpHttpExportDelegate(http, serializer, COMPONENT, METRICS, undefined));
}
