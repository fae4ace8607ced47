import type { PastSeen, SessionSeen } from "@tollgate/instrumentation/protocol";
import type { AgentRegistry } from "../policy/registry.ts";
import type { PastStore } from "../sessions/past-store.ts";
import { seenBy } from "../sessions/session-row.ts";
import type { SessionStore } from "../sessions/session-store.ts";
import { GrowingStoreError } from "../support/growing-store.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import { vouchesFor } from "./access.ts";
import { callerLabels, type CallerLabelsOptions } from "./caller-labels.ts";
import type { ControlStreams } from "./control.ts";
import { sessionsReply, sessionsReport } from "./lease-schemas.ts";
import { ApiProblem } from "./problem.ts";
import type { ProcessTable } from "./processes.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

export interface SessionReportsOptions {
  readonly registry: AgentRegistry;
  readonly pasts: PastStore;
  readonly sessions: SessionStore;
  readonly processes: ProcessTable;
}

/** `POST /v1/leases/sessions`: what one process has seen of its sessions, and what the others have. */
export function sessionReportsRoute({ registry, pasts, sessions, processes }: SessionReportsOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/leases/sessions",
    summary: "A process tells what it has seen of its sessions and agents, and is told what others have",
    access: "agent",
    bodyMaxBytes: BODY_MAX_BYTES,
    body: sessionsReport,
    query: NOTHING,
    params: NOTHING,
    reply: sessionsReply,
    problems: ["process_unknown", "forbidden", "not_stored"],
    handle: async ({ body, caller }) => {
      const { labels } = processes.get(body.process_id, caller);
      const report = { tenant: labels[TENANT_LABEL] ?? "", process: body.process_id };
      const rows = await Promise.all(body.sessions.map((seen) => sessions.report({ ...report, seen }))).catch(notKept);
      const told = (body.pasts ?? []).flatMap((past) => {
        const tenant = tenantOfPast(past.agent, { registry, caller, claimed: labels });
        return tenant === undefined ? [] : [pasts.tell({ tenant, past })];
      });
      const kept = await Promise.all(told).catch(notKept);
      return {
        sessions: rows.map((row) => writable(seenBy(row, body.process_id))),
        ...(body.pasts && { pasts: kept.map(writablePast) }),
      };
    },
  });
}

/** Tells whoever has joined a session and listens here. */
export function tellSessions(sessions: SessionStore, control: ControlStreams): void {
  sessions.onChange((row) => {
    for (const process of Object.keys(row.by)) {
      if (control.isListening(process)) control.sendSession(process, seenBy(row, process));
    }
  });
}

/** 64 sessions or agents as full as they get, at the most that names and labels are in practice. */
const BODY_MAX_BYTES = 4_194_304;

export function notKept(error: unknown): never {
  if (error instanceof GrowingStoreError) throw new ApiProblem("not_stored", error.message);
  throw error;
}

/** `undefined`: the caller may not speak for the agent. The rest of its report stands all the same. */
function tenantOfPast(agent: string, asked: Omit<CallerLabelsOptions, "agent">): string | undefined {
  try {
    vouchesFor(asked.caller, agent);
    return callerLabels({ ...asked, agent })[TENANT_LABEL] ?? "";
  } catch (error) {
    if (error instanceof ApiProblem) return undefined;
    throw error;
  }
}

export function writablePast({ labels, known, tools, ...rest }: PastSeen) {
  return { ...rest, labels: [...labels], known: [...known], tools: { ...tools } };
}

function writable({ labels, tools, actions, systems, destinations, ...rest }: SessionSeen) {
  return {
    ...rest,
    labels: [...labels],
    tools: [...tools],
    actions: [...actions],
    systems: [...systems],
    destinations: [...destinations],
  };
}
