import type { Access } from "../api/access.ts";
import { type Api, createApi } from "../api/server.ts";
import type { ServiceStatus } from "../api/status.ts";
import type { LocalLedger } from "../budget/local/local-ledger-options.ts";
import type { Governance } from "../config/governance/governance.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Traces } from "./build-traces.ts";
import type { Config } from "./config-schema.ts";
import type { ServiceEndpoints } from "./endpoints.ts";
import type { Store } from "./store.ts";
import { TOLLGATE_VERSION } from "./version.ts";

export interface ApiBuild {
  readonly config: Config;
  readonly governance: Governance;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly access: Access;
  readonly registry: AgentRegistry;
  readonly ledger: LocalLedger;
  readonly store: Store;
  readonly traces: Traces;
  /** Read when asked: the API's own port is known last. */
  readonly endpoints: ServiceEndpoints;
  readonly state: { readonly isReady: boolean };
}

/** The control API over the parts of the service; not listening. */
export function buildApi(options: ApiBuild): Api {
  const { config, clock, telemetry, access, registry, ledger, store } = options;
  const startedAtMs = clock.now();
  const api: Api = createApi({
    access,
    ledger,
    registry,
    store: store.reads,
    telemetry,
    clock,
    leaseTtlMs: config.ledger.lease_ttl_ms,
    bodyMaxBytes: config.api.body_max_bytes,
    version: TOLLGATE_VERSION,
    isReady: () => options.state.isReady,
    status: async () => statusOf(options, startedAtMs, api.processes.agents(), api.processes.size),
  });
  return api;
}

function statusOf(options: ApiBuild, startedAtMs: number, agents: readonly string[], processes: number): ServiceStatus {
  const { clock, endpoints, governance, registry, store, state, traces } = options;
  const { received, recovered, stored, refused, dropped, inFlight } = traces.exporter.stats();
  const withoutPolicy = agents.filter((agent) => registry.policies(agent).length === 0);
  return {
    version: TOLLGATE_VERSION,
    pid: process.pid,
    started_at: new Date(startedAtMs).toISOString(),
    uptime_ms: clock.now() - startedAtMs,
    ready: state.isReady,
    endpoints: { ...endpoints },
    storage: { kind: store.kind, ready: store.isReady, database: store.database },
    spans: { received, recovered, stored, refused, dropped: { ...dropped }, in_flight: inFlight },
    governance: {
      version: registry.version,
      budgets: governance.budgets.length,
      policies: governance.policies.length,
      agents: governance.agents.length,
      prices: governance.prices.length,
      require_policy: registry.requirePolicy,
    },
    processes,
    agents_without_policy: withoutPolicy,
    warnings: warningsOf(options),
  };
}

function warningsOf({ store, traces }: ApiBuild): string[] {
  const { inFlight, dropped } = traces.exporter.stats();
  const warnings: string[] = [];
  if (!store.isReady) warnings.push(`ClickHouse cannot be reached; ${inFlight} spans wait in the spool`);
  const poison = dropped["poison"] ?? 0;
  if (poison > 0) warnings.push(`${poison} spans were set aside because ClickHouse refuses them`);
  return warnings;
}
