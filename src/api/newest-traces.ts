/**
 * A list of the newest traces without a look at all that is kept. A time is asked first that ends where the list begins, then longer
 * ones, until the list is full of traces that began in it. It is whole then: of a trace that began in that time, every span lies in
 * it, so none that the filters match was passed over; and any other began earlier than all that are listed.
 */
import type { TimeRange } from "./time-range.ts";

/** An hour holds a list of a busy fleet, a day that of a quiet one; what is rare costs these looks more. */
const LOOKS_MS = [3_600_000, 86_400_000] as const;

/**
 * A look at more than this part of the time is not worth it: spans lie by agent, so that an hour costs nearly what its day does
 * (measured: 164 ms of CPU for minutes and then an hour, 167 for the day; 165 and 1,460 where a month is kept).
 */
const LOOK_SHARE_MAX = 1 / 30;

/** Milliseconds of `2026-11-21T00:00:00.123456789Z`; what is finer is cut off, never rounded up. */
const CHARS_TO_MS = "2026-11-21T00:00:00.123".length;

export interface NewestTracesOptions<Row> {
  readonly range: TimeRange;
  /** Unix milliseconds; a range without an end is looked at from here back, and what lies ahead of it belongs to each look. */
  readonly nowMs: number;
  /** How many rows make a full list. */
  readonly limit: number;
  /** At most `limit` traces with a span in `range` that meets all filters, newest first by the start of their first span. */
  readonly ask: (range: TimeRange) => Promise<readonly Row[]>;
}

/** What `ask` would answer for the whole range. Rejects as `ask` does. */
export async function newestTraces<Row extends { readonly start?: string }>(
  options: NewestTracesOptions<Row>,
): Promise<readonly Row[]> {
  const { range, nowMs, limit, ask } = options;
  const end = Math.min(range.until_ms, nowMs);
  for (const look of LOOKS_MS) {
    if (look > (end - range.since_ms) * LOOK_SHARE_MAX) break;
    const since_ms = end - look;
    const rows = await ask({ ...range, since_ms });
    if (rows.length >= limit && beganMs(rows.at(-1)) >= since_ms) return rows;
  }
  return ask(range);
}

/** When a trace began, never later. Not a number for what is no time, which is before any. */
export function beganMs(row: { readonly start?: string } | undefined): number {
  return Date.parse(`${(row?.start ?? "").slice(0, CHARS_TO_MS)}Z`);
}
