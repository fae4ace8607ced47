import { createHash } from "node:crypto";
import type { Access } from "../api/access.ts";
import type { Exporter } from "../component/component.ts";
import type { Notify } from "../component/notice.ts";
import { EventsExporter } from "../exporters/clickhouse/events-exporter.ts";
import type { OtlpLogsExporter } from "../exporters/otlp/factory.ts";
import type { LogBatch } from "../pdata/log-record.ts";
import { createFanOut } from "../pipeline/fan-out.ts";
import { EventsProcessor } from "../processors/events/events.ts";
import { contentReplacement } from "../processors/redact/factory.ts";
import { createRecordRedactor } from "../processors/redact/redact-record.ts";
import { type Forward, buildLogsForwarding } from "./build-forwarding.ts";
import type { LedgerBuild } from "./build-ledger.ts";
import type { Store } from "./store.ts";

/** The logs pipeline behind the receiver: events → clickhouse and the backends behind it. Only `end` has a life of its own. */
export interface Logs {
  readonly processor: EventsProcessor;
  readonly exporter: EventsExporter;
  /** The backends behind Tollgate that take log records. */
  readonly forwards: readonly Forward<OtlpLogsExporter>[];
  /** All exporters. */
  readonly end: Exporter<LogBatch>;
}

export interface LogsBuild extends Pick<LedgerBuild, "config" | "data" | "clock" | "telemetry"> {
  /** What paths in the config are relative to. */
  readonly configDirectory: string;
  readonly store: Store;
  readonly access: Access;
  /** The secret of this data directory. */
  readonly token: string;
  /** The key of keyed hashes of this data directory. */
  readonly hashKey: string;
}

/** Log records go the way of spans as far as they are spans' equals: identified, freed of content, spooled; never priced. */
export function buildLogs(options: LogsBuild): Logs {
  const { config, configDirectory, data, clock, telemetry, store, access, token, hashKey } = options;
  const notify: Notify = (notice) => telemetry.announce(notice);
  const exporter = new EventsExporter(config.exporters.clickhouse, {
    directory: data.spoolLogs,
    storage: store.events,
    clock,
    notify,
  });
  const forwards = buildLogsForwarding({ config, configDirectory, data, clock, notify });
  const end = createFanOut([{ name: "clickhouse", exporter }, ...forwards]);
  const processor = new EventsProcessor({
    next: end,
    mayActAs: (sender, agent) => access.mayActAs(sender, agent),
    replaceContent: contentReplacement(config.processors.redact, hashKey),
    redact: createRecordRedactor(config.processors.redact, hashKey),
    notify,
    // Not the token itself: what it is used for elsewhere must not be found out from ids of records, nor they from it.
    fingerprintKey: createHash("sha256").update(`log record ids\n${token}`).digest(),
  });
  return { processor, exporter, forwards, end };
}
