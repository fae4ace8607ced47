import type { Exporter } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { LogBatch } from "../../pdata/log-record.ts";
import type { WriteFileDurably } from "../../pipeline/spool/block-store.ts";
import type { SpoolStats } from "../../pipeline/spool/spool-flow.ts";
import type { Clock } from "../../support/clock.ts";
import { ClickhouseTable } from "./clickhouse-table.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { TableStorage } from "./dependencies.ts";
import { EVENT_COLUMNS, type EventRow } from "./event-columns.ts";
import { rowPresence } from "./row-presence.ts";

/** Each is an object on its way here. */
const RECENT_EVENTS_MAX = 200_000;
const TABLE = "event_log";

export interface EventsExporterDependencies {
  /** Where the blocks are: `<data dir>/spool-logs`. One process at a time. */
  readonly directory: string;
  readonly storage: TableStorage;
  readonly clock: Clock;
  readonly notify: Notify;
  /** For tests of full disks. */
  readonly writeFile?: WriteFileDurably;
}

/** The end of the logs pipeline: the way that spans take into their table, with nothing for the ledger. */
export class EventsExporter implements Exporter<LogBatch> {
  readonly kind = "exporter";
  readonly #table: ClickhouseTable<EventRow>;

  constructor(config: ClickhouseExporterConfig, dependencies: EventsExporterDependencies) {
    const { storage } = dependencies;
    this.#table = new ClickhouseTable<EventRow>({
      ...dependencies,
      table: TABLE,
      columns: EVENT_COLUMNS,
      rowsName: "events",
      config,
      recent: async ({ sinceUnixMs, untilUnixMs, limit }) => {
        const parameters = { since: sinceUnixMs, until: untilUnixMs, limit: Math.min(limit, RECENT_EVENTS_MAX) };
        const rows = await storage.select<{ readonly id: string }>("recent-events", parameters);
        return Buffer.from(rows.map((row) => row.id).join(""), "hex");
      },
      presence: (block) => rowPresence({ storage, table: TABLE, query: "events-present" }, block),
      // The exporter of spans, started next, waits for the same server: a start waits once.
      isRecentAwaited: false,
      identify: ({ record }, target) => void record.facts.identity.copy(target.bytes),
    });
  }

  start(): Promise<void> {
    return this.#table.start();
  }

  stop(): Promise<void> {
    return this.#table.stop();
  }

  consume(batch: LogBatch): Promise<Outcome> {
    const { receivedUnixMs } = batch;
    return this.#table.append(batch.records.map((record) => ({ record, receivedUnixMs })));
  }

  stats(): SpoolStats {
    return this.#table.stats();
  }
}
