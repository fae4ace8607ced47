import type { Exporter } from "../../component/component.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import { writeSpanIdentity } from "../../pipeline/spool/span-identity.ts";
import { sumSpend } from "../../pipeline/spool/spend-sum.ts";
import type { SpoolStats } from "../../pipeline/spool/spool.ts";
import { Backoff } from "../../support/backoff.ts";
import { ClickhouseTable, type RecentQuery } from "./clickhouse-table.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { ClickhouseExporterDependencies, TableStorage } from "./dependencies.ts";
import { EndTimes, type SpanLags } from "./end-times.ts";
import { LedgerFeed } from "./ledger-feed.ts";
import { RECENT_SPANS_QUERY } from "./recent-spans-query.ts";
import { rowPresence } from "./row-presence.ts";
import { SPAN_COLUMNS, type SpanRow } from "./span-columns.ts";

const TABLE = "span_log";
const IDENTITY_COLUMNS = [
  { name: "trace_id", digits: 32 },
  { name: "span_id", digits: 16 },
];

export type ExporterStats = SpoolStats;

/**
 * The end of the traces pipeline: `consume` resolves with success when the spans are on disk; from there they go to
 * ClickHouse and the ledger at the pace those allow, once each, over crashes of either side.
 */
export class ClickhouseExporter implements Exporter {
  readonly kind = "exporter";
  readonly #dependencies: ClickhouseExporterDependencies;
  readonly #table: ClickhouseTable<SpanRow>;
  readonly #ledger: LedgerFeed;
  readonly #endTimes = new EndTimes();

  constructor(config: ClickhouseExporterConfig, dependencies: ClickhouseExporterDependencies) {
    this.#dependencies = dependencies;
    const { clock, notify, directory, storage, writeFile } = dependencies;
    const { initial_interval_ms: initialMs, max_interval_ms: maxMs } = config.retry_on_failure;
    this.#ledger = new LedgerFeed({
      observe: (observation) => dependencies.observe(observation),
      onCounted: (token) => this.#tellLags(token, dependencies.onCounted),
      clock,
      notify,
      backoff: new Backoff({ initialMs, maxMs }),
    });
    this.#table = new ClickhouseTable<SpanRow>({
      table: TABLE,
      columns: SPAN_COLUMNS,
      rowsName: "spans",
      config,
      directory,
      storage,
      clock,
      notify,
      ...(writeFile === undefined ? {} : { writeFile }),
      recent: (query) => recentIdentities(storage, query),
      presence: (block) => rowPresence({ storage, table: TABLE, columns: IDENTITY_COLUMNS }, block),
      identify: ({ span }, target) => writeSpanIdentity(span, target),
      spendOf: (rows) => sumSpend(rows.map((row) => row.span)),
      onDurable: ({ token, spend }, rows) => {
        this.#endTimes.keep(token, rows);
        this.#ledger.tell({ token, entries: spend });
      },
      settle: ({ token, spend }, signal) => this.#ledger.settled({ token, entries: spend }, signal),
      onSent: (token) => {
        this.#tellLags(token, dependencies.onVisible);
        this.#endTimes.forget(token);
      },
    });
  }

  start(): Promise<void> {
    return this.#table.start();
  }

  stop(): Promise<void> {
    return this.#table.stop();
  }

  consume(batch: SpanBatch): Promise<Outcome> {
    const { receivedUnixMs } = batch;
    return this.#table.append(batch.spans.map((span) => ({ span, receivedUnixMs })));
  }

  stats(): ExporterStats {
    return this.#table.stats();
  }

  #tellLags(token: string, tell: ((lags: SpanLags) => void) | undefined): void {
    const endUnixMs = this.#endTimes.of(token);
    if (endUnixMs !== undefined) tell?.({ endUnixMs, nowUnixMs: this.#dependencies.clock.now() });
  }
}

async function recentIdentities(storage: TableStorage, query: RecentQuery): Promise<Uint8Array> {
  const parameters = { since: query.sinceUnixMs, until: query.untilUnixMs, limit: query.limit };
  const rows = await storage.query<{ readonly identities: string }>(RECENT_SPANS_QUERY, parameters);
  return Buffer.concat(rows.map((row) => Buffer.from(row.identities, "base64")));
}
