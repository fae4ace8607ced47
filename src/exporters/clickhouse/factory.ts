import type { Factory } from "../../component/factory.ts";
import { ClickhouseExporter } from "./clickhouse-exporter.ts";
import { type ClickhouseExporterConfig, clickhouseExporterConfig } from "./config.ts";
import type { ClickhouseExporterDependencies } from "./dependencies.ts";

export const clickhouseExporterFactory: Factory<
  ClickhouseExporterConfig,
  ClickhouseExporterDependencies,
  ClickhouseExporter
> = {
  type: "clickhouse",
  config: clickhouseExporterConfig,
  create: (config, dependencies) => new ClickhouseExporter(config, dependencies),
};
