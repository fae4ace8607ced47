import type { LogLevel } from "./log.ts";

interface EventDefinition {
  readonly level: LogLevel;
  /** For people; the fields follow it in the line. */
  readonly message: string;
}

/**
 * What the service itself can say. One named event is one log line and one count in `tollgate_events_total{event}`, so
 * that the two cannot drift. Components announce theirs as notices, which take the same way.
 */
export const EVENTS = {
  service_starting: { level: "debug", message: "starting" },
  service_ready: { level: "info", message: "ready" },
  service_stopping: { level: "info", message: "stopping" },
  service_stopped: { level: "info", message: "stopped" },
  service_stop_timeout: { level: "warn", message: "did not stop in time; what is left stays in the spool" },
  component_stop_failed: { level: "error", message: "a part did not stop cleanly" },
  storage_ready: { level: "info", message: "ClickHouse is ready" },
  storage_preparing: { level: "info", message: "ClickHouse is being set up; the spool holds what arrives" },
  storage_unavailable: { level: "warn", message: "ClickHouse cannot be reached; the spool holds what arrives" },
  storage_refused: { level: "error", message: "the database does not belong to this version; spans stay in the spool" },
  storage_drifted: { level: "warn", message: "a table is no longer as the migrations made it" },
  storage_broken: { level: "error", message: "ClickHouse has lost records: it put parts aside that are not whole" },
  engine_ready: { level: "debug", message: "the embedded engine serves" },
  engine_crashed: { level: "error", message: "the embedded engine ended and will be started again" },
  request_refused: {
    level: "info",
    message: "a request is not of the form that the API describes: nothing was counted",
  },
  agent_without_policy: {
    level: "info",
    message: "an agent has no policy: its tools are allowed with the reason `no policy`",
  },
  session_forgotten: {
    level: "warn",
    message: "a session that had read or was refused something is no longer known, for want of room",
  },
  past_forgotten: {
    level: "warn",
    message: "how far an agent went before is no longer known, for want of room: all that it does is new",
  },
  governance_not_enforced: { level: "warn", message: "a governance document will not do what it says" },
  governance_applied: { level: "info", message: "changed governance documents are in force" },
  governance_refused: {
    level: "error",
    message: "the governance files are not valid: the last good version stays in force",
  },
  budget_states_not_written: {
    level: "warn",
    message: "budget states could not be written to ClickHouse; will try again",
  },
  budget_raised: { level: "warn", message: "somebody let a budget spend more for a time" },
  budget_threshold_crossed: { level: "warn", message: "a budget crossed one of its thresholds" },
  budget_threshold_not_acted: { level: "error", message: "what a crossed threshold asks for could not be done" },
  ledger_rebuilt: {
    level: "error",
    message: "the ledger's journal is lost: what was spent was counted anew from ClickHouse",
  },
  budget_past_counted: { level: "info", message: "what was spent before a budget was there counts into it" },
  budget_past_unavailable: {
    level: "error",
    message:
      "what was spent before cannot be read from ClickHouse; hard budgets grant nothing until it is, or the grace is over",
  },
  reconciliation_failed: {
    level: "warn",
    message: "the ledger's spend could not be compared with ClickHouse's; will try again",
  },
  spend_differs: { level: "error", message: "the ledger and ClickHouse do not agree on what a budget has spent" },
  runaway_found: { level: "warn", message: "an agent runs wild" },
  runaway_not_acted: { level: "error", message: "what a rule against runaways asks for could not be done" },
  budget_ends_early: { level: "warn", message: "a budget will be used up before its window ends, if it goes on so" },
  control_stream_dropped: { level: "warn", message: "a control stream was closed: its process does not read" },
  agents_killed: { level: "warn", message: "somebody killed agents" },
  agents_paused: { level: "warn", message: "somebody paused agents" },
  agents_resumed: { level: "warn", message: "somebody resumed agents" },
  stop_not_stored: {
    level: "error",
    message: "the disk refused to store an act that stops agents: it is in force until a restart only",
  },
  blast_radius_open: { level: "warn", message: "documents let an agent do more than is declared of it" },
  blast_radius_exceeded: { level: "warn", message: "an agent did more than is declared of it" },
  oidc_unavailable: { level: "error", message: "the OpenID provider cannot be asked; its tokens are refused" },
  webhook_not_delivered: { level: "error", message: "people could not be told of a request for approval" },
  governance_rows_not_written: {
    level: "warn",
    message: "requests for approval and changes could not be written to ClickHouse; will try again",
  },
  change_not_recorded: { level: "error", message: "the disk refused the record of a change of governance" },
  stops_damaged: {
    level: "error",
    message:
      "what the ledger's store says of who is stopped is damaged: acts hold at the processor that they are made at",
  },
  alert_fired: { level: "warn", message: "a figure is above the threshold of an alert" },
  alert_resolved: { level: "info", message: "a figure is no longer above the threshold of an alert" },
  incident_opened: { level: "warn", message: "something happened that people have to look at: an incident is open" },
  incident_not_opened: { level: "error", message: "an incident could not be stored; will try again" },
  shared_table_damaged: {
    level: "error",
    message: "a row that processors share in the ledger's store is damaged: it is left alone, and does not count",
  },
  audit_link_changed: {
    level: "error",
    message: "an audit record is not what its link covers: it was changed on its way",
  },
  audit_link_malformed: { level: "warn", message: "a span carries pieces of an audit link that are none" },
  audit_chain_forked: {
    level: "error",
    message: "two audit records claim the same place in a process's chain, or the same past",
  },
  audit_links_missing: {
    level: "error",
    message: "audit records of a process never arrived: they were lost or held back",
  },
  audit_log_behind: { level: "warn", message: "the audit log could not be brought up to date; will try again" },
  audit_anchor_failed: { level: "warn", message: "a checkpoint could not be anchored; the next one holds it too" },
  audit_key_rotated: { level: "warn", message: "audit checkpoints are signed with a new key" },
  request_failed: { level: "error", message: "a request failed with an unexpected error" },
} as const satisfies Readonly<Record<string, EventDefinition>>;

export type EventName = keyof typeof EVENTS;
