/** What most scenarios start with: a tracer provider that exports OTLP/JSON to the recorder. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

export function newExporter() {
  return new OTLPTraceExporter({ url: `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces` });
}

export function startTracing(processors = [new SimpleSpanProcessor(newExporter())]) {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": process.env.OTEL_SERVICE_NAME }),
    spanProcessors: processors,
  });
  provider.register();
  return provider;
}
