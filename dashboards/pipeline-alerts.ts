import { VISIBILITY_SLO } from "../src/telemetry/lag.ts";
import { IMBALANCE, NEVER_DELIVERED, OLDEST_BLOCK, SPOOL_SHARE, withinObjective } from "./pipeline-queries.ts";

/** One rule, from which both Prometheus' and Grafana's form are made. */
export interface AlertRule {
  /** In the manner of Prometheus' rules. */
  readonly name: string;
  readonly severity: "critical" | "warning";
  /** PromQL for a number. */
  readonly query: string;
  /** When it fires. */
  readonly when: { readonly is: "above" | "below"; readonly value: number };
  /** How long it must hold: `5m`. */
  readonly for: string;
  readonly summary: string;
  /** What it means and what to do, in a sentence or two. */
  readonly description: string;
}

const percent = VISIBILITY_SLO.share * 100;

export const ALERTS: readonly AlertRule[] = [
  {
    name: "TollgateDown",
    severity: "critical",
    query: "absent(tollgate_build_info)",
    when: { is: "above", value: 0 },
    for: "2m",
    summary: "no Tollgate processor is scraped",
    description:
      "Agents go on with the money of their leases, then do what their fail mode says. Start the processor, or mend the scrape.",
  },
  {
    name: "TollgateVisibilityObjectiveMissed",
    severity: "warning",
    query: withinObjective("10m"),
    when: { is: "below", value: VISIBILITY_SLO.share },
    for: "5m",
    summary: `less than ${percent} % of calls are visible within ${VISIBILITY_SLO.seconds} s`,
    description:
      "Spend and incidents are seen late. Look at insert latency, the spool's oldest block and the engine's memory.",
  },
  {
    name: "TollgateEnforcementObjectiveMissed",
    severity: "warning",
    query: withinObjective("10m", "enforcement"),
    when: { is: "below", value: VISIBILITY_SLO.share },
    for: "5m",
    summary: `less than ${percent} % of calls count in the ledger within ${VISIBILITY_SLO.seconds} s`,
    description:
      "Agents without the gate spend beyond a budget for as long, with ClickHouse there or not. Look at how long their SDKs hold spans (OTEL_BSP_SCHEDULE_DELAY is 5 s by default), at clocks that go behind, and at the disk of the spool and the journal.",
  },
  {
    name: "TollgateCountsDiffer",
    severity: "critical",
    query: IMBALANCE,
    when: { is: "above", value: 0 },
    for: "1m",
    summary: "a component lost items, or invented some",
    description:
      "received + recovered is not sent + refused + dropped + in flight. This is a fault of Tollgate: please report it with the metrics of tollgate_component_*.",
  },
  {
    name: "TollgateLedgerFailed",
    severity: "critical",
    query: "min(tollgate_ledger_granting)",
    when: { is: "below", value: 1 },
    for: "1m",
    summary: "the ledger grants nothing",
    description:
      "Its journal's disk, or Valkey, failed: requests under hard budgets are refused, spans wait in the spool and count later. It tries again by itself once there is room, or the store answers.",
  },
  {
    name: "TollgateStorageNotReady",
    severity: "critical",
    query: "min(tollgate_storage_ready)",
    when: { is: "below", value: 1 },
    for: "2m",
    summary: "ClickHouse cannot be reached",
    description: "The spool holds what arrives, until it is full. Budgets are enforced on; nothing new is visible.",
  },
  {
    name: "TollgateSpoolFilling",
    severity: "critical",
    query: SPOOL_SHARE,
    when: { is: "above", value: 0.8 },
    for: "5m",
    summary: "a spool is more than 80 % full",
    description:
      "At 100 % senders are answered 503 and have to keep their spans. Mend what it delivers to, or raise its max_bytes.",
  },
  {
    name: "TollgateOldestBlockWaits",
    severity: "warning",
    query: OLDEST_BLOCK,
    when: { is: "above", value: 60 },
    for: "2m",
    summary: "a block has waited for more than a minute",
    description: "The exporter does not get rid of it: the log says why (insert_failed, block_delivery_failed).",
  },
  {
    name: "TollgateItemsSetAside",
    severity: "critical",
    query: `sum(increase(${NEVER_DELIVERED}[1h]))`,
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "acknowledged items were set aside",
    description:
      "ClickHouse refuses them for good, or their block is damaged. The files are in spool/set-aside of the data directory, with the reason in their names.",
  },
  {
    name: "TollgateDeduplicationEvictsEarly",
    severity: "warning",
    query: "sum(increase(tollgate_deduplication_evicted_early_total[1h]))",
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "spans are forgotten before the deduplication window is over",
    description:
      "A resend of one of them would count twice. Raise exporters.clickhouse.deduplication.max_entries, or shorten window_ms.",
  },
  {
    name: "TollgateEngineRestarts",
    severity: "warning",
    query: "sum(increase(tollgate_engine_restarts_total[15m]))",
    when: { is: "above", value: 1 },
    for: "0s",
    summary: "the embedded engine ends unasked again and again",
    description:
      "Often it is memory: see its resident and tracked bytes, and the end of its stderr in the log (engine_crashed).",
  },
  {
    name: "TollgateSendersRefused",
    severity: "warning",
    query: 'sum(rate(tollgate_component_refused_items_total{component=~"receivers[.].*"}[5m]))',
    when: { is: "above", value: 0 },
    for: "5m",
    summary: "senders are told to come back later",
    description:
      "The spool is full or cannot be written, or too much arrives at once. Their SDKs hold spans in memory only: what they give up on is lost.",
  },
  {
    name: "TollgateBudgetOverrun",
    severity: "critical",
    query: 'sum(tollgate_budgets{state="overrun"})',
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "a budget holds more spend than its limit",
    description:
      "Calls that no lease covers, or a lease that reported more than it was granted: `tollgate budgets` names it.",
  },
  {
    name: "TollgateSpendDiffers",
    severity: "critical",
    query: "max(abs(tollgate_spend_difference))",
    when: { is: "above", value: 0 },
    for: "5m",
    summary: "the ledger and ClickHouse do not agree on what a budget has spent",
    description:
      "Up to a minute that all has arrived for: spans were lost, or spend was never reported; the label reason says which. See docs/reconciliation.md.",
  },
  {
    name: "TollgateGateFails",
    severity: "warning",
    query: "sum(increase(tollgate_gate_failures_total[15m]))",
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "the gate failed inside an agent's process",
    description:
      "An exception of Tollgate's own was contained: before a call it followed fail_mode, after it the call counts as reserved. `tollgate status` names the agent, whose log says why. Please report it.",
  },
  {
    name: "TollgateBlastRadiusExceeded",
    severity: "warning",
    query: 'sum(tollgate_blast_radius_beyond{kind="did"})',
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "an agent did more than is declared of it",
    description:
      "A system, an action, an environment, a destination, records or money beyond its blast radius, within the last day: `tollgate agents` and the log (blast_radius_exceeded) name it. An incident is open about it, and has taken autonomy from it.",
  },
  {
    name: "TollgateRunaway",
    severity: "warning",
    query: 'sum(increase(tollgate_events_total{event="runaway_found"}[10m]))',
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "an agent runs wild",
    description:
      "A loop, a storm of tool calls, unusual spend or a deep chain of agents: `tollgate status` and the log (runaway_found) name it. See docs/runaways.md.",
  },
  {
    name: "TollgateBudgetEndsEarly",
    severity: "warning",
    query: 'sum(increase(tollgate_events_total{event="budget_ends_early"}[1h]))',
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "a budget will be used up before its window ends",
    description: "If its spend goes on as so far: `tollgate budgets` says when (ENDS).",
  },
  {
    name: "TollgateSpendNotCompared",
    severity: "warning",
    query: "max(tollgate_spend_compared_ago_seconds)",
    when: { is: "above", value: 1_800 },
    for: "5m",
    summary: "the ledger and ClickHouse were not compared for half an hour",
    description:
      "ClickHouse is away or slow, or a block waits in the spool: nobody would notice lost or unreported spend.",
  },
  {
    name: "TollgateAuditTampering",
    severity: "critical",
    query: 'sum(increase(tollgate_audit_links_total{fate=~"changed|forked|malformed"}[10m]))',
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "audit records arrived that are not what their process chained",
    description:
      "A record was changed on its way, or two claim one place. The log names agent, chain and place (events `audit_link_changed`, `audit_chain_forked`); `tollgate audit verify` shows what is stored.",
  },
  {
    name: "TollgateAuditRecordsMissing",
    severity: "critical",
    query: "sum(increase(tollgate_audit_links_missing_total[10m]))",
    when: { is: "above", value: 0 },
    for: "0s",
    summary: "audit records of an agent's process never arrived",
    description:
      "Later records of the same process did, and the grace is over: they were lost on the way or held back. Event `audit_links_missing` names agent, chain and places; a record that comes late after all fills its place.",
  },
];

