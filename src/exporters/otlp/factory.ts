import type { Factory } from "../../component/factory.ts";
import { type TlsClientConfig, type TlsClientFiles, TlsFileError, readTlsClientFiles } from "../../config/tls.ts";
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

const TRACES_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const TRACES_PATH = "/v1/traces";

/** `exporters.otlp`: over gRPC. */
export const otlpExporterFactory: Factory<OtlpExporterConfig, OtlpExporterDependencies, OtlpExporter> = {
  type: "otlp",
  config: otlpExporterConfig,
  create: (config, dependencies) =>
    new OtlpExporter({
      config,
      dependencies,
      encoding: "protobuf",
      makeTransport: () =>
        new GrpcTransport({
          config,
          method: TRACES_METHOD,
          files: tlsFiles(config.tls, dependencies),
          userAgent: userAgent(dependencies),
        }),
    }),
};

/** `exporters.otlp_http`: over HTTP. */
export const otlpHttpExporterFactory: Factory<OtlpHttpExporterConfig, OtlpExporterDependencies, OtlpExporter> = {
  type: "otlp_http",
  config: otlpHttpExporterConfig,
  create: (config, dependencies) =>
    new OtlpExporter({
      config,
      dependencies,
      encoding: config.encoding === "json" ? "json" : "protobuf",
      makeTransport: () =>
        new HttpTransport({
          config,
          url: new URL(config.traces_endpoint ?? config.endpoint.replace(/\/*$/, TRACES_PATH)),
          files: tlsFiles(config.tls, dependencies),
          userAgent: userAgent(dependencies),
          now: () => dependencies.clock.now(),
        }),
    }),
};

function tlsFiles(tls: TlsClientConfig, { name, configDirectory }: OtlpExporterDependencies): TlsClientFiles {
  try {
    return readTlsClientFiles(tls, configDirectory);
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    throw new Error(`\`exporters.${name}.tls.${error.key}\`: ${error.message}`, { cause: error });
  }
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent */
function userAgent({ version }: OtlpExporterDependencies): string {
  return `Tollgate/${version}`;
}
