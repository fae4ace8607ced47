import { toWire } from "@tollgate/instrumentation/protocol";
import type { z } from "zod";
import type { Ledger } from "../budget/ledger.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { PastStore } from "../sessions/past-store.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { vouchesFor } from "./access.ts";
import { leaseBudget, ledgerRefusal } from "./budget-view.ts";
import { projected } from "./call-labels.ts";
import { callerLabels } from "./caller-labels.ts";
import {
  acquireReply,
  acquireRequest,
  closeRequest,
  helloReply,
  helloRequest,
  toAmounts,
  withoutKinds,
} from "./lease-schemas.ts";
import { ApiProblem } from "./problem.ts";
import type { StopKeeper } from "../kill/stop-store.ts";
import type { StopDesk } from "./stop-desk.ts";
import type { ProcessTable } from "./processes.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { writablePast } from "./session-reports.ts";
import { actsFor } from "./tenancy.ts";

export interface LeaseRoutesOptions {
  readonly ledger: Ledger;
  readonly registry: AgentRegistry;
  readonly processes: ProcessTable;
  readonly telemetry: Telemetry;
  readonly leaseTtlMs: number;
  readonly stops: StopKeeper;
  readonly desk: StopDesk;
  readonly pasts: PastStore;
}

/** `/v1/leases/*`: what the instrumentation uses. Shapes and rules: instrumentation/src/protocol.ts. */
export function leaseRoutes(options: LeaseRoutesOptions): readonly AnyRoute[] {
  return [hello(options), acquire(options), close(options)];
}

function hello({ ledger, registry, processes, telemetry, stops, pasts }: LeaseRoutesOptions): AnyRoute {
  const toldOf = new Set<string>();
  return route({
    method: "POST",
    url: "/v1/leases/hello",
    summary: "A process introduces itself, at start and after `process_unknown`",
    access: "agent",
    body: helloRequest,
    query: NOTHING,
    params: NOTHING,
    reply: helloReply,
    problems: ["forbidden"],
    handle: async ({ body, caller }) => {
      const isVerified = vouchesFor(caller, body.agent);
      const { agent, pid, version, unpatched = [], failures = 0 } = body;
      const labels = callerLabels({ registry, caller, agent, claimed: body.labels });
      processes.hello(body.process_id, {
        agent,
        isVerified,
        pid,
        version,
        callerId: caller.id,
        labels,
        unpatched,
        failures,
      });
      const policies = registry.policies(agent);
      if (policies.length === 0 && !toldOf.has(agent) && toldOf.size < 1_000) {
        toldOf.add(agent);
        telemetry.emit("agent_without_policy", { agent });
      }
      return {
        labels,
        agent_verified: isVerified,
        label_keys: [...ledger.labelKeys()],
        measures: [...ledger.measures()],
        policies: [...registry.policiesOfProcess(agent, caller.isBoundTo)],
        tools: [...registry.tools],
        ...(registry.labelLevels === undefined ? {} : { label_levels: registry.labelLevels }),
        prices: [...registry.prices],
        require_policy: registry.requirePolicy,
        autonomy: registry.autonomyOf(labels[TENANT_LABEL]),
        egress: helloEgress(registry, agent),
        governance_version: registry.version,
        shares_sessions: registry.asksSessions,
        past: writablePast(pasts.of({ tenant: labels[TENANT_LABEL] ?? "", agent })),
        stops: helloStops({ registry, agent, list: stops.list }),
      };
    },
  });
}

function acquire({ ledger, registry, processes, leaseTtlMs, stops, desk }: LeaseRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/leases/acquire",
    summary: "Get, renew, report and give back money, in one message",
    isFrequent: true,
    access: "agent",
    body: acquireRequest,
    query: NOTHING,
    params: NOTHING,
    reply: acquireReply,
    problems: ["process_unknown", "lease_lost", "forbidden", "agent_killed"],
    handle: async ({ body, caller }) => {
      const process = processes.get(body.process_id, caller);
      // A process may act for several agents (withContext); with keys, only for those its key is bound to.
      const agent = body.labels["agent"] ?? process.agent;
      vouchesFor(caller, agent);
      const labels = callerLabels({ registry, caller, agent, claimed: body.labels });
      // Its last report comes with `close`, which stays open to it.
      desk.refuseKilled(process.labels, labels);
      const result = await ledger.acquire({
        processId: body.process_id,
        leaseId: body.lease_id,
        seq: body.seq,
        labels: projected(labels, ledger.labelKeys()),
        settled: toAmounts(body.settled),
        need: toAmounts(body.need),
        target: toAmounts(body.target),
        ...(body.held === undefined ? {} : { held: toAmounts(body.held) }),
        ahead: toAmounts(body.ahead),
        waitMs: body.wait_ms,
      });
      const tellsKinds = body.target.input_tokens !== undefined;
      if (result.outcome === "lost") throw new ApiProblem("lease_lost", result.reason);
      // Killed while the ledger held the request: what was granted is not handed over.
      desk.refuseKilled(process.labels, labels);
      return {
        lease_id: body.lease_id,
        seq: result.seq,
        outcome: result.outcome,
        granted: toWire(tellsKinds ? result.granted : withoutKinds(result.granted)),
        ttl_ms: leaseTtlMs,
        governance_version: registry.version,
        stops_version: `${stops.list.epoch}:${stops.list.revision}`,
        budgets: result.budgets.map(leaseBudget),
        ...(result.outcome === "exhausted"
          ? { refused_by: leaseBudget(result.refusedBy), refusal: ledgerRefusal(result.obstacle) }
          : {}),
      };
    },
  });
}

function close({ ledger, processes }: LeaseRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/leases/close",
    summary: "The last report of leases; what is left of them goes back",
    access: "agent",
    body: closeRequest,
    query: NOTHING,
    params: NOTHING,
    reply: NOTHING,
    problems: ["forbidden"],
    handle: async ({ body, caller }) => {
      processes.allowUnknown(body.process_id, caller);
      processes.failed(body.process_id, body.failures ?? 0);
      const leases = body.leases.map((lease) => ({ leaseId: lease.lease_id, settled: toAmounts(lease.settled) }));
      await ledger.close(body.process_id, leases);
      return {};
    },
  });
}

function helloStops(asked: Parameters<typeof actsFor>[0]): z.output<typeof helloReply>["stops"] {
  const { acts, ...list } = actsFor(asked);
  return { ...list, acts: [...acts] };
}

function helloEgress(registry: AgentRegistry, agent: string): z.output<typeof helloReply>["egress"] {
  const { unknown, allow, providers } = registry.egress(agent);
  return {
    unknown,
    ...(allow === undefined ? {} : { allow: [...allow] }),
    ...(providers === undefined ? {} : { providers }),
  };
}
