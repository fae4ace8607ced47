import type { Factory } from "../../component/factory.ts";
import type { LogBatch, LogRecord } from "../../pdata/log-record.ts";
import type { Span, SpanBatch } from "../../pdata/span.ts";
import {
  type OtlpExporterConfig,
  type OtlpHttpExporterConfig,
  otlpExporterConfig,
  otlpHttpExporterConfig,
} from "./config.ts";
import type { OtlpExporterDependencies } from "./dependencies.ts";
import { GrpcTransport } from "./grpc-transport.ts";
import { HttpTransport } from "./http-transport.ts";
import { OtlpExporter } from "./otlp-exporter.ts";
import { RenewedTransport } from "./renewed-transport.ts";
import { LOGS_SIGNAL, type OtlpSignal, tracesSignal } from "./signals.ts";

export type OtlpTracesExporter = OtlpExporter<Span, SpanBatch>;
export type OtlpLogsExporter = OtlpExporter<LogRecord, LogBatch>;

/** Makes an exporter of spans, or, in a directory of its own, of log records. */
export interface OtlpFactory<Config> extends Factory<Config, OtlpExporterDependencies, OtlpTracesExporter> {
  createLogs(config: Config, dependencies: OtlpExporterDependencies): OtlpLogsExporter;
}

/** `exporters.otlp`: over gRPC. */
export const otlpExporterFactory: OtlpFactory<OtlpExporterConfig> = {
  type: "otlp",
  config: otlpExporterConfig,
  create: (config, dependencies) => overGrpc(tracesSignal({ addFacts: config.add_facts }), { config, dependencies }),
  createLogs: (config, dependencies) => overGrpc(LOGS_SIGNAL, { config, dependencies }),
};

/** `exporters.otlp_http`: over HTTP. */
export const otlpHttpExporterFactory: OtlpFactory<OtlpHttpExporterConfig> = {
  type: "otlp_http",
  config: otlpHttpExporterConfig,
  create: (config, dependencies) => overHttp(tracesSignal({ addFacts: config.add_facts }), { config, dependencies }),
  createLogs: (config, dependencies) => overHttp(LOGS_SIGNAL, { config, dependencies }),
};

interface Making<Config> {
  readonly config: Config;
  readonly dependencies: OtlpExporterDependencies;
}

function overGrpc<Item, Batch>(
  signal: OtlpSignal<Item, Batch>,
  { config, dependencies }: Making<OtlpExporterConfig>,
): OtlpExporter<Item, Batch> {
  return new OtlpExporter({
    signal,
    config,
    dependencies,
    encoding: "protobuf",
    makeTransport: () =>
      new RenewedTransport({
        tls: config.tls,
        dependencies,
        make: (files) =>
          new GrpcTransport({ config, method: signal.method, files, userAgent: userAgent(dependencies) }),
      }),
  });
}

function overHttp<Item, Batch>(
  signal: OtlpSignal<Item, Batch>,
  { config, dependencies }: Making<OtlpHttpExporterConfig>,
): OtlpExporter<Item, Batch> {
  const whole = signal.name === "traces" ? config.traces_endpoint : config.logs_endpoint;
  return new OtlpExporter({
    signal,
    config,
    dependencies,
    encoding: config.encoding === "json" ? "json" : "protobuf",
    makeTransport: () =>
      new RenewedTransport({
        tls: config.tls,
        dependencies,
        make: (files) =>
          new HttpTransport({
            config,
            url: new URL(whole ?? config.endpoint.replace(/\/*$/, signal.path)),
            files,
            userAgent: userAgent(dependencies),
            now: () => dependencies.clock.now(),
          }),
      }),
  });
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent */
function userAgent({ version }: OtlpExporterDependencies): string {
  return `Tollgate/${version}`;
}
