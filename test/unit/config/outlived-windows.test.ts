import { expect, it } from "vitest";
import type { BudgetWindow } from "../../../src/budget/budget.ts";
import { outlivedWindows } from "../../../src/config/governance/outlived-windows.ts";
import { makeBudget } from "../budget/make-budget.ts";

const DAY_MS = 86_400_000;

const WINDOWS: readonly (readonly [string, BudgetWindow, least: number | "off"])[] = [
  ["an hour", { kind: "calendar", unit: "hour" }, 1],
  ["a day that may have 25 hours", { kind: "calendar", unit: "day" }, 25],
  ["a week of a change of the clock", { kind: "calendar", unit: "week" }, 169],
  ["the longest month", { kind: "calendar", unit: "month" }, 745],
  ["thirty rolling days", { kind: "rolling", durationMs: 30 * DAY_MS }, 720],
  ["for good", { kind: "lifetime" }, "off"],
];

it.each(WINDOWS)("sums for %s must be kept as long as that", (_what, window, least) => {
  const budget = makeBudget({ name: "b", window });
  expect(outlivedWindows([budget], least)).toEqual([]);
  const shorter = least === "off" ? 87_600 : least - 1;
  expect(outlivedWindows([budget], shorter)).toEqual([
    expect.stringMatching(
      /^budget `b`: its window \(.+\) outlives the sums that `storage\.retention\.spend` keeps for \d+ h$/,
    ),
  ]);
});

it("a session may be as long as it likes", () => {
  expect(outlivedWindows([makeBudget({ name: "b", window: { kind: "run", label: "session" } })], 1)).toEqual([]);
});
