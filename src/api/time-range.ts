import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { TIME_MS_MAX, timeOfText } from "../support/time-text.ts";
import { ApiProblem } from "./problem.ts";

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
  const time = timeOfText(text, clock.now());
  if (time !== undefined) return time;
  throw new ApiProblem(
    "invalid_request",
    `query.${name}: expected an ISO 8601 time or a duration such as \`24h\`, not \`${text}\``,
  );
}
