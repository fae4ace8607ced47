/**
 * The named queries: one .sql file each beside this one, parameterised, with a LIMIT. Nothing outside writes SQL of its own, so
 * that what a page or a command costs can be read in one place.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const QUERY_NAMES = [
  "spend",
  "traces",
  "traces-seen",
  "traces-named",
  "tenant-traces",
  "trace",
  "session",
  "sessions",
  "latest-spans",
  "recent-spans",
  "recent-events",
  "spans-present",
  "events-present",
  "insert-memory",
  "broken-parts",
  "budget-past",
  "budget-spend",
  "lease-spend",
  "budgets-reserved",
  "unpriced",
  "agent-acts",
  "agent-reach",
  "agent-runs",
  "incident-spans",
  "decisions-recorded",
  "calls-recorded",
  "audit-links",
  "audit-records",
  "audit-checkpoints",
  "audit-chain-links",
  "audit-chain-ends",
  "audit-published",
] as const;

export type QueryName = (typeof QUERY_NAMES)[number];

const texts = new Map<QueryName, string>();

/** The text of a named query, read once. */
export function queryText(name: QueryName): string {
  let text = texts.get(name);
  if (text === undefined) {
    text = readFileSync(queryFile(name), "utf8");
    texts.set(name, text);
  }
  return text;
}

/** Beside this file when it runs from `src/` or when the build copied the files; else in the clone's `src/`. */
function queryFile(name: QueryName): string {
  const beside = join(import.meta.dirname, `${name}.sql`);
  if (existsSync(beside)) return beside;
  return join(import.meta.dirname, "../../../src/storage/queries", `${name}.sql`);
}
