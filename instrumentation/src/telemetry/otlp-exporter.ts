/** OpenTelemetry's own exporter, transport and settings and all, with the text that the spans have already. */
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { JsonTraceSerializer, TraceExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { toOtlpJson } from "./span-json.ts";

/** As OpenTelemetry names an exporter of its kind. */
const COMPONENT = "otlp_http_json_span_exporter";

/** Sends OTLP/JSON over HTTP as the OTEL_EXPORTER_OTLP_* environment says beyond `options`. */
export function createOtlpExporter(options: Parameters<typeof convertLegacyHttpOptions>[0]): SpanExporter {
  const http = convertLegacyHttpOptions(options, "TRACES", "v1/traces", { "Content-Type": "application/json" });
  const serializer = {
    serializeRequest: (spans: ReadableSpan[]): Uint8Array => Buffer.from(toOtlpJson(spans)),
    deserializeResponse: (bytes: Uint8Array) => JsonTraceSerializer.deserializeResponse(bytes),
  };
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(http, serializer, COMPONENT, TraceExporterMetricsHelper, undefined),
  );
}
