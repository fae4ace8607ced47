/** What went wrong, or may have, as people follow it up: pure, without clock or disk. Times are Unix milliseconds. */

export const SEVERITIES = ["low", "medium", "high", "critical"] as const;

export type Severity = (typeof SEVERITIES)[number];

/** One line of what was done about it. */
export interface IncidentEntry {
  readonly atMs: number;
  /** By authentication, or the part of the processor that acted by itself. */
  readonly by: string;
  readonly kind: "opened" | "note" | "tag" | "closed";
  readonly text: string;
}

export interface Incident {
  readonly id: string;
  /** Rises by one with each change. */
  readonly revision: number;
  readonly title: string;
  readonly severity: Severity;
  readonly state: "open" | "closed";
  /** Names of the agents that it is about: while it is open they are held closer. */
  readonly agents: readonly string[];
  /** Whose agents they are, where all are of one tenant. */
  readonly tenant?: string;
  /** What opened it, where no person did: `kill stop_…`. */
  readonly source?: string;
  readonly tags: readonly string[];
  readonly entries: readonly IncidentEntry[];
  readonly openedAtMs: number;
  readonly closedAtMs?: number;
}

export interface NewIncident extends Pick<Incident, "title" | "severity" | "agents"> {
  readonly tags?: readonly string[];
  readonly tenant?: string | undefined;
  readonly source?: string;
  readonly by: string;
}

export type IncidentChange =
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "tag"; readonly tags: readonly string[] }
  | { readonly kind: "closed"; readonly text: string };

export type IncidentOutcome =
  | { readonly outcome: "changed"; readonly incident: Incident }
  /** It is closed: only notes are added. */
  | { readonly outcome: "closed" }
  /** More entries than anybody reads. */
  | { readonly outcome: "too_many" };

const ENTRIES_MAX = 1_000;
const TAGS_MAX = 64;

export function newIncident(
  { by, tags = [], tenant, source, ...rest }: NewIncident,
  options: { readonly id: string; readonly nowMs: number },
): Incident {
  const { id, nowMs } = options;
  return {
    ...rest,
    id,
    revision: 1,
    state: "open",
    tags,
    ...(tenant === undefined ? {} : { tenant }),
    ...(source === undefined ? {} : { source }),
    entries: [{ atMs: nowMs, by, kind: "opened", text: rest.title }],
    openedAtMs: nowMs,
  };
}

export function changed(
  incident: Incident,
  change: IncidentChange,
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): IncidentOutcome {
  if (incident.state === "closed" && change.kind !== "note") return { outcome: "closed" };
  const isFull = incident.entries.length >= ENTRIES_MAX;
  // What is full can still be closed.
  if (isFull && change.kind !== "closed") return { outcome: "too_many" };
  const text = change.kind === "tag" ? change.tags.join(", ") : change.text;
  const entries = [...incident.entries, { atMs: nowMs, by, kind: change.kind, text }];
  const next = { ...incident, revision: incident.revision + 1, entries };
  if (change.kind === "closed") {
    return { outcome: "changed", incident: { ...next, state: "closed", closedAtMs: nowMs } };
  }
  if (change.kind === "note") return { outcome: "changed", incident: next };
  const tags = [...new Set([...incident.tags, ...change.tags])];
  return tags.length > TAGS_MAX ? { outcome: "too_many" } : { outcome: "changed", incident: { ...next, tags } };
}

/** The worst open incident of each agent. */
export function worstOf(incidents: readonly Incident[]): ReadonlyMap<string, Severity> {
  const worst = new Map<string, Severity>();
  for (const { state, severity, agents } of incidents) {
    if (state === "closed") continue;
    for (const agent of agents) {
      const known = worst.get(agent);
      if (known === undefined || SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(known)) worst.set(agent, severity);
    }
  }
  return worst;
}
