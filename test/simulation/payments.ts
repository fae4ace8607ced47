/** Sums of what the provider was paid, by windows. Only the calendar is the ledger's, which is tested by itself. */
import type { Budget } from "../../src/budget/budget.ts";
import { calendarWindow } from "../../src/budget/rules/calendar.ts";

export interface Payment {
  readonly atMs: number;
  readonly amount: bigint;
}

export function sumOf(payments: readonly Payment[]): bigint {
  return payments.reduce((sum, { amount }) => sum + amount, 0n);
}

/** Calendar windows from the first payment to the last. */
export function windowsOf({ window, timeZone }: Budget, payments: readonly Payment[]): number {
  const last = payments.at(-1)?.atMs;
  if (window.kind !== "calendar" || last === undefined) return 0;
  let count = 0;
  for (let atMs = payments[0]?.atMs ?? last; atMs <= last; count += 1)
    atMs = calendarWindow(window.unit, timeZone, Math.floor(atMs)).endMs;
  return count;
}

export function worstFixed({ window, timeZone }: Budget, payments: readonly Payment[]): bigint {
  const sums = new Map<number, bigint>();
  for (const { atMs, amount } of payments) {
    const start = window.kind === "calendar" ? calendarWindow(window.unit, timeZone, Math.floor(atMs)).startMs : 0;
    sums.set(start, (sums.get(start) ?? 0n) + amount);
  }
  return [...sums.values()].reduce((most, sum) => (sum > most ? sum : most), 0n);
}

export function worstRolling(payments: readonly Payment[], durationMs: number): bigint {
  let worst = 0n;
  let sum = 0n;
  let first = 0;
  for (const { atMs, amount } of payments) {
    sum += amount;
    for (
      let oldest = payments[first];
      oldest !== undefined && oldest.atMs <= atMs - durationMs;
      oldest = payments[first]
    ) {
      sum -= oldest.amount;
      first += 1;
    }
    if (sum > worst) worst = sum;
  }
  return worst;
}
