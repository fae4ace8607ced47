/**
 * What all processes of a session have seen, as one row. Sets only grow, and of each process the highest counts are kept: reports
 * may come twice and in any order, at any processor, and the row is the same. Pure.
 */
import { createHash } from "node:crypto";
import { SESSION_SETS, type SessionSeen } from "@tollgate/instrumentation/protocol";

const ENTRIES_MAX = 512;
const PROCESSES_MAX = 256;

/** Refusals, calls, and nano-dollars as digits. */
type Counts = readonly [denied: number, calls: number, spent: string];

export interface SessionRow extends Readonly<Record<(typeof SESSION_SETS)[number], readonly string[]>> {
  readonly id: string;
  readonly revision: number;
  /** "": of none. Sessions of one name are different ones for different tenants. */
  readonly tenant: string;
  readonly session: string;
  /** By process, in the order of their coming: who has joined it, and what each counted. */
  readonly by: Readonly<Record<string, Counts>>;
  /** Of those that are no longer among them. */
  readonly gone: Counts;
  readonly atMs: number;
}

export interface SessionOf {
  readonly tenant: string;
  readonly session: string;
}

export interface ProcessReport {
  readonly tenant: string;
  readonly process: string;
  readonly seen: SessionSeen;
  /** Its counts are more than what it counted before, and not from the beginning: for who is no process and forgets. */
  readonly isMore?: boolean;
}

const NO_COUNTS: Counts = [0, 0, "0"];

export function rowIdOf({ tenant, session }: SessionOf): string {
  return createHash("sha256")
    .update(JSON.stringify([tenant, session]))
    .digest("hex")
    .slice(0, 32);
}

/** The row with what `process` has seen; `undefined`: it says that already. */
export function withSeen(
  row: SessionRow | undefined,
  report: ProcessReport & { readonly atMs: number },
): SessionRow | undefined {
  const { tenant, process, seen, atMs, isMore = false } = report;
  const { session } = seen;
  const sets = Object.fromEntries(SESSION_SETS.map((set) => [set, union(row?.[set] ?? [], seen[set])]));
  const { labels = [], tools = [], actions = [], systems = [], destinations = [] } = sets;
  const before = row === undefined ? undefined : countsOf(row, process);
  const told: Counts = [seen.denied, seen.calls, seen.spent_nano_usd];
  const counts = (isMore ? sum : highest)(before ?? NO_COUNTS, told);
  const isNew =
    before === undefined ||
    counts.some((count, index) => count !== before[index]) ||
    SESSION_SETS.some((set) => sets[set] !== row?.[set]);
  if (!isNew) return undefined;
  const id = row?.id ?? rowIdOf({ tenant, session });
  const made = { labels, tools, actions, systems, destinations, by: { ...row?.by, [process]: counts } };
  return bounded({
    ...made,
    id,
    revision: (row?.revision ?? 0) + 1,
    tenant,
    session,
    gone: row?.gone ?? NO_COUNTS,
    atMs,
  });
}

/** What a process is told: all that was seen, and what the others counted. */
export function seenBy(row: SessionRow, process: string): SessionSeen {
  const { session, labels, tools, actions, systems, destinations, by, gone } = row;
  const others = Object.entries(by).flatMap(([id, counts]) => (id === process ? [] : [counts]));
  const [denied, calls, spent] = [gone, ...others].reduce(sum);
  return { session, labels, tools, actions, systems, destinations, denied, calls, spent_nano_usd: spent };
}

/** What one process has counted; `undefined`: it has not joined. */
function countsOf({ by }: SessionRow, process: string): Counts | undefined {
  return Object.hasOwn(by, process) ? by[process] : undefined;
}

/** Who came first is counted with those who are gone; if it still speaks, twice: never too little. */
function bounded(row: SessionRow): SessionRow {
  const processes = Object.entries(row.by);
  const [first] = processes;
  if (processes.length <= PROCESSES_MAX || first === undefined) return row;
  return { ...row, by: Object.fromEntries(processes.slice(1)), gone: sum(row.gone, first[1]) };
}

/** The same list when nothing is new. */
function union(known: readonly string[], more: readonly string[]): readonly string[] {
  const all = new Set(known);
  for (const entry of more) if (all.size < ENTRIES_MAX) all.add(entry);
  return all.size === known.length ? known : [...all];
}

function highest(a: Counts, b: Counts): Counts {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), BigInt(a[2]) >= BigInt(b[2]) ? a[2] : b[2]];
}

function sum(a: Counts, b: Counts): Counts {
  return [a[0] + b[0], a[1] + b[1], String(BigInt(a[2]) + BigInt(b[2]))];
}
