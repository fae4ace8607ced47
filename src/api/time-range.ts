import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { ApiProblem } from "./problem.ts";

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** ClickHouse's DateTime64(9) ends in 2262; nothing is asked beyond. */
const TIME_MS_MAX = Date.UTC(2262, 0, 1);

const timeText = z.string().max(40);

/** `since` and `until` of a query: an ISO 8601 time, or how long ago (`15m`, `24h`, `7d`). */
export const timeRangeQuery = {
  since: timeText.optional().describe("ISO 8601 time, or how long ago: `15m`, `24h`, `7d`. Default: everything kept."),
  until: timeText.optional().describe("The same; exclusive. Default: no end."),
};

export interface TimeRange {
  readonly since_ms: number;
  readonly until_ms: number;
}

/** Throws `invalid_request` for a text that is no time. */
export function timeRange(
  query: { readonly since?: string | undefined; readonly until?: string | undefined },
  clock: Clock,
): TimeRange {
  const since_ms = query.since === undefined ? 0 : timeMs(query.since, "since", clock);
  const until_ms = query.until === undefined ? TIME_MS_MAX : timeMs(query.until, "until", clock);
  if (query.since !== undefined && query.until !== undefined && since_ms >= until_ms) {
    const said = `query.until: expected a time after \`since\`, and \`${query.until}\` is not after \`${query.since}\``;
    throw new ApiProblem("invalid_request", said);
  }
  return { since_ms, until_ms };
}

function timeMs(text: string, name: string, clock: Clock): number {
  const ago = /^(\d{1,6})([smhdw])$/.exec(text);
  if (ago !== null) return Math.max(0, clock.now() - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(zoned(text)) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new ApiProblem(
      "invalid_request",
      `query.${name}: expected an ISO 8601 time or a duration such as \`24h\`, not \`${text}\``,
    );
  }
  return Math.min(Math.max(time, 0), TIME_MS_MAX);
}

/** A time without a zone is UTC, as in ClickHouse and on spans; `Date.parse` would take the machine's. */
function zoned(text: string): string {
  const iso = text.replace(" ", "T");
  return iso.includes("T") && !/(?:Z|[+-]\d{2}:?\d{2})$/i.test(iso) ? `${iso}Z` : iso;
}
