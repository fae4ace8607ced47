import { toBudgetRow } from "../api/budget-view.ts";
import type { ServiceStatus } from "../api/status.ts";
import type { BudgetState, Labels } from "../budget/ledger.ts";
import { flowImbalance, type FlowStats } from "../component/flow.ts";
import type { DurationHistogram } from "../telemetry/histogram.ts";
import { type Lag, VISIBILITY_SLO } from "../telemetry/lag.ts";
import type { ApiBuild } from "./build-api.ts";
import type { EngineWatch } from "./engine-watch.ts";
import { runawayNotes, spendWarnings, statusNotes, statusWarnings } from "./status-findings.ts";
import { unmatchedBudgets } from "./unmatched-budgets.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface StatusSources extends ApiBuild {
  readonly startedAtMs: number;
  /** Names of agents whose processes said hello. */
  readonly agents: readonly string[];
  readonly processes: number;
  readonly gateFailures: number;
  /** One sentence for each agent whose gate has failed inside. */
  readonly failing: readonly string[];
  /** One sentence for each copy of a library that is loaded and not gated. */
  readonly unpatched: readonly string[];
  /** Of the processes that said hello. */
  readonly processLabels: Iterable<Labels>;
}

const WORST_BUDGETS = 3;

/** What runs, what it has seen, what is wrong. Asks the engine for figures of now, at most for as long as that takes to time out. */
export async function serviceStatusOf(sources: StatusSources): Promise<ServiceStatus> {
  await sources.engine?.refresh();
  const { clock, endpoints, registry, store, state, traces, ledger } = sources;
  const { current: governance, appliedAtMs, refusal } = sources.governance;
  const withoutPolicy = sources.agents.filter((agent) => registry.policies(agent).length === 0);
  const { leasesActive, leasesExpired, acquiresWaiting, journalBytes } = ledger.stats();
  const { failure } = sources.ledgerHealth;
  const figures: Omit<ServiceStatus, "warnings" | "notes"> = {
    version: TOLLGATE_VERSION,
    pid: process.pid,
    started_at: new Date(sources.startedAtMs).toISOString(),
    uptime_ms: clock.now() - sources.startedAtMs,
    ready: state.isReady,
    endpoints: { ...endpoints },
    storage: { kind: store.kind, ready: store.isReady, database: store.database },
    resident_bytes: process.memoryUsage.rss(),
    spans: countsOf(traces.exporter.stats()),
    ...deliveryOf(sources),
    ledger: {
      leases_active: leasesActive,
      leases_expired: leasesExpired,
      acquires_waiting: acquiresWaiting,
      journal_bytes: journalBytes,
      failure:
        failure === undefined ? null : { since: new Date(failure.sinceMs).toISOString(), reason: failure.reason },
    },
    budgets_worst: worst(ledger.eachBudget()).map(toBudgetRow),
    governance: {
      version: registry.version,
      budgets: governance.budgets.length,
      policies: governance.policies.length,
      agents: governance.agents.length,
      prices: governance.prices.length,
      require_policy: registry.requirePolicy,
      applied_at: new Date(appliedAtMs).toISOString(),
      refused:
        refusal === undefined ? null : { at: new Date(refusal.atMs).toISOString(), problems: [...refusal.problems] },
    },
    processes: sources.processes,
    gate_failures: sources.gateFailures,
    agents_without_policy: withoutPolicy,
    stops: [...sources.stops.list.acts],
  };
  return {
    ...figures,
    warnings: [
      ...statusWarnings(figures, sources),
      ...store.findings,
      ...spendWarnings(sources),
      ...sources.agentWatch.warnings(),
      ...sources.alertWatch.warnings(),
      ...sources.unpatched,
      ...sources.failing,
    ],
    notes: [
      ...statusNotes(figures, sources),
      ...unmatchedBudgets({ budgets: governance.budgets, states: ledger.eachBudget(), known: knownLabels(sources) }),
      ...runawayNotes(sources),
    ],
  };
}

