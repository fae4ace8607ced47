/**
 * How far an agent went, over all its processes, as one row. It only grows, and of each tool the first description that was
 * told stands: reports may come twice and in any order, at any processor. Pure.
 */
import { createHash } from "node:crypto";
import { KNOWN_MAX, PAST_LABELS_MAX, PAST_TOOLS_MAX } from "@tollgate/instrumentation/policy";
import type { PastSeen } from "@tollgate/instrumentation/protocol";

export interface PastRow {
  readonly id: string;
  readonly revision: number;
  /** "": of none. Agents of one name are different ones for different tenants. */
  readonly tenant: string;
  readonly past: PastSeen;
  readonly atMs: number;
}

export interface PastReport {
  readonly tenant: string;
  readonly past: PastSeen;
}

export function pastIdOf({ tenant, agent }: { readonly tenant: string; readonly agent: string }): string {
  return createHash("sha256")
    .update(JSON.stringify([tenant, agent]))
    .digest("hex")
    .slice(0, 32);
}

/** The row with what is reported; `undefined`: it says that already. */
export function withPast(
  row: PastRow | undefined,
  { tenant, past, atMs }: PastReport & { readonly atMs: number },
): PastRow | undefined {
  const { agent } = past;
  const before = row?.past ?? nothingOf(agent);
  const next: PastSeen = {
    agent,
    has_acted: before.has_acted || past.has_acted,
    rows: Math.max(before.rows, past.rows),
    width: Math.max(before.width, past.width),
    labels: union(before.labels, past.labels, PAST_LABELS_MAX),
    known: union(before.known, past.known, KNOWN_MAX),
    tools: first(before.tools, past.tools),
  };
  const isNew = (Object.keys(next) as (keyof PastSeen)[]).some((key) => next[key] !== before[key]);
  if (!isNew) return undefined;
  return { id: pastIdOf({ tenant, agent }), revision: (row?.revision ?? 0) + 1, tenant, past: next, atMs };
}

export function nothingOf(agent: string): PastSeen {
  return { agent, has_acted: false, rows: 0, width: 0, labels: NONE, known: NONE, tools: NO_TOOLS };
}

const NONE: readonly string[] = [];
const NO_TOOLS: PastSeen["tools"] = {};

/** The same list when nothing is new. */
function union(known: readonly string[], more: readonly string[], max: number): readonly string[] {
  const all = new Set(known);
  for (const entry of more) if (all.size < max) all.add(entry);
  return all.size === known.length ? known : [...all];
}

function first(known: PastSeen["tools"], more: PastSeen["tools"]): PastSeen["tools"] {
  const fresh = Object.entries(more).filter(([key]) => !Object.hasOwn(known, key));
  const room = PAST_TOOLS_MAX - Object.keys(known).length;
  return fresh.length === 0 || room <= 0 ? known : { ...known, ...Object.fromEntries(fresh.slice(0, room)) };
}
