/** What is on record around an incident, in the order of its happening: where people start to look. */
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { Changes } from "../changes/change-log.ts";
import type { Incident } from "../incidents/incident.ts";
import type { Clock } from "../support/clock.ts";
import type { IncidentReply, TimelineRow } from "./incident-schemas.ts";
import { iso } from "./incident-schemas.ts";
import { type ReadStore, readRows } from "./read-store.ts";

const BEFORE_MS = 3_600_000;
const SPANS_MAX = 500;

export interface TimelineOptions {
  readonly approvals: Pick<ApprovalDesk, "all">;
  readonly changes: Pick<Changes, "recent">;
  readonly store: ReadStore;
  readonly clock: Clock;
}

interface SpanRow {
  readonly at: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly agent: string;
  readonly what: string;
  readonly decision: string;
  readonly reason: string;
}

type Timeline = Pick<IncidentReply, "timeline" | "truncated" | "storage_ready">;

export async function timelineOf(incident: Incident, options: TimelineOptions): Promise<Timeline> {
  const { store, clock } = options;
  const since_ms = incident.openedAtMs - BEFORE_MS;
  const until_ms = (incident.closedAtMs ?? clock.now()) + 1;
  const range = { since_ms, until_ms };
  const recorded = [...entriesOf(incident), ...recordsOf(incident, options, range)];
  const parameters = { ...range, agents: incident.agents, tenant: incident.tenant ?? "", limit: SPANS_MAX + 1 };
  let spans: readonly SpanRow[] = [];
  let isReady = true;
  if (incident.agents.length > 0) {
    try {
      spans = await readRows<SpanRow>(store, { query: "incident-spans", parameters });
    } catch {
      // An incident is read when things are down, too.
      isReady = false;
    }
  }
  const rows = [...recorded, ...spans.slice(0, SPANS_MAX).map(rowOfSpan)];
  return {
    timeline: rows.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)),
    truncated: spans.length > SPANS_MAX,
    storage_ready: isReady,
  };
}

function entriesOf({ id, entries }: Incident): readonly TimelineRow[] {
  return entries.map(({ atMs, by, kind, text }) => ({
    at: iso(atMs),
    what: "incident",
    who: by,
    text: kind === "note" ? text : `${kind}: ${text}`,
    id,
  }));
}

function recordsOf(
  { id: incidentId, agents }: Incident,
  { approvals, changes }: TimelineOptions,
  { since_ms, until_ms }: { readonly since_ms: number; readonly until_ms: number },
): readonly TimelineRow[] {
  const isWithin = (atMs: number): boolean => atMs >= since_ms && atMs < until_ms;
  const asked = approvals.all().filter(({ agent }) => agents.includes(agent));
  const ids = new Set(asked.map(({ id }) => id));
  const concerns = (subject: string): boolean =>
    ids.has(subject) ||
    agents.some(
      (agent) => subject === agent || subject.includes(`agent=${agent}`) || subject.startsWith(`agent ${agent} `),
    );
  return [
    ...asked
      .filter(({ askedAtMs }) => isWithin(askedAtMs))
      .map(({ id, askedAtMs, agent, tool, state }) => ({
        at: iso(askedAtMs),
        what: "approval" as const,
        who: agent,
        text: `asked for ${tool}: ${state}`,
        id,
      })),
    ...changes.recent
      .filter(({ atMs, subject }) => isWithin(atMs) && subject !== incidentId && concerns(subject))
      .map(({ atMs, author, action, subject, id }) => ({
        at: iso(atMs),
        what: "change" as const,
        who: author,
        text: `${action} ${subject}`,
        id,
      })),
  ];
}

function rowOfSpan({ at, trace_id, span_id, agent, what, decision, reason }: SpanRow): TimelineRow {
  const text = [what, decision === "" ? "failed" : decision, reason].filter((part) => part !== "").join(": ");
  return { at, what: "span", who: agent, text, id: `${trace_id}/${span_id}` };
}
