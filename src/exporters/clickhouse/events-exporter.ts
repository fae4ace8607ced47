import type { Exporter } from "../../component/component.ts";
import type { Notify } from "../../component/notice.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { LogBatch } from "../../pdata/log-record.ts";
import type { WriteFileDurably } from "../../pipeline/spool/block-store.ts";
import type { SpoolStats } from "../../pipeline/spool/spool.ts";
import type { Clock } from "../../support/clock.ts";
import { ClickhouseTable, type RecentQuery } from "./clickhouse-table.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { TableStorage } from "./dependencies.ts";
import { EVENT_COLUMNS, type EventRow } from "./event-columns.ts";
import { rowPresence } from "./row-presence.ts";

/** Each is an object on its way here. */
const RECENT_EVENTS_MAX = 200_000;
const TABLE = "event_log";
const IDENTITY_COLUMNS = [{ name: "id", digits: 48 }];

/** What the exporter needs of the store. */
export interface EventStorage extends TableStorage {
  /** The `id`s of the newest log records received after `sinceUnixMs` and up to `untilUnixMs`, at most `limit`. */
  recentEvents(query: RecentQuery): Promise<readonly string[]>;
}

export interface EventsExporterDependencies {
  /** Where the blocks are: `<data dir>/spool-logs`. One process at a time. */
  readonly directory: string;
  readonly storage: EventStorage;
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
      recent: async (query) => {
        const limit = Math.min(query.limit, RECENT_EVENTS_MAX);
        return Buffer.from((await storage.recentEvents({ ...query, limit })).join(""), "hex");
      },
      presence: (block) => rowPresence({ storage, table: TABLE, columns: IDENTITY_COLUMNS }, block),
      // The exporter of spans, started next, waits for the same server: a start waits once.
      isRecentAwaited: false,
      identify: ({ record }, target) => void record.facts.identity.copy(target),
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