const SEVERAL_MINUTES = { from: 600, to: 0 };

/** As Prometheus loads rules; JSON is YAML. */
export function prometheusRules(): object {
  const sign = { above: ">", below: "<" } as const;
  return {
    groups: [
      {
        name: "tollgate",
        rules: ALERTS.map(({ name, severity, query, when, for: hold, summary, description }) => ({
          alert: name,
          expr: `${query} ${sign[when.is]} ${when.value}`,
          for: hold,
          labels: { severity },
          annotations: { summary, description },
        })),
      },
    ],
  };
}

/** As Grafana provisions alerting, over the data source that the shipped provisioning calls `prometheus`. */
export function grafanaRules(): object {
  return {
    apiVersion: 1,
    groups: [{ orgId: 1, name: "tollgate", folder: "Tollgate", interval: "1m", rules: ALERTS.map(grafanaRule) }],
  };
}

function grafanaRule({ name, severity, query, when, for: hold, summary, description }: AlertRule): object {
  const evaluator = { type: when.is === "above" ? "gt" : "lt", params: [when.value] };
  return {
    uid: name.replaceAll(/([a-z])([A-Z])/g, "$1-$2").toLowerCase(),
    title: summary,
    condition: "fires",
    for: hold,
    noDataState: "OK",
    execErrState: "Error",
    labels: { severity },
    annotations: { summary, description },
    data: [
      {
        refId: "value",
        datasourceUid: "prometheus",
        relativeTimeRange: SEVERAL_MINUTES,
        model: { refId: "value", expr: query, instant: true, range: false },
      },
      {
        refId: "fires",
        datasourceUid: "__expr__",
        relativeTimeRange: SEVERAL_MINUTES,
        model: { refId: "fires", type: "threshold", expression: "value", conditions: [{ evaluator }] },
      },
    ],
  };
}
