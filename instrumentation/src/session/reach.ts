/**
 * How far one call goes, by its arguments and what is known of its tool: where to, with how many rows, how wide a query, to
 * which systems and data. Arguments are looked through whole, however they are nested; keys mean the same in any case and with
 * or without `_` and `-`. Pure.
 */
import type { JsonValue } from "../policy/canonical-json.ts";
import { DESTINATIONS_MAX } from "../policy/request.ts";
import type { ToolFacts } from "../policy/request.ts";
import { RECORD_LISTS } from "./records.ts";

/** Of one call: one more than anybody looks at or remembers, so that it is seen that there are more. */
const FOUND_MAX = DESTINATIONS_MAX + 1;
const DESTINATION_LENGTH_MAX = 512;
const QUERY_LENGTH_MAX = 8_192;

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
const FOLDED_ROW_KEYS: ReadonlySet<string> = new Set([...ROW_KEYS].map(foldedKey));
const QUERY_KEYS = new Set(["query", "sql", "statement", "filter", "where", "path", "pattern", "selector"]);
/** The most telling first. */
const DESTINATION_KEYS = [
  "destination",
  "url",
  "uri",
  "endpoint",
  "webhook",
  "webhookurl",
  "callbackurl",
  "host",
  "hostname",
  "to",
  "toaddresses",
  "torecipients",
  "recipient",
  "recipients",
  "email",
  "cc",
  "ccaddresses",
  "ccrecipients",
  "bcc",
  "bccaddresses",
  "bccrecipients",
  "channel",
  "bucket",
];

/** How far one call goes. */
export interface Reach {
  /** Hosts of addresses, else the texts themselves, under the most telling key first. */
  readonly destinations: readonly string[];
  readonly rows: number;
  /** Wildcards and missing conditions in its query. */
  readonly width: number;
  readonly systems: readonly string[];
  /** Of the data that the tool is about, and of what is found in the arguments. */
  readonly labels: readonly string[];
}

/** By which a call says that it is to change nothing. */
export const DRY_RUN_KEYS = ["dry_run", "dryRun", "dry-run"] as const;

export function isDryRun(args: JsonValue | undefined): boolean {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return false;
  const members = args as { readonly [key: string]: JsonValue };
  return DRY_RUN_KEYS.some((key) => Object.hasOwn(members, key) && members[key] === true);
}

interface Found {
  /** By the place of their key. */
  readonly destinations: Set<string>[];
  count: number;
  rows: number;
  width: number;
}

export function reachOf(args: JsonValue | undefined, tool: ToolFacts): Reach {
  const found = lookThrough(args);
  const { rows, width } = found;
  return { destinations: listed(found), rows, width, systems: tool.systems ?? [], labels: tool.labels ?? [] };
}

function listed({ destinations }: Found): readonly string[] {
  return [...new Set(destinations.flatMap((texts) => [...texts]))];
}

function lookThrough(args: JsonValue | undefined): Found {
  const found: Found = { destinations: [], count: 0, rows: 0, width: 0 };
  if (args !== undefined) look(found, { value: args, key: "", place: -1 });
  return found;
}

/** `place`: of the nearest key above that says where to. */
function look(found: Found, { value, key, place }: { value: JsonValue; key: string; place: number }): void {
  if (typeof value === "number") {
    if (FOLDED_ROW_KEYS.has(key)) found.rows = Math.max(found.rows, value);
  } else if (typeof value === "string") {
    if (place >= 0) addDestinations(found, place, value);
    if (FOLDED_ROW_KEYS.has(key) && /^\d{1,15}$/.test(value)) found.rows = Math.max(found.rows, Number(value));
    if (QUERY_KEYS.has(key)) lookAtQuery(found, value);
  } else if (Array.isArray(value)) {
    const members = value as readonly JsonValue[];
    if (RECORD_LISTS.has(key)) found.rows = Math.max(found.rows, members.length);
    for (const member of members) look(found, { value: member, key, place });
  } else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value as { readonly [name: string]: JsonValue })) {
      const folded = foldedKey(name);
      const own = DESTINATION_KEYS.indexOf(folded);
      look(found, { value: member, key: folded, place: own >= 0 ? own : place });
    }
  }
}

function foldedKey(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, "");
}

/** A list in one text (`a@x.org, b@x.org`) is as many destinations. */
function addDestinations(found: Found, place: number, text: string): void {
  const texts = isUrl(text) ? [text] : text.split(/[,;]/);
  const known = (found.destinations[place] ??= new Set());
  for (const each of texts) {
    const destination = destinationOf(each.trim().slice(0, DESTINATION_LENGTH_MAX));
    if (destination === "" || known.has(destination) || found.count >= FOUND_MAX) continue;
    known.add(destination);
    found.count += 1;
  }
}

function isUrl(text: string): boolean {
  return /^\s{0,8}[a-z][a-z0-9+.-]{1,20}:\/\//i.test(text);
}

function destinationOf(text: string): string {
  const host = isUrl(text) ? (URL.parse(text)?.hostname ?? "") : "";
  if (host !== "") return host.toLowerCase().replace(/\.+$/, "");
  // `Ada <ada@x.org>`: who reads it sees the name, and it goes to the address.
  const [, address] = /<([^<>]{1,512})>$/.exec(text) ?? [];
  return (address ?? text)
    .trim()
    .toLowerCase()
    .replace(/^mailto:/, "")
    .replace(/\.+$/, "");
}

/** A statement without a condition or a bound is wider than any with; each wildcard widens by one; its bound is its rows. */
function lookAtQuery(found: Found, query: string): void {
  const text = query.slice(0, QUERY_LENGTH_MAX).toLowerCase();
  const isStatement = /^\s{0,64}(?:select|update|delete)\s/.test(text);
  const isUnbound = isStatement && !/\s(?:where|limit)\s/.test(text);
  const width = (isUnbound ? 1_000 : 0) + text.split(/[*%]/).length - 1;
  found.width = Math.max(found.width, width);
  for (const [, rows] of text.matchAll(/\b(?:limit|top|first)\s{1,8}\(?(\d{1,15})\b/g))
    found.rows = Math.max(found.rows, Number(rows));
}
