import { join } from "node:path";
import type { Notify } from "../component/notice.ts";
import type { OtlpExporterDependencies } from "../exporters/otlp/dependencies.ts";
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
import { leftQueues } from "./left-queues.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface ForwardingBuild {
  readonly config: Config;
  readonly configDirectory: string;
  readonly data: DataDirectory;
  readonly clock: Clock;
  readonly notify: Notify;
}

const QUEUES = { traces: "spool", logs: "spool-logs" } as const;

/** A backend behind Tollgate, for one signal. */
export interface Forward<Exporter> {
  /** Its key: `otlp/tempo`. */
  readonly name: string;
  readonly exporter: Exporter;
}

/** The exporters of spans beside ClickHouse, as `exporters` names them; not started. */
export function buildTracesForwarding(build: ForwardingBuild): readonly Forward<OtlpTracesExporter>[] {
  return instancesFor("traces", build).map((instance) => {
    const dependencies = dependenciesOf(instance, { build, queue: QUEUES.traces });
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
    const dependencies = dependenciesOf(instance, { build, queue: QUEUES.logs });
    const exporter =
      instance.type === "otlp"
        ? otlpExporterFactory.createLogs(instance.config, dependencies)
        : otlpHttpExporterFactory.createLogs(instance.config, dependencies);
    return { name: instance.name, exporter };
  });
}

/** Says which queues on disk belong to no exporter of the config any more: what is in them is not sent. */
export function tellLeftQueues(build: ForwardingBuild): void {
  const inUse = new Set(
    (["traces", "logs"] as const).flatMap((signal) =>
      instancesFor(signal, build).map(({ name }) => directoryOf(name, { build, queue: QUEUES[signal] })),
    ),
  );
  for (const { directory, blocks } of leftQueues({ root: build.data.root, inUse })) {
    build.notify({ level: "warn", event: "forward_queue_without_exporter", fields: { directory, blocks } });
  }
}

function instancesFor(signal: "traces" | "logs", { config }: ForwardingBuild): readonly OtlpInstance[] {
  return otlpInstances(config.exporters).filter((instance) => instance.config.signals.includes(signal));
}

interface QueuePlace {
  readonly build: ForwardingBuild;
  readonly queue: string;
}

function dependenciesOf({ name }: OtlpInstance, place: QueuePlace): OtlpExporterDependencies {
  const { configDirectory, clock, notify } = place.build;
  return { name, directory: directoryOf(name, place), configDirectory, version: TOLLGATE_VERSION, clock, notify };
}

function directoryOf(name: string, { build, queue }: QueuePlace): string {
  return join(build.data.root, `${queue}-${name.replace("/", "-")}`);
}
