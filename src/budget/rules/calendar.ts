/**
 * Calendar windows in a time zone, by the zone data that Node's Intl carries. Pure: the instant comes in.
 *
 * A window starts at the first instant at which the zone's own date is the window's first date: where a clock change
 * skips midnight, that is the change itself. Hours are elapsed hours that start on the zone's full hour, so the hour that
 * a clock change repeats is two windows; a change by half an hour parts two. Weeks start on Monday (ISO 8601).
 */
import type { CalendarUnit } from "../budget.ts";

export interface WindowBounds {
  /** Unix ms, included. */
  readonly startMs: number;
  /** Unix ms, not included. */
  readonly endMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** No zone is, or was, further from UTC than this. */
const OFFSET_MS_MAX = 16 * HOUR_MS;

/** The last answer for each unit and zone: at midnight a hundred thousand budgets ask the same question. */
const latest = new Map<string, WindowBounds>();

/** The window of `unit` that holds `nowMs`. Throws `RangeError` for a zone that Intl doesn't know. */
export function calendarWindow(unit: CalendarUnit, timeZone: string, nowMs: number): WindowBounds {
  const key = `${unit} ${timeZone}`;
  const known = latest.get(key);
  if (known !== undefined && nowMs >= known.startMs && nowMs < known.endMs) return known;
  const bounds = computeWindow(unit, timeZone, nowMs);
  latest.set(key, bounds);
  return bounds;
}

function computeWindow(unit: CalendarUnit, timeZone: string, nowMs: number): WindowBounds {
  switch (unit) {
    case "minute": {
      const startMs = nowMs - mod(nowMs, MINUTE_MS);
      return { startMs, endMs: startMs + MINUTE_MS };
    }
    case "hour": {
      const startMs = nowMs - mod(localAsUtc(timeZone, nowMs), HOUR_MS);
      const endMs = startMs + HOUR_MS;
      // Where clocks change by a part of an hour, the hour ends with the change.
      return {
        startMs: isFullHour(timeZone, startMs) ? startMs : changeBetween(timeZone, startMs, nowMs),
        endMs: isFullHour(timeZone, endMs) ? endMs : changeBetween(timeZone, nowMs, endMs),
      };
    }
    case "day":
    case "week":
    case "month": {
      const local = localAsUtc(timeZone, nowMs);
      const [first, next] = dates(unit, local - mod(local, DAY_MS));
      return { startMs: startOfDate(timeZone, first), endMs: startOfDate(timeZone, next) };
    }
  }
}

/** Whether Intl knows the zone. Offsets (`+02:00`) are no zones: they have no daylight saving to be right about. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    formatter(name);
    return true;
  } catch {
    return false;
  }
}

/** First date of the window that holds the date, and of the next; dates as midnight of that date in UTC. */
function dates(unit: "day" | "week" | "month", date: number): [number, number] {
  if (unit === "day") return [date, date + DAY_MS];
  if (unit === "week") {
    const monday = date - ((new Date(date).getUTCDay() + 6) % 7) * DAY_MS;
    return [monday, monday + 7 * DAY_MS];
  }
  const at = new Date(date);
  return [Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1), Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)];
}

function isFullHour(timeZone: string, atMs: number): boolean {
  return mod(localAsUtc(timeZone, atMs), HOUR_MS) === 0;
}

/** The instant, after the first, at which the zone's clock was changed to what it is at the last. */
function changeBetween(timeZone: string, firstMs: number, lastMs: number): number {
  const offset = (atMs: number): number => localAsUtc(timeZone, atMs) - atMs;
  let before = firstMs;
  let atOrAfter = lastMs;
  while (atOrAfter - before > 1) {
    const middle = Math.floor((before + atOrAfter) / 2);
    if (offset(middle) === offset(lastMs)) atOrAfter = middle;
    else before = middle;
  }
  return atOrAfter;
}

/** The first instant whose local time in the zone is at or past midnight of the date. */
function startOfDate(timeZone: string, date: number): number {
  let before = date - OFFSET_MS_MAX;
  let atOrAfter = date + OFFSET_MS_MAX;
  while (atOrAfter - before > 1) {
    const middle = Math.floor((before + atOrAfter) / 2);
    if (localAsUtc(timeZone, middle) >= date) atOrAfter = middle;
    else before = middle;
  }
  return atOrAfter;
}

/** What the zone's clock shows at the instant, read as if it were UTC. */
function localAsUtc(timeZone: string, atMs: number): number {
  const whole = atMs - mod(atMs, 1000);
  const text = formatter(timeZone).format(whole);
  const match = /^(\d+)-(\d+)-(\d+), (\d+):(\d+):(\d+)$/.exec(text);
  if (match === null) throw new RangeError(`Intl wrote a date in an unknown shape: ${text}`);
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const utc = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return utc + (atMs - whole);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  let found = formatters.get(timeZone);
  if (found === undefined) {
    found = new Intl.DateTimeFormat("en-CA", {
      timeZone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formatters.set(timeZone, found);
  }
  return found;
}

function mod(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
