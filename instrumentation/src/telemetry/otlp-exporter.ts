/** OpenTelemetry's own exporter, transport and settings and all, with the text that the spans have already. */
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { toOtlpJson } from "./span-json.ts";
import type { WrittenSpan, WrittenSpanExporter } from "./span-json.ts";

/** As OpenTelemetry names an exporter of its kind. */
const COMPONENT = "otlp_http_json_span_exporter";
const METRICS = { name: "span", countItems: ({ length }: readonly WrittenSpan[]): number => length } as const;

/** Sends OTLP/JSON over HTTP as the OTEL_EXPORTER_OTLP_* environment says beyond `options`. */
export function createOtlpExporter(options: Parameters<typeof convertLegacyHttpOptions>[0]): WrittenSpanExporter {
  const http = convertLegacyHttpOptions(options, "TRACES", "v1/traces", { "Content-Type": "application/json" });
  const serializer = {
    serializeRequest: (spans: readonly WrittenSpan[]): Uint8Array => toOtlpJson(spans),
    deserializeResponse: (bytes: Uint8Array) => JsonTraceSerializer.deserializeResponse(bytes),
  };
  return new OTLPExporterBase(createOtlpHttpExportDelegate(http, serializer, COMPONENT, METRICS, undefined));
}
