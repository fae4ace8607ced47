import type { SessionSeen } from "@tollgate/instrumentation/protocol";
import { seenBy } from "../sessions/session-row.ts";
import { type SessionStore, SessionStoreError } from "../sessions/session-store.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import type { ControlStreams } from "./control.ts";
import { sessionsReply, sessionsReport } from "./lease-schemas.ts";
import { ApiProblem } from "./problem.ts";
import type { ProcessTable } from "./processes.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";

export interface SessionReportsOptions {
  readonly sessions: SessionStore;
  readonly processes: ProcessTable;
}

/** `POST /v1/leases/sessions`: what one process has seen of its sessions, and what the others have. */
export function sessionReportsRoute({ sessions, processes }: SessionReportsOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/leases/sessions",
    summary: "A process tells what it has seen of its sessions, and is told what others have",
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
      return { sessions: rows.map((row) => writable(seenBy(row, body.process_id))) };
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

/** 64 sessions as full as they get, at the most that names and labels are in practice. */
const BODY_MAX_BYTES = 4_194_304;

export function notKept(error: unknown): never {
  if (error instanceof SessionStoreError) throw new ApiProblem("not_stored", error.message);
  throw error;
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
