/**
 * How far each agent of this process went before: where to, with how many rows, how wide a query, which systems and labels.
 * A call that goes further says so, and rules may stop it or ask. What an agent does first is no expansion: there is nothing
 * to compare it with. Bounded.
 */
import type { JsonValue } from "../policy/canonical-json.ts";
import type { LabelOrder } from "../policy/label.ts";
import type { Expansion, ToolFacts } from "../policy/request.ts";
import { RECORD_LISTS } from "./records.ts";

const AGENTS_MAX = 256;
const ENTRIES_MAX = 1_024;
/** Arguments that bound how many records a call is about. */
export const ROW_KEYS: ReadonlySet<string> = new Set([
  "limit",
  "max_rows",
  "rows",
  "count",
  "top",
  "page_size",
  "max_results",
  "batch_size",
  "n",
]);
const QUERY_KEYS = new Set(["query", "sql", "statement", "filter", "where", "path", "pattern", "selector"]);
const DESTINATION_KEYS = [
  "destination",
  "url",
  "uri",
  "host",
  "to",
  "recipient",
  "recipients",
  "email",
  "cc",
  "bcc",
  "channel",
  "bucket",
];
const DESTINATION_LENGTH_MAX = 512;
/** Of one call: one more than is remembered of an agent, so that one of them is new. */
const DESTINATIONS_MAX = ENTRIES_MAX + 1;
const QUERY_LENGTH_MAX = 8_192;

/** How far one call goes. */
export interface Reach {
  readonly destinations: readonly string[];
  readonly rows: number;
  /** Wildcards and missing conditions in its query. */
  readonly width: number;
  readonly systems: readonly string[];
  readonly labelRank: number;
}

interface Past {
  rows: number;
  width: number;
  labelRank: number;
  readonly destinations: Set<string>;
  readonly systems: Set<string>;
}

/** Where the arguments say that the act goes: hosts of addresses, else the texts themselves, the most telling key first. */
export function destinationsOf(args: JsonValue | undefined): readonly string[] {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return [];
  const members = args as { readonly [key: string]: JsonValue };
  const found = new Set<string>();
  for (const key of DESTINATION_KEYS) {
    if (!Object.hasOwn(members, key)) continue;
    const value = members[key];
    for (const each of Array.isArray(value) ? (value as readonly unknown[]) : [value]) {
      if (found.size >= DESTINATIONS_MAX) break;
      if (typeof each === "string" && each !== "") found.add(hostOf(each.slice(0, DESTINATION_LENGTH_MAX)));
    }
  }
  return [...found];
}

function hostOf(text: string): string {
  const url = /^[a-z][a-z0-9+.-]{1,20}:\/\//i.test(text) ? URL.parse(text) : null;
  return (url === null || url.hostname === "" ? text : url.hostname).toLowerCase();
}

export function reachOf(args: JsonValue | undefined, tool: ToolFacts, order: LabelOrder): Reach {
  let rows = 0;
  let width = 0;
  if (typeof args === "object" && args !== null && !Array.isArray(args)) {
    for (const [key, value] of Object.entries(args as { readonly [key: string]: JsonValue })) {
      const name = key.toLowerCase();
      if (typeof value === "number" && ROW_KEYS.has(name)) rows = Math.max(rows, value);
      if (Array.isArray(value) && RECORD_LISTS.has(name)) rows = Math.max(rows, value.length);
      if (typeof value === "string" && QUERY_KEYS.has(name)) width = Math.max(width, widthOf(value));
    }
  }
  const labelRank = tool.labels === undefined || tool.labels.length === 0 ? 0 : order.rank(order.highest(tool.labels));
  return { destinations: destinationsOf(args), rows, width, systems: tool.systems ?? [], labelRank };
}

/** A statement without a condition or a bound is wider than any with; each wildcard widens by one. */
function widthOf(query: string): number {
  const text = query.slice(0, QUERY_LENGTH_MAX).toLowerCase();
  const isStatement = /^\s{0,64}(?:select|update|delete)\s/.test(text);
  const isUnbound = isStatement && !text.includes(" where ") && !text.includes(" limit ");
  return (isUnbound ? 1_000 : 0) + text.split(/[*%]/).length - 1;
}

export class ScopePast {
  readonly #agents = new Map<string, Past>();

  /** In what `reach` goes beyond the agent's past. */
  expansions(agent: string, reach: Reach): readonly Expansion[] {
    const past = this.#agents.get(agent);
    if (past === undefined) return [];
    const found: Expansion[] = [];
    if (reach.rows > past.rows) found.push("rows");
    if (reach.width > past.width) found.push("query");
    if (reach.labelRank > past.labelRank) found.push("label");
    if (reach.destinations.some((destination) => !past.destinations.has(destination))) found.push("destination");
    if (reach.systems.some((system) => !past.systems.has(system))) found.push("system");
    return found;
  }

  /** The call ran: from now on it is the agent's past. */
  add(agent: string, reach: Reach): void {
    let past = this.#agents.get(agent);
    if (past === undefined) {
      // Who has no past expands nothing: better to forget one than to grow without end.
      const [oldest] = this.#agents.keys();
      if (this.#agents.size >= AGENTS_MAX && oldest !== undefined) this.#agents.delete(oldest);
      past = { rows: 0, width: 0, labelRank: 0, destinations: new Set(), systems: new Set() };
      this.#agents.set(agent, past);
    }
    past.rows = Math.max(past.rows, reach.rows);
    past.width = Math.max(past.width, reach.width);
    past.labelRank = Math.max(past.labelRank, reach.labelRank);
    addUpTo(past.destinations, reach.destinations);
    addUpTo(past.systems, reach.systems);
  }
}

function addUpTo(set: Set<string>, values: readonly string[]): void {
  for (const value of values) if (set.size < ENTRIES_MAX) set.add(value);
}
