import { describe, expect, it } from "vitest";
import type { CalendarUnit } from "../../../../src/budget/budget.ts";
import { calendarWindow, isTimeZone } from "../../../../src/budget/rules/calendar.ts";

const HOUR_MS = 3_600_000;

function windowOf(unit: CalendarUnit, zone: string, at: string): string {
  const { startMs, endMs } = calendarWindow(unit, zone, Date.parse(at));
  return `${new Date(startMs).toISOString().slice(0, 16)} ${new Date(endMs).toISOString().slice(0, 16)}`;
}

describe("a calendar window", () => {
  it.each<[CalendarUnit, string, string, string]>([
    ["minute", "UTC", "2026-03-29T00:59:59.999Z", "2026-03-29T00:59 2026-03-29T01:00"],
    ["hour", "UTC", "2026-03-29T00:59:59.999Z", "2026-03-29T00:00 2026-03-29T01:00"],
    ["hour", "Asia/Kolkata", "2026-02-01T00:10:00Z", "2026-01-31T23:30 2026-02-01T00:30"],
    ["hour", "Asia/Kathmandu", "2026-02-01T00:10:00Z", "2026-01-31T23:15 2026-02-01T00:15"],
    ["day", "UTC", "2026-11-21T00:00:00Z", "2026-11-21T00:00 2026-11-22T00:00"],
    ["day", "Pacific/Kiritimati", "2026-11-21T09:59:00Z", "2026-11-20T10:00 2026-11-21T10:00"],
    ["day", "Pacific/Niue", "2026-11-21T10:59:00Z", "2026-11-20T11:00 2026-11-21T11:00"],
  ])("of a %s in %s at %s", (unit, zone, at, expected) => {
    expect(windowOf(unit, zone, at)).toBe(expected);
  });

  it("of a day is 23 hours when clocks go forward and 25 when they go back", () => {
    expect(windowOf("day", "Europe/Berlin", "2026-03-29T12:00Z")).toBe("2026-03-28T23:00 2026-03-29T22:00");
    expect(windowOf("day", "Europe/Berlin", "2026-10-25T12:00Z")).toBe("2026-10-24T22:00 2026-10-25T23:00");
  });

  it("starts where the clock change ends when midnight is skipped", () => {
    expect(windowOf("day", "America/Santiago", "2025-09-07T12:00Z")).toBe("2025-09-07T04:00 2025-09-08T03:00");
  });

  it("leaves out a date that a zone skipped", () => {
    expect(windowOf("day", "Pacific/Apia", "2011-12-30T09:59Z")).toBe("2011-12-29T10:00 2011-12-30T10:00");
    expect(windowOf("day", "Pacific/Apia", "2011-12-30T10:00Z")).toBe("2011-12-30T10:00 2011-12-31T10:00");
  });

  it("of a week starts on Monday", () => {
    expect(windowOf("week", "UTC", "2026-03-01T23:59Z")).toBe("2026-02-23T00:00 2026-03-02T00:00");
    expect(windowOf("week", "UTC", "2026-03-02T00:00Z")).toBe("2026-03-02T00:00 2026-03-09T00:00");
    expect(windowOf("week", "America/New_York", "2026-03-02T04:00Z")).toBe("2026-02-23T05:00 2026-03-02T05:00");
  });

  it("of a month ends with the month, in the zone", () => {
    expect(windowOf("month", "UTC", "2028-02-29T23:59Z")).toBe("2028-02-01T00:00 2028-03-01T00:00");
    expect(windowOf("month", "UTC", "2026-12-31T23:59Z")).toBe("2026-12-01T00:00 2027-01-01T00:00");
    expect(windowOf("month", "America/New_York", "2026-03-01T03:00Z")).toBe("2026-02-01T05:00 2026-03-01T05:00");
    expect(windowOf("month", "America/New_York", "2026-03-31T12:00Z")).toBe("2026-03-01T05:00 2026-04-01T04:00");
  });

  it.each<[CalendarUnit, string]>([
    ["day", "Europe/Berlin"],
    ["day", "America/Havana"],
    ["day", "Africa/Cairo"],
    ["day", "Australia/Lord_Howe"],
    ["week", "America/Sao_Paulo"],
    ["month", "Asia/Tehran"],
  ])("of a %s in %s ends where the next one starts, all year round", (unit, zone) => {
    const end = Date.UTC(2027, 0, 5);
    let { startMs, endMs } = calendarWindow(unit, zone, Date.UTC(2026, 0, 1));
    while (endMs < end) {
      expect(calendarWindow(unit, zone, endMs - 1)).toEqual({ startMs, endMs });
      const next = calendarWindow(unit, zone, endMs);
      expect(next.startMs).toBe(endMs);
      expect(next.endMs - next.startMs).toBeGreaterThan(22 * HOUR_MS);
      ({ startMs, endMs } = next);
    }
  });

  it.each([
    ["2026-04-04T13:00Z", ["13:00 14:00", "14:00 15:00", "15:00 15:30", "15:30 16:30"]],
    ["2026-10-03T13:30Z", ["13:30 14:30", "14:30 15:30", "15:30 16:00", "16:00 17:00"]],
  ])("of an hour ends where clocks change by half of one (%s)", (from, expected) => {
    const hours = (at: string): string => windowOf("hour", "Australia/Lord_Howe", at).replaceAll(/[\d-]+T/g, "");
    const start = Date.parse(from);
    for (let minute = 0; minute < 210; minute += 1) {
      const now = start + minute * 60_000 + 59_999;
      const { startMs, endMs } = calendarWindow("hour", "Australia/Lord_Howe", now);
      expect(now >= startMs && now < endMs).toBe(true);
      expect(calendarWindow("hour", "Australia/Lord_Howe", endMs).startMs).toBe(endMs);
      expect(calendarWindow("hour", "Australia/Lord_Howe", startMs - 1).endMs).toBe(startMs);
    }
    const seen = Array.from({ length: 210 }, (_, minute) => hours(new Date(start + minute * 60_000).toISOString()));
    expect([...new Set(seen)]).toEqual(expected);
  });

  it("holds the instant it was asked for, whatever was asked before", () => {
    for (const at of ["2026-05-01T10:00Z", "2026-04-30T10:00Z", "2026-05-01T10:00Z"]) {
      const { startMs, endMs } = calendarWindow("day", "UTC", Date.parse(at));
      expect(Date.parse(at) >= startMs && Date.parse(at) < endMs).toBe(true);
    }
  });
});

describe("a time zone", () => {
  it("is an IANA name", () => {
    expect(["UTC", "Europe/Berlin", "America/Argentina/Salta"].map(isTimeZone)).toEqual([true, true, true]);
    expect(["", "Mars/Olympus", "+02:00", "5"].map(isTimeZone)).toEqual([false, false, false, false]);
  });
});
