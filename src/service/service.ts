/**
 * The processor as a whole. Order of start: the ledger (nothing is granted or metered before its journal is replayed) and
 * ClickHouse (which may be away: then the spool holds), the traces pipeline (OTLP is taken once the spool is open), the
 * API. Stop is the same backwards, bounded in time; what was acknowledged is on disk at every moment.
 */
import { rmSync } from "node:fs";
import type { StopAct } from "@tollgate/instrumentation/protocol";
import { sharesRecords } from "../budget/valkey/create-valkey-ledger.ts";
import { httpUrl, toEndpoint } from "../config/endpoint.ts";
import type { Span } from "../pdata/span.ts";
import { IncidentDesk } from "../incidents/incident-desk.ts";
import { ChangeLog } from "../changes/change-log.ts";
import { type Clock, SystemClock } from "../support/clock.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { excessNotes } from "../config/governance/excess.ts";
import { AgentWatch } from "./agent-watch.ts";
import { AlertWatch } from "./alert-watch.ts";
import { announce } from "./announcement.ts";
import { BudgetApprovals } from "./budget-approvals.ts";
import { BudgetStatesWriter } from "./budget-states.ts";
import { buildAccess, buildRegistry, namesTenants, registryContent } from "./build-access.ts";
import { buildAudit } from "./build-audit.ts";
import { buildApi } from "./build-api.ts";
import { buildLedger } from "./build-ledger.ts";
import { buildLogs } from "./build-logs.ts";
import { buildStore } from "./build-store.ts";
import { buildTraces } from "./build-traces.ts";
import { buildWebhooks } from "./build-webhooks.ts";
import { ensureHashKey, ensureToken, removeEndpoints, writeAtomically, writeEndpoints } from "./data-directory.ts";
import type { ServiceEndpoints } from "./endpoints.ts";
import { EngineWatch } from "./engine-watch.ts";
import { GovernanceRows } from "./governance-rows.ts";
import { GovernanceSource } from "./governance-source.ts";
import { IncidentWatch } from "./incident-watch.ts";
import { LedgerHealth } from "./ledger-health.ts";
import { LiveGovernance, type ReloadOutcome } from "./live-governance.ts";
import { MetricsPush } from "./metrics-push.ts";
import { Reconciler } from "./reconciler.ts";
import { RunawayActs } from "./runaway-acts.ts";
import { RunawayEpisodes } from "./runaway-episodes.ts";
import { registerServiceMetrics } from "./metrics/register.ts";
import { versionOf } from "../policy/registry.ts";
import { PastSeeder, seeksPast } from "./past-seeder.ts";
import { prepareDataDirectory } from "./prepare-data-directory.ts";
import { queueOf, type QueueSource } from "./queues.ts";
import type { Setup } from "./setup.ts";
import { spendTruthOf } from "./spend-truth.ts";
import { StartedParts } from "./started-parts.ts";
import { openGovernance } from "./open-governance.ts";
import type { Governance } from "../config/governance/governance.ts";
import type { SharedTable } from "../support/shared-table.ts";
import { errorText } from "../telemetry/error-text.ts";
import { openStops } from "./open-stops.ts";
import type { Store } from "./store.ts";
import { ThresholdActs } from "./threshold-acts.ts";
import { watchedCall } from "./watched-call.ts";
import { UnpricedSpend } from "./unpriced-spend.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface ServiceOptions extends Setup {
  /** Written atomically when ready: the endpoints and the pid as JSON. */
  readonly readyFile?: string;
}

export interface Service {
  readonly endpoints: ServiceEndpoints;
  /** Lines for people. */
  readonly announcement: readonly string[];
  /** Drains and stops; `timed_out` when that took longer than `service.stop_timeout_ms`. */
  /** Reads the governance documents again and puts them in force if they are valid. */
  reload(trigger: string): Promise<ReloadOutcome>;
  stop(reason: string): Promise<"stopped" | "timed_out">;
}

