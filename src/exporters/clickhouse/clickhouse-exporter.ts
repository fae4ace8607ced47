import type { Exporter } from "../../component/component.ts";
import type { Outcome } from "../../component/outcome.ts";
import type { SpanBatch } from "../../pdata/span.ts";
import { writeSpanIdentity } from "../../pdata/span-identity.ts";
import { sumSpend } from "../../pipeline/spool/spend-sum.ts";
import type { SpoolStats } from "../../pipeline/spool/spool-flow.ts";
import { Backoff } from "../../support/backoff.ts";
import { ClickhouseTable, type RecentQuery } from "./clickhouse-table.ts";
import type { ClickhouseExporterConfig } from "./config.ts";
import type { ClickhouseExporterDependencies, TableStorage } from "./dependencies.ts";
import { EndTimes, type SpanLags } from "./end-times.ts";
import { LedgerFeed } from "./ledger-feed.ts";
import { rowPresence } from "./row-presence.ts";
import { SPAN_COLUMNS, type SpanRow } from "./span-columns.ts";

const TABLE = "span_log";
const TRACE_ID_DIGITS = 32;
/** Each row of the answer holds thousands of identities. */
const RECENT_ROWS_MAX = 10_000;

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
      presence: (block) => rowPresence({ storage, table: TABLE, query: "spans-present", also: traceIds }, block),
      identify: ({ span }, target) => writeSpanIdentity(span, target),
      spendOf: (rows) => sumSpend(rows.map((row) => row.span)),
      onDurable: ({ token, spend }, rows) => {
        this.#endTimes.keep(token, rows);
        this.#ledger.tell({ token, entries: spend });
      },
      settle: (block, signal) => this.#ledger.settled(block, signal),
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
  const { sinceUnixMs: since, untilUnixMs: until, limit } = query;
  const parameters = { since, until, limit, rows: RECENT_ROWS_MAX };
  const rows = await storage.select<{ readonly identities: string }>("recent-spans", parameters);
  return Buffer.concat(rows.map((row) => Buffer.from(row.identities, "base64")));
}

function traceIds(identities: readonly string[]): { readonly trace_ids: readonly string[] } {
  return { trace_ids: [...new Set(identities.map((identity) => identity.slice(0, TRACE_ID_DIGITS)))] };
}
