import { createHash } from "node:crypto";
import type { Access } from "../api/access.ts";
import { EventsExporter } from "../exporters/clickhouse/events-exporter.ts";
import { EventsProcessor } from "../processors/events/events.ts";
import { contentReplacement } from "../processors/redact/factory.ts";
import type { LedgerBuild } from "./build-ledger.ts";
import type { Store } from "./store.ts";

/** The logs pipeline behind the receiver: events → clickhouse. Only the exporter has a life of its own. */
export interface Logs {
  readonly processor: EventsProcessor;
  readonly exporter: EventsExporter;
}

export interface LogsBuild extends Pick<LedgerBuild, "config" | "data" | "clock" | "telemetry"> {
  readonly store: Store;
  readonly access: Access;
  /** The secret of this data directory. */
  readonly token: string;
  /** The key of keyed hashes of this data directory. */
  readonly hashKey: string;
}

/** Log records go the way of spans as far as they are spans' equals: identified, freed of content, spooled; never priced. */
export function buildLogs({ config, data, clock, telemetry, store, access, token, hashKey }: LogsBuild): Logs {
  const exporter = new EventsExporter(config.exporters.clickhouse, {
    directory: data.spoolLogs,
    storage: store.events,
    clock,
    notify: (notice) => telemetry.announce(notice),
  });
  const processor = new EventsProcessor({
    next: exporter,
    mayActAs: (sender, agent) => access.mayActAs(sender, agent),
    replaceContent: contentReplacement(config.processors.redact, hashKey),
    // Not the token itself: what it is used for elsewhere must not be found out from ids of records, nor they from it.
    fingerprintKey: createHash("sha256").update(`log record ids\n${token}`).digest(),
  });
  return { processor, exporter };
}
