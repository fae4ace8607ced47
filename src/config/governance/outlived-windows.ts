import type { Budget, BudgetWindow, CalendarUnit } from "../../budget/budget.ts";

const UNIT_HOURS: Readonly<Record<CalendarUnit, number>> = {
  minute: 1,
  hour: 1,
  day: 25,
  week: 7 * 24 + 1,
  month: 31 * 24 + 1,
};
const HOUR_MS = 3_600_000;

/**
 * Budgets whose windows are longer than sums of spend are kept: ClickHouse could not tell again what they counted, to a ledger that
 * has lost it or to a budget that comes in the middle of its window, and a comparison would find less than was spent. One sentence each.
 */
export function outlivedWindows(budgets: readonly Budget[], keptHours: number | "off"): readonly string[] {
  if (keptHours === "off") return [];
  return budgets
    .filter(({ window }) => hoursOf(window) > keptHours)
    .map(
      ({ name, window }) =>
        `budget \`${name}\`: its window (${textOf(window)}) outlives the sums that \`storage.retention.spend\` keeps for ${keptHours} h`,
    );
}

/** The longest that such a window gets, with the hour that a change of the clock adds. A run is as long as it is. */
function hoursOf(window: BudgetWindow): number {
  switch (window.kind) {
    case "calendar":
      return UNIT_HOURS[window.unit];
    case "rolling":
      return window.durationMs / HOUR_MS;
    case "lifetime":
      return Infinity;
    case "run":
      return 0;
  }
}

function textOf(window: BudgetWindow): string {
  if (window.kind === "calendar") return window.unit;
  return window.kind === "rolling" ? `rolling, ${Math.ceil(window.durationMs / HOUR_MS)} h` : window.kind;
}
