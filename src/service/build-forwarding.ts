import { join } from "node:path";
import type { Notify } from "../component/notice.ts";
import { otlpExporterFactory, otlpHttpExporterFactory } from "../exporters/otlp/factory.ts";
import type { OtlpExporter } from "../exporters/otlp/otlp-exporter.ts";
import type { Clock } from "../support/clock.ts";
import type { Config } from "./config-schema.ts";
import type { DataDirectory } from "./data-directory.ts";
import { type OtlpInstance, otlpInstances } from "./exporters-section.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface ForwardingBuild {
  readonly config: Config;
  readonly configDirectory: string;
  readonly data: DataDirectory;
  readonly clock: Clock;
  readonly notify: Notify;
}

/** A backend behind Tollgate. */
export interface Forward {
  /** Its key: `otlp/tempo`. */
  readonly name: string;
  readonly exporter: OtlpExporter;
}

/** The exporters beside ClickHouse, as `exporters` names them; not started. */
export function buildForwarding(options: ForwardingBuild): readonly Forward[] {
  return otlpInstances(options.config.exporters).map((instance) => ({
    name: instance.name,
    exporter: createExporter(instance, options),
  }));
}

function createExporter(instance: OtlpInstance, build: ForwardingBuild): OtlpExporter {
  const dependencies = {
    name: instance.name,
    directory: join(build.data.root, `spool-${instance.name.replace("/", "-")}`),
    configDirectory: build.configDirectory,
    version: TOLLGATE_VERSION,
    clock: build.clock,
    notify: build.notify,
  };
  return instance.type === "otlp"
    ? otlpExporterFactory.create(instance.config, dependencies)
    : otlpHttpExporterFactory.create(instance.config, dependencies);
}
