/**
 * Goal: the OpenTelemetry SDK's own exporters get their spans through, and understand the answers.
 * Method: the real packages, each protocol with and without gzip, against a receiver whose consumer records or refuses.
 */
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, expect, it } from "vitest";
import { type Outcome, SUCCESS } from "../../../src/component/outcome.ts";
import { type Rig, startReceiver, stopReceivers } from "./rig.ts";

type Compression = NonNullable<NonNullable<ConstructorParameters<typeof GrpcExporter>[0]>["compression"]>;

/** The SDK's `CompressionAlgorithm` is an enum of its base package, which is no dependency of ours. */
const NONE = "none" as Compression;
const GZIP = "gzip" as Compression;

const EXPORTERS: Readonly<Record<string, (rig: Rig, compression: Compression) => SpanExporter>> = {
  grpc: ({ receiver }, compression) => new GrpcExporter({ url: receiver.grpcUrl ?? "", compression }),
  protobuf: ({ receiver }, compression) => new ProtobufExporter({ url: `${receiver.httpUrl}/v1/traces`, compression }),
  json: ({ receiver }, compression) => new JsonExporter({ url: `${receiver.httpUrl}/v1/traces`, compression }),
};

afterEach(stopReceivers);

/** Makes spans, as an application does, and waits until the exporter has them off its hands. */
async function exportSpans(exporter: SpanExporter, count: number): Promise<void> {
  const provider = new TracerProvider({
    spanProcessors: [new BatchSpanProcessor({ exporter, maxExportBatchSize: 100 })],
  });
  const tracer = provider.getTracer("test", "1.0.0");
  for (let index = 0; index < count; index += 1) {
    const span = tracer.startSpan(`span ${index}`, {
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": index, tags: ["a", "b"] },
    });
    span.addEvent("done", { index });
    span.end();
  }
  await provider.forceFlush();
  await provider.shutdown();
}

const CASES = Object.keys(EXPORTERS).flatMap((name) => [[name, NONE] as const, [name, GZIP] as const]);

it.each(CASES)("the %s exporter, compression %s, gets every span through", async (name, compression) => {
  const rig = await startReceiver();
  const exporter = EXPORTERS[name]?.(rig, compression);
  if (exporter === undefined) throw new Error(name);
  await exportSpans(exporter, 250);
  const spans = rig.batches.flatMap((batch) => batch.spans);
  expect(spans.map((span) => span.name).sort()).toEqual(Array.from({ length: 250 }, (_, i) => `span ${i}`).sort());
  const last = spans.find((span) => span.name === "span 249");
  expect(last?.attributes.get("gen_ai.usage.input_tokens")).toBe(249n);
  expect(last?.attributes.get("tags")).toEqual(["a", "b"]);
  expect(last?.events.map((event) => event.name)).toEqual(["done"]);
  expect(last?.scope).toMatchObject({ name: "test", version: "1.0.0" });
});

// Version 0.301.0 of the gRPC exporter never sends again, whatever the status; other languages' do.
it.each(["protobuf", "json"])("the %s exporter sends again what it was told to keep", async (name) => {
  let refusals = 2;
  const outcome = async (): Promise<Outcome> => {
    refusals -= 1;
    return refusals >= 0 ? { kind: "retryable", reason: "not now", retryAfterMs: 10 } : SUCCESS;
  };
  const rig = await startReceiver({ outcome });
  const exporter = EXPORTERS[name]?.(rig, GZIP);
  if (exporter === undefined) throw new Error(name);
  await exportSpans(exporter, 1);
  expect(rig.batches).toHaveLength(3);
  expect(rig.receiver.stats()).toMatchObject({ received: 3, refused: 2, stored: 1 });
});

it.each(Object.keys(EXPORTERS))("the %s exporter sends once what it is told never to send again", async (name) => {
  const rig = await startReceiver({ outcome: async () => ({ kind: "permanent", reason: "never" }) });
  const exporter = EXPORTERS[name]?.(rig, NONE);
  if (exporter === undefined) throw new Error(name);
  await exportSpans(exporter, 1).catch(() => {});
  expect(rig.batches).toHaveLength(1);
  expect(rig.receiver.stats()).toMatchObject({ received: 1, refused: 1 });
});
