import { type ApprovalKeeper, ApprovalStore } from "../approvals/approval-store.ts";
import { SharedApprovals } from "../approvals/shared-approvals.ts";
import type { RecordSharing } from "../budget/valkey/create-valkey-ledger.ts";
import type { ChangeLog, Changes } from "../changes/change-log.ts";
import { SharedChanges } from "../changes/shared-changes.ts";
import { type CredentialKeeper, CredentialStore } from "../identity/credential-store.ts";
import { SharedCredentials } from "../identity/shared-credentials.ts";
import { IncidentStore } from "../incidents/incident-store.ts";
import { PastStore } from "../sessions/past-store.ts";
import { SessionStore } from "../sessions/session-store.ts";
import { AppendLog } from "../support/append-log.ts";
import type { Clock } from "../support/clock.ts";
import { errorText } from "../telemetry/error-text.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { DataDirectory } from "./data-directory.ts";
import type { StartedParts } from "./started-parts.ts";

export interface GovernanceStores {
  readonly credentials: CredentialKeeper;
  readonly approvals: ApprovalKeeper;
  readonly incidents: IncidentStore;
  readonly sessions: SessionStore;
  readonly pasts: PastStore;
  /** Of all processors. */
  readonly changes: Changes;
}

/** Reads what people decided and who may; rejects when that cannot be trusted. `sharing`: absent with a ledger of this processor alone. */
export async function openGovernance(options: {
  readonly data: DataDirectory;
  readonly approvalsKeepMs: number;
  /** Of this processor, not started. */
  readonly ownChanges: ChangeLog;
  readonly sharing: RecordSharing | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly parts: StartedParts;
}): Promise<GovernanceStores> {
  const { data, sharing, clock, telemetry, parts } = options;
  const damage =
    (table: string) =>
    (error: Error): void =>
      telemetry.emit("shared_table_damaged", { table, error: errorText(error) });
  const credentials = new CredentialStore({ file: data.credentials, clock });
  credentials.load();
  const log = new AppendLog(data.approvals);
  const approvals = new ApprovalStore({ log, clock, keepMs: options.approvalsKeepMs });
  const rows = (what: string) => ({
    ...(sharing === undefined ? {} : { table: sharing.table(what) }),
    clock,
    onDamage: damage(what),
  });
  const incidents = new IncidentStore({ file: data.incidents, ...rows("incidents") });
  await parts.start("incidents", incidents);
  const sessions = new SessionStore({
    log: new AppendLog(data.sessions),
    ...rows("sessions"),
    onForgotten: ({ session }) => telemetry.emit("session_forgotten", { session }),
  });
  await parts.start("sessions", sessions);
  const pasts = new PastStore({
    log: new AppendLog(data.pasts),
    ...rows("pasts"),
    onForgotten: ({ past }) => telemetry.emit("past_forgotten", { agent: past.agent }),
  });
  await parts.start("pasts", pasts);
  const { ownChanges } = options;
  await parts.start("changes", ownChanges);
  if (sharing === undefined) {
    await parts.start("approvals", approvals);
    return { credentials, approvals, incidents, sessions, pasts, changes: ownChanges };
  }
  const shared = (what: string) => ({
    table: sharing.table(what),
    clock,
    onDamage: damage(what),
  });
  const all = {
    changes: new SharedChanges({ log: ownChanges, ...shared("changes") }),
    credentials: new SharedCredentials({ store: credentials, ...shared("credentials") }),
    approvals: new SharedApprovals({ store: approvals, ...shared("approvals") }),
  };
  await parts.start("shared changes", all.changes);
  await parts.start("credentials", all.credentials);
  await parts.start("approvals", all.approvals);
  return { ...all, incidents, sessions, pasts };
}
