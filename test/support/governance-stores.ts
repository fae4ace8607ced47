import type { AgentFindings } from "../../src/api/agents.ts";
import { ApprovalStore } from "../../src/approvals/approval-store.ts";
import type { Terms } from "../../src/approvals/request.ts";
import type { ChangeLog, NewChange } from "../../src/changes/change-log.ts";
import { CredentialStore } from "../../src/identity/credential-store.ts";
import type { Incident } from "../../src/incidents/incident.ts";
import { IncidentDesk } from "../../src/incidents/incident-desk.ts";
import type { IncidentStore } from "../../src/incidents/incident-store.ts";
import { PastStore } from "../../src/sessions/past-store.ts";
import { SessionStore } from "../../src/sessions/session-store.ts";
import type { Clock } from "../../src/support/clock.ts";

/** Holds nothing: what a store needs that is never opened again. */
export const MEMORY = {
  open: async () => [],
  append: async () => {},
  rewrite: async () => {},
  close: async () => {},
  bytes: 0,
} as const;

/** As the store in a directory, without the directory. */
function memoryIncidents(): Pick<IncidentStore, "look" | "get" | "all" | "put"> {
  const incidents = new Map<string, Incident>();
  return {
    look: async () => {},
    get: (id) => incidents.get(id),
    all: () => [...incidents.values()],
    put: async (next) => incidents.set(next.id, next) === incidents,
  };
}

/** What an API needs beside its subject: no credentials on any disk, and changes that are kept in memory. */
export function governanceStores(clock: Clock): {
  readonly credentials: CredentialStore;
  readonly changes: Pick<ChangeLog, "record" | "recent" | "head">;
  readonly approvals: ApprovalStore;
  readonly findings: AgentFindings;
  readonly termsOf: () => Terms;
  readonly incidents: IncidentDesk;
  readonly sessions: SessionStore;
  readonly pasts: PastStore;
  readonly recorded: readonly NewChange[];
} {
  const recorded: NewChange[] = [];
  return {
    credentials: new CredentialStore({ file: "/dev/null/credentials.json", clock }),
    changes: {
      record: async (change) => void recorded.push(change),
      get recent() {
        return recorded.map((change, index) => ({ ...change, id: `chg_${index}`, seq: index + 1, atMs: 0 }));
      },
      head: "",
    },
    approvals: new ApprovalStore({ log: MEMORY, clock, keepMs: 0 }),
    termsOf: () => ({ quorum: 1, expireAfterMs: 60_000, useWithinMs: 30_000, barred: [] }),
    findings: { acts: [], runs: new Map(), drift: [], excess: [], look: async () => {} },
    incidents: new IncidentDesk({
      store: memoryIncidents(),
      clock,
      record: async (change) => void recorded.push(change),
    }),
    sessions: new SessionStore({ log: MEMORY, clock, onDamage: () => {}, onForgotten: () => {} }),
    pasts: new PastStore({ log: MEMORY, clock, onDamage: () => {}, onForgotten: () => {} }),
    recorded,
  };
}
