import type { Readable } from "node:stream";
import type { QueryName } from "../storage/queries/catalog.ts";
import type { LabelValues } from "../storage/queries/label-values.ts";
import { ApiProblem } from "./problem.ts";

/** Reading ClickHouse by named query, as the read-only user. */
export interface ReadStore {
  /**
   * Rows of a named query. `where` fills the query's `{{where}}`, and must have passed `whereExpression`; `labels` fills
   * its places for labels, and must come from `labelValues`. Rejects with
   * `StoreRefused` when ClickHouse refuses the query, with any other error when it cannot be reached.
   */
  rows(options: {
    readonly query: QueryName;
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly where?: string;
    readonly labels?: LabelValues;
  }): Promise<readonly unknown[]>;
}

/** Long answers, as the read-only user. */
export interface LineStore {
  /** Rows of a named query as bytes, one JSON array a line. Rejects when ClickHouse refuses it or cannot be reached. */
  lines(query: QueryName, parameters: Readonly<Record<string, unknown>>): Promise<Readable>;
}

/** ClickHouse answered that the query is wrong, too large or too slow. */
export class StoreRefused extends Error {
  override readonly name = "StoreRefused";
}

/** Runs a query for a handler: refusals and outages become problems. */
export async function readRows<T>(store: ReadStore, options: Parameters<ReadStore["rows"]>[0]): Promise<readonly T[]> {
  try {
    return (await store.rows(options)) as readonly T[];
  } catch (error) {
    throw (isGiven(options.where) ? filterProblem(error) : undefined) ?? storeProblem(error);
  }
}

/** Where no expression was given, the filter is true. */
const isGiven = (where: string | undefined): boolean => where !== undefined && where !== "1";

const COLUMNS_HINT =
  "columns are those of the view `spans` (`tollgate sql \"DESCRIBE spans\"`), for example `cost_usd > 0.01`, `tool = 'search'` or `attributes['a.key'] = 'x'`";

/** What the user wrote, of the query around it nothing; `undefined` where something else was refused. */
function filterProblem(error: unknown): ApiProblem | undefined {
  if (!(error instanceof StoreRefused)) return undefined;
  const unknown = /Unknown [^`]*`([^`]+)`/.exec(error.message)?.[1];
  if (unknown !== undefined)
    return new ApiProblem("query_refused", `where: nothing is named \`${unknown}\`; ${COLUMNS_HINT}`);
  const place = /Syntax error[^(]*\(([^)]*)\)/.exec(error.message)?.[1];
  if (place !== undefined)
    return new ApiProblem("query_refused", `where: no expression of ClickHouse's from \`${place}\` on`);
  return undefined;
}

/** What a handler answers where the store did not. */
export function storeProblem(error: unknown): ApiProblem {
  return error instanceof StoreRefused
    ? new ApiProblem("query_refused", error.message)
    : new ApiProblem("storage_unavailable");
}
