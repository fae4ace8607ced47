import type { Access } from "../api/access.ts";
import { type Api, createApi } from "../api/server.ts";
import type { StopFleetOptions } from "../api/stop-fleet.ts";
import type { StoredLedger } from "../budget/ledger-notice.ts";
import type { ApprovalKeeper } from "../approvals/approval-store.ts";
import { termsBy } from "../approvals/terms.ts";
import type { Changes } from "../changes/change-log.ts";
import type { CredentialKeeper } from "../identity/credential-store.ts";
import type { IncidentDesk } from "../incidents/incident-desk.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { PastStore } from "../sessions/past-store.ts";
import type { SessionStore } from "../sessions/session-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { AuditKeeper } from "./audit-keeper.ts";
import type { AgentWatch } from "./agent-watch.ts";
import type { AlertWatch } from "./alert-watch.ts";
import type { Traces } from "./build-traces.ts";
import type { Config } from "./config-schema.ts";
import type { ServiceEndpoints } from "./endpoints.ts";
import type { EngineWatch } from "./engine-watch.ts";
import type { LiveGovernance } from "./live-governance.ts";
import type { QueueSource } from "./queues.ts";
import { serviceStatusOf } from "./status.ts";
import type { ServiceTruth } from "./spend-truth.ts";
import type { Store } from "./store.ts";
import type { LedgerHealth } from "./ledger-health.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface ApiBuild {
  readonly config: Config;
  readonly governance: LiveGovernance;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly access: Access;
  readonly registry: AgentRegistry;
  readonly ledger: StoredLedger;
  readonly ledgerHealth: Pick<LedgerHealth, "failure">;
  readonly credentials: CredentialKeeper;
  readonly changes: Changes;
  readonly agentWatch: AgentWatch;
  readonly alertWatch: AlertWatch;
  readonly incidents: IncidentDesk;
  readonly sessions: SessionStore;
  readonly pasts: PastStore;
  readonly stops: StopKeeper;
  readonly stopFleet?: StopFleetOptions;
  readonly approvals: ApprovalKeeper;
  readonly store: Store;
  readonly audit: AuditKeeper;
  readonly traces: Traces;
  readonly queues: readonly QueueSource[];
  /** `undefined` with a ClickHouse server. */
  readonly engine: EngineWatch | undefined;
  /** Read when asked: the API's own port is known last. */
  readonly endpoints: ServiceEndpoints;
  readonly state: { readonly isReady: boolean };
  readonly truth: ServiceTruth;
}

/** The control API over the parts of the service; not listening. */
export function buildApi(options: ApiBuild): Api {
  const { config, clock, telemetry, access, registry, ledger, store } = options;
  const startedAtMs = clock.now();
  const api: Api = createApi({
    access,
    ledger,
    registry,
    stops: options.stops,
    credentials: options.credentials,
    changes: options.changes,
    findings: options.agentWatch,
    incidents: options.incidents,
    sessions: options.sessions,
    pasts: options.pasts,
    ...(options.stopFleet === undefined ? {} : { stopFleet: options.stopFleet }),
    approvals: options.approvals,
    answeringWebhooks: config.approvals.webhooks.map(({ secret, ...rest }) => ({ ...rest, secret: secret.reveal() })),
    termsOf: termsBy(config.approvals, (agent) => registry.responsible(agent)),
    store: store.reads,
    governance: options.governance,
    audit: { desk: options.audit, lines: store.reads },
    telemetry,
    clock,
    leaseTtlMs: config.ledger.lease_ttl_ms,
    bodyMaxBytes: config.api.body_max_bytes,
    version: TOLLGATE_VERSION,
    isReady: () => options.state.isReady,
    isGranting: () => options.ledgerHealth.failure === undefined,
    truth: options.truth,
    status: () =>
      serviceStatusOf({
        ...options,
        startedAtMs,
        agents: api.processes.agents(),
        processes: api.processes.size,
        gateFailures: api.processes.failures,
        failing: api.processes.failing(),
        unpatched: api.processes.unpatched(),
        processLabels: [...api.processes.entries()].map(([, { labels }]) => labels),
      }),
  });
  return api;
}
