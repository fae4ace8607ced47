import { z } from "zod";
import { type Incident, SEVERITIES } from "../incidents/incident.ts";

const tag = z
  .string()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._:/-]{0,63}$/u, { error: "expected 1 to 64 letters, digits or `._:/-`" });
const agent = z.string().min(1).max(200);
const text = z.string().trim().min(1).max(4_000);

export const incidentEntry = z.object({
  at: z.string(),
  by: z.string().describe("By authentication, or the part of the processor that acted by itself."),
  kind: z.enum(["opened", "note", "tag", "closed"]),
  text: z.string(),
});

export const incidentRow = z.object({
  id: z.string(),
  title: z.string(),
  severity: z.enum(SEVERITIES),
  state: z.enum(["open", "closed"]),
  agents: z.array(z.string()).describe("Whom it is about: while it is open, they have less autonomy."),
  tags: z.array(z.string()),
  opened_at: z.string(),
  opened_by: z.string(),
  closed_at: z.string().nullable(),
  entries: z.array(incidentEntry).describe("What was done about it, oldest first."),
});

export type IncidentRow = z.output<typeof incidentRow>;

const timelineRow = z.object({
  at: z.string(),
  what: z.enum(["incident", "change", "approval", "span"]),
  who: z.string().describe("A person, a part of the processor, or the agent."),
  text: z.string(),
  id: z.string().describe("Of the change or request; trace and span with a slash between them."),
});

export const incidentReply = incidentRow.extend({
  timeline: z
    .array(timelineRow)
    .describe(
      "What is on record of its agents from an hour before it until its end: changes, approvals, refused and failed acts.",
    ),
  truncated: z.boolean().describe("There is more on record than is shown."),
  storage_ready: z.boolean().describe("False: ClickHouse could not be asked, and spans are missing."),
});

export type IncidentReply = z.output<typeof incidentReply>;
export type TimelineRow = z.output<typeof timelineRow>;

export const openRequest = z.strictObject({
  title: z.string().trim().min(1).max(256),
  severity: z.enum(SEVERITIES).default("high"),
  agents: z.array(agent).max(64).default([]),
  tags: z.array(tag).max(64).default([]),
  note: text.optional().describe("The first note."),
});

export const noteRequest = z.strictObject({ text });
export const tagRequest = z.strictObject({ tags: z.array(tag).min(1).max(64) });
export const closeRequest = z.strictObject({ reason: text });
export const incidentId = z.object({ id: z.string().regex(/^inc_[0-9a-f]{16}$/, { error: "expected inc_…" }) });

export function toIncidentRow(incident: Incident): IncidentRow {
  const { id, title, severity, state, agents, tags, openedAtMs, closedAtMs, entries } = incident;
  return {
    id,
    title,
    severity,
    state,
    agents: [...agents],
    tags: [...tags],
    opened_at: iso(openedAtMs),
    opened_by: entries[0]?.by ?? "",
    closed_at: closedAtMs === undefined ? null : iso(closedAtMs),
    entries: entries.map(({ atMs, ...entry }) => ({ at: iso(atMs), ...entry })),
  };
}

export function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
