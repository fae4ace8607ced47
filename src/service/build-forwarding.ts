import { join } from "node:path";
import type { Notify } from "../component/notice.ts";
import {
  type OtlpLogsExporter,
  type OtlpTracesExporter,
  otlpExporterFactory,
  otlpHttpExporterFactory,
} from "../exporters/otlp/factory.ts";
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

/** A backend behind Tollgate, for one signal. */
export interface Forward<Exporter> {
  /** Its key: `otlp/tempo`. */
  readonly name: string;
  readonly exporter: Exporter;
}

/** The exporters of spans beside ClickHouse, as `exporters` names them; not started. */
export function buildTracesForwarding(build: ForwardingBuild): readonly Forward<OtlpTracesExporter>[] {
  return instancesFor("traces", build).map((instance) => {
    const dependencies = dependenciesOf(instance, { build, queue: "spool" });
    const exporter =
      instance.type === "otlp"
        ? otlpExporterFactory.create(instance.config, dependencies)
        : otlpHttpExporterFactory.create(instance.config, dependencies);
    return { name: instance.name, exporter };
  });
}

/** The same of log records, for those that name them under `signals`. */
export function buildLogsForwarding(build: ForwardingBuild): readonly Forward<OtlpLogsExporter>[] {
  return instancesFor("logs", build).map((instance) => {
    const dependencies = dependenciesOf(instance, { build, queue: "spool-logs" });
    const exporter =
      instance.type === "otlp"
        ? otlpExporterFactory.createLogs(instance.config, dependencies)
        : otlpHttpExporterFactory.createLogs(instance.config, dependencies);
    return { name: instance.name, exporter };
  });
}

function instancesFor(signal: "traces" | "logs", { config }: ForwardingBuild): readonly OtlpInstance[] {
  return otlpInstances(config.exporters).filter((instance) => instance.config.signals.includes(signal));
}

function dependenciesOf(instance: OtlpInstance, options: { readonly build: ForwardingBuild; readonly queue: string }) {
  const { build, queue } = options;
  return {
    name: instance.name,
    directory: join(build.data.root, `${queue}-${instance.name.replace("/", "-")}`),
    configDirectory: build.configDirectory,
    version: TOLLGATE_VERSION,
    clock: build.clock,
    notify: build.notify,
  };
}
