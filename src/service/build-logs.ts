import { createHash } from "node:crypto";
import type { Access } from "../api/access.ts";
import type { Exporter } from "../component/component.ts";
import type { Notify } from "../component/notice.ts";
import { EventsExporter } from "../exporters/clickhouse/events-exporter.ts";
import type { OtlpLogsExporter } from "../exporters/otlp/factory.ts";
import type { LogBatch } from "../pdata/log-record.ts";
import { createFanOut } from "../pipeline/fan-out.ts";
import { EventsProcessor, type EventsProcessorOptions } from "../processors/events/events.ts";
import { ForeignNameWatch, refusalOf } from "../processors/identity/foreign-name.ts";
import { standingOf } from "../processors/identity/identity.ts";
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
    storage: store.tables,
    clock,
    notify,
  });
  const forwards = buildLogsForwarding({ config, configDirectory, data, clock, notify });
  const end = createFanOut([{ name: "clickhouse", exporter }, ...forwards]);
  const processor = new EventsProcessor({
    next: end,
    standingOf: standingIn({ config, access, notify }),
    replaceContent: contentReplacement(config.processors.redact, hashKey),
    redact: createRecordRedactor(config.processors.redact, hashKey),
    notify,
    // Not the token itself: what it is used for elsewhere must not be found out from ids of records, nor they from it.
    fingerprintKey: createHash("sha256").update(`log record ids\n${token}`).digest(),
  });
  return { processor, exporter, forwards, end };
}

/** Whose a log record is, by the rules of the identity processor. */
function standingIn(options: {
  readonly config: LogsBuild["config"];
  readonly access: Access;
  readonly notify: Notify;
}): EventsProcessorOptions["standingOf"] {
  const { config, access, notify } = options;
  const isRefused = config.processors.identity.foreign_name === "refuse";
  const watch = new ForeignNameWatch(notify);
  const registry = {
    mayActAs: (sender: string, agent: string) => access.mayActAs(sender, agent),
    namesOf: (sender: string) => access.namesOf(sender),
  };
  return (record, sender) => {
    const standing = standingOf({ span: record, sender, registry });
    const { foreign } = standing;
    if (foreign === undefined || sender === undefined) return { ...standing, refusal: undefined };
    const names = registry.namesOf(sender);
    watch.saw({ sender, names, claimed: foreign, isRefused });
    return { ...standing, refusal: isRefused ? refusalOf(names, foreign) : undefined };
  };
}