/** Starts everything; rejects, with all that had started stopped again, when a part that nothing works without fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  prepareDataDirectory(options.data);
  const clock = new SystemClock();
  const telemetry = new Telemetry(options.config.service.telemetry.logs);
  telemetry.collectProcessMetrics();
  telemetry.emit("service_starting", { version: TOLLGATE_VERSION, data_dir: options.data.root });
  const parts = new StartedParts({ clock, telemetry, timeoutMs: options.config.service.stop_timeout_ms });
  try {
    return await start({ ...options, clock, telemetry, parts });
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

interface Starting extends ServiceOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly parts: StartedParts;
}

async function start(given: Starting): Promise<Service> {
  const { config, data, clock, telemetry, parts } = given;
  const source = new GovernanceSource({ files: given.governanceReader, file: data.applied });
  let governance = source.restore() ?? given.governance;
  const token = ensureToken(data);
  const ownChanges = new ChangeLog({ file: data.changes, clock });
  const join = async (table: SharedTable): Promise<Governance> => {
    await source.join({
      table,
      clock,
      onDamage: (error) => telemetry.emit("shared_table_damaged", { table: "governance", error: errorText(error) }),
    });
    return (governance = source.current() ?? given.governance);
  };
  const ledgerHealth = new LedgerHealth(clock);
  const recordChange = ownChanges.record;
  const ledger = buildLedger({ ...given, governance, join, recordChange, health: ledgerHealth });
  await parts.start("ledger", ledger);
  parts.add("shared governance", () => source.leave());
  const registry = buildRegistry(governance, config);
  const options = { ...given, governance };
  const sharing = sharesRecords(ledger) ? ledger : undefined;
  const { credentials, approvals, incidents, sessions, pasts, changes } = await openGovernance({
    data,
    approvalsKeepMs: config.approvals.keep_ms,
    ownChanges,
    sharing,
    clock,
    telemetry,
    parts,
  });
  const hasTenants = (): boolean => namesTenants(config, { registry, credentials });
  const store = buildStore({ config, data, clock, telemetry, hasTenants: hasTenants() });
  const closeReads = (): void => {
    if (hasTenants()) store.closeReads();
  };
  credentials.watch(closeReads);
  const access = buildAccess(config, { token: token.token, registry, credentials, telemetry });
  const stops = await openStops({ file: data.stops, shared: ledger.record, clock, telemetry, parts });
  await parts.start("storage", store);
  if (seeksPast(ledger)) {
    const past = { labelKeys: () => ledger.labelKeys(), graceMs: config.ledger.grace_ms };
    await parts.start("past", new PastSeeder({ ...past, ledger, store, clock, telemetry }));
  }

  const hashKey = ensureHashKey(data);
  const logs = buildLogs({ ...options, store, access, token: token.token, hashKey });
  await parts.start("logs", logs.end);
  const live = new LiveGovernance({
    governance,
    source,
    apply: async (next, { areBudgetsNew }) => {
      if (areBudgetsNew) await ledger.configure(next.budgets);
      registry.replace(registryContent(next, config));
      closeReads();
      thresholds.catchUp();
      api.sendGovernance();
    },
    versionOf: (next) => versionOf(registryContent(next, config)),
    excessOf: (next) => excessNotes({ registry: buildRegistry(next, config), budgets: next.budgets }),
    recordChange: changes.record,
    clock,
    telemetry,
    pollIntervalMs: config.governance.watch ? config.governance.poll_interval_ms : undefined,
  });
  const unpriced = new UnpricedSpend({ store, clock });
  const episodes = new RunawayEpisodes(data.runaways, clock);
  // Before the traces, so that it is closed when no span comes any more.
  parts.add("runaway episodes", async () => episodes.close());
  const runaways = new RunawayActs({
    ledger,
    documents: () => live.current,
    stops: stops.keeper,
    episodes,
    unpriced,
    clock,
    telemetry,
  });
  const watch = (span: Span, receivedUnixMs: number): void => {
    const call = watchedCall(span, receivedUnixMs);
    if (call !== undefined) runaways.see(call);
  };
  const audit = buildAudit({ ...options, store, oldestWaitingMs: () => traces.exporter.stats().oldestUnixMs });
  await parts.start("audit", audit);
  const traces = buildTraces({ ...options, ledger, store, access, registry, logs, hashKey, watch, links: audit });
  await parts.start("traces", traces.pipeline);
  const writer = new BudgetStatesWriter({
    ledger,
    clock,
    telemetry,
    isStorageReady: () => store.isReady,
    insert: (rows) => store.insertRows("budget_states", rows),
  });
  await parts.start("budget states", writer);
  const rows = { approvals: () => approvals.all(), changes: () => ownChanges.recent };
  await parts.start("governance rows", new GovernanceRows({ ...rows, store, clock, telemetry }));
  const engine = store.engine === undefined ? undefined : new EngineWatch({ engine: store.engine, clock });
  if (engine !== undefined) await parts.start("engine figures", engine);
  const queues: readonly QueueSource[] = [
    {
      component: "exporters.clickhouse",
      signal: "traces",
      read: () => queueOf(traces.exporter.stats(), clock),
    },
    {
      component: "exporters.clickhouse",
      signal: "logs",
      read: () => queueOf(logs.exporter.stats(), clock),
    },
    ...traces.forwards.map(({ name, exporter }) => ({
      component: `exporters.${name}`,
      signal: "traces" as const,
      read: () => queueOf(exporter.stats(), clock),
    })),
    ...logs.forwards.map(({ name, exporter }) => ({
      component: `exporters.${name}`,
      signal: "logs" as const,
      read: () => queueOf(exporter.stats(), clock),
    })),
  ];

  const reconciler = new Reconciler({
    ledger,
    documents: () => live.current.budgets,
    store,
    oldestWaitingMs: () => traces.exporter.stats().oldestUnixMs,
    leaseTtlMs: config.ledger.lease_ttl_ms,
    clock,
    telemetry,
  });
  const truth = spendTruthOf({ ledger, reconciler, unpriced, runaways });

  const agentWatch = new AgentWatch({ store, registry, budgets: () => live.current.budgets, clock, telemetry });
  await parts.start("agent watch", agentWatch);
  // Looks only when it has been started, after what it asks and tells is there.
  const alertWatch = new AlertWatch({
    alerts: () => live.current.alerts,
    store,
    ledger,
    approvals: { all: () => api.approvals.all(), stateOf: (request) => api.approvals.stateOf(request) },
    onFired: ({ alert, text }) => webhooks.tell({ event: "alert", id: alert.name, text }),
    clock,
    telemetry,
  });
  const incidentDesk = new IncidentDesk({ store: incidents, clock, record: changes.record });
  const state = { isReady: false };
  const { httpUrl: otlpHttp = "", grpcUrl: otlpGrpc = "" } = traces.receiver;
  const endpoints = { otlp_http: otlpHttp, otlp_grpc: otlpGrpc, api: "", clickhouse: store.url() };
  const api = buildApi({
    config,
    governance: live,
    clock,
    telemetry,
    access,
    registry,
    ledger,
    credentials,
    changes,
    agentWatch,
    alertWatch,
    incidents: incidentDesk,
    sessions,
    pasts,
    stops: stops.keeper,
    ...(stops.fleet === undefined ? {} : { stopFleet: stops.fleet }),
    approvals,
    store,
    audit,
    ledgerHealth,
    traces,
    queues,
    engine,
    endpoints,
    state,
    truth,
  });
  const { host, port } = toEndpoint(config.api.endpoint);
  parts.add("api", () => api.close());
  endpoints.api = httpUrl({ host, port: await listenFor(config.api.endpoint, () => api.listen({ host, port })) });
  registerServiceMetrics(telemetry.registry, {
    flows: () => traces.flows.inOrder(),
    queues: () => queues,
    measures: telemetry.measures,
    answers: () => traces.receiver.stats(),
    engine: () => engine,
    ledger: () => ledger.stats(),
    isGranting: () => ledgerHealth.failure === undefined,
    budgets: () => ledger.eachBudget(),
    isStorageReady: () => store.isReady,
    truth: () => truth,
    audit: () => audit.counts(),
    blast: () => agentWatch,
    now: () => clock.now(),
    processes: () => api.processes.size,
    gateFailures: () => api.processes.failures,
    version: TOLLGATE_VERSION,
  });
  const thresholds = new ThresholdActs({ ledger, desk: api.desk, stops: stops.keeper, clock, telemetry });
  parts.add("thresholds", async () => thresholds.stop());
  thresholds.start();
  const budgetApprovals = new BudgetApprovals({
    stops: stops.keeper,
    desk: api.desk,
    approvals: api.approvals,
    clock,
    telemetry,
  });
  await parts.start("budget approvals", budgetApprovals);
  api.onApproval((request) => budgetApprovals.onApproval(request));
  const incidentWatch = new IncidentWatch({
    store: incidents,
    desk: incidentDesk,
    stops: stops.keeper,
    findings: agentWatch,
    firing: () => alertWatch.firing,
    registry,
    onDemotion: () => api.sendGovernance(),
    clock,
    telemetry,
  });
  ownChanges.onChange(({ action, after }) => {
    if (action === "kill") incidentWatch.killed(after as StopAct);
  });
  await parts.start("incident watch", incidentWatch);
  const webhooks = buildWebhooks({ config, api, clock, telemetry });
  await parts.start("webhooks", webhooks);
  await parts.start("alerts", alertWatch);
  parts.add("runaways", async () => runaways.stop());
  runaways.start(api.desk);
  await parts.start("reconciler", reconciler);
  await parts.start("unpriced spend", unpriced);
  parts.add("governance", () => live.stop());
  live.start();
  // Files may have changed while nobody looked.
  if (source.applied !== undefined) void live.reload("start");
  const push = config.service.telemetry.metrics.otlp;
  if (push !== undefined) await parts.start("metrics push", new MetricsPush({ config: push, clock, telemetry }));
  state.isReady = true;
  publish(options, endpoints, store);
  telemetry.emit("service_ready", { start_ms: Math.round(performance.now()), storage_ready: store.isReady });
  return {
    endpoints,
    announcement: announce({
      version: TOLLGATE_VERSION,
      endpoints,
      dataDir: data.root,
      newToken: token.isNew && config.auth?.people_token === undefined ? token.token : undefined,
      tokenFile: data.token,
      isStorageReady: store.isReady,
      budgets: governance.budgets.length,
      policies: governance.policies.length,
    }),
    reload: (trigger) => live.reload(trigger),
    stop: async (reason) => {
      telemetry.emit("service_stopping", { reason });
      state.isReady = false;
      unpublish(options);
      return parts.stop();
    },
  };
}

/** A port that is taken is the commonest trouble at a start: the message names the setting. */
async function listenFor(endpoint: string, listen: () => Promise<number>): Promise<number> {
  try {
    return await listen();
  } catch (error) {
    throw new Error(`\`api.endpoint\`: cannot listen on ${endpoint}`, { cause: error });
  }
}

/** Tells the command line on this machine, and whoever asked for a ready file. */
function publish(options: ServiceOptions, endpoints: ServiceEndpoints, store: Store): void {
  const { username, password } = store.readOnlyUser;
  const shown = { ...endpoints, pid: process.pid };
  const { database } = store;
  writeEndpoints(options.data, { ...shown, database, readonly_username: username, readonly_password: password });
  if (options.readyFile !== undefined) writeAtomically(options.readyFile, `${JSON.stringify(shown)}\n`, 0o644);
}

function unpublish(options: ServiceOptions): void {
  removeEndpoints(options.data);
  if (options.readyFile !== undefined) rmSync(options.readyFile, { force: true });
}