/** Of agents with a document, and of processes that said hello. */
function* knownLabels({ governance, registry, processLabels }: StatusSources): Generator<Labels> {
  for (const { name } of governance.current.agents) yield registry.labels(name, {});
  yield* processLabels;
}

function deliveryOf(sources: ApiBuild): Pick<ServiceStatus, "components" | "spools" | "inserts" | "engine" | "lag"> {
  const { traces, queues, engine, telemetry } = sources;
  const { inserts, counted, visible } = telemetry.measures;
  return {
    components: traces.flows.inOrder().map((source) => {
      const { component, signal, protocol } = source;
      const flow = source.stats();
      return { component, signal, protocol: protocol ?? null, ...countsOf(flow), imbalance: flowImbalance(flow) };
    }),
    spools: queues.map((queue) => {
      const { blocks, items, bytes, bytesMax, oldestAgeMs, setAsideFiles } = queue.read();
      return {
        component: queue.component,
        signal: queue.signal,
        blocks,
        items,
        bytes,
        bytes_max: bytesMax ?? null,
        oldest_age_ms: Math.round(oldestAgeMs),
        set_aside_files: setAsideFiles ?? null,
      };
    }),
    inserts: { taken: inserts.ok.count, failed: inserts.failed.count, ...quantilesOf(inserts.ok) },
    engine: engine === undefined ? null : engineOf(engine),
    lag: { objective_ms: VISIBILITY_SLO.seconds * 1_000, counted: lagOf(counted), visible: lagOf(visible) },
  };
}

function countsOf({ received, recovered, stored, refused, dropped, inFlight }: FlowStats): ServiceStatus["spans"] {
  return { received, recovered, stored, refused, dropped: { ...dropped }, in_flight: inFlight };
}

function engineOf({ engine, last }: EngineWatch): NonNullable<ServiceStatus["engine"]> {
  return {
    serving: engine.isServing,
    crashes: engine.crashes,
    pid: last?.pid ?? null,
    uptime_ms: last?.uptimeMs ?? null,
    resident_bytes: last?.rssBytes ?? null,
    tracked_bytes: last?.memoryTrackedBytes ?? null,
    memory_max_bytes: last?.memoryMaxBytes ?? null,
    queries_running: last?.queriesRunning ?? null,
    queries_waiting: last === undefined ? null : last.readsWaiting + last.writesWaiting,
    parts: last?.partsActive ?? null,
    disk_bytes: last?.diskBytes ?? null,
  };
}

function lagOf({ histogram, ahead }: Lag): ServiceStatus["lag"]["visible"] {
  return { ...quantilesOf(histogram), spans: histogram.countLately, clock_ahead: ahead };
}

function quantilesOf(histogram: DurationHistogram): { p50_ms: number | null; p99_ms: number | null } {
  const ms = (share: number): number | null => {
    const seconds = histogram.quantile(share);
    return seconds === undefined ? null : Math.round(seconds * 1e6) / 1e3;
  };
  return { p50_ms: ms(0.5), p99_ms: ms(0.99) };
}

/** In one pass: there may be very many. */
function worst(budgets: Iterable<BudgetState>): readonly BudgetState[] {
  const found: BudgetState[] = [];
  for (const budget of budgets) {
    const last = found[WORST_BUDGETS - 1];
    if (last !== undefined && leftShare(budget) >= leftShare(last)) continue;
    found.push(budget);
    found.sort((a, b) => leftShare(a) - leftShare(b));
    found.length = Math.min(found.length, WORST_BUDGETS);
  }
  return found;
}

/** For the order only; below 0 when more was spent than the limit. */
function leftShare({ limit, settled, reserved }: BudgetState): number {
  return limit === 0n ? -Infinity : Number(limit - settled - reserved) / Number(limit);
}
