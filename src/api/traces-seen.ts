/**
 * The newest traces of a time, by those that were seen last: a list without a look at all that `trace_log` holds, which lies by
 * id. A trace begins no later than its first span that meets the filters. So when as many traces are looked up as were seen last,
 * and the list's last one began after the last of them was seen, every other trace is older than the list. Where spans are met
 * long after their traces began it is not, but then the list holds nothing that began before that last one.
 */
import { beganMs } from "./newest-traces.ts";
import type { TimeRange } from "./time-range.ts";

/** So many times as many traces are looked up as are listed: each is a place in `trace_log`. */
const LOOKED_UP_SHARE = 1.25;

/** A trace and the first of its spans that meets all filters, as text that sorts by time. */
export interface SeenTrace {
  readonly trace_id: string;
  readonly seen: string;
}

export interface TracesSeenOptions<Row> {
  readonly range: TimeRange;
  /** How many rows make a full list. */
  readonly limit: number;
  /** The traces in `range` that were seen last, the latest first, at most `limit`. */
  readonly seen: (range: TimeRange, limit: number) => Promise<readonly SeenTrace[]>;
  /** Traces by id, newest first, at most `limit` of the list. */
  readonly named: (traceIds: readonly string[]) => Promise<readonly Row[]>;
  /** The list, by a look at all traces. */
  readonly all: (range: TimeRange) => Promise<readonly Row[]>;
}

/** What `all` would answer. Rejects as what it asks does. */
export async function tracesSeen<Row extends { readonly start?: string }>(
  options: TracesSeenOptions<Row>,
): Promise<readonly Row[]> {
  const { range, limit, seen, named, all } = options;
  const wanted = Math.ceil(limit * LOOKED_UP_SHARE);
  const found = await seen(range, wanted);
  const rows = found.length === 0 ? [] : await named(found.map(({ trace_id: id }) => id));
  const last = found.at(-1);
  if (last === undefined || found.length < wanted) return rows;
  const oldest = rows[limit - 1];
  if (oldest === undefined) return all(range);
  if ((oldest.start ?? "") > last.seen) return rows;
  return all({ ...range, since_ms: Math.max(range.since_ms, beganMs(oldest)) });
}
