/**
 * The state as lines, and back: what a snapshot holds. Derived things (R, which budgets a lease falls under) are not in it;
 * they are built anew. The last line counts the others, so that half a snapshot is no snapshot.
 */
import type { Amounts } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";
import { rejoinSpends } from "../rules/apply.ts";
import { decodeJson, encodeJson } from "../rules/events.ts";
import { BudgetIndex } from "../rules/scope.ts";
import { LedgerState, newLease, type Lease } from "../rules/state.ts";
import { newSpend, type Spend } from "../rules/spend.ts";

type SnapshotLine =
  | {
      readonly line: "head";
      readonly at: number;
      readonly ttlMs: number;
      readonly graceMs: number;
      readonly budgets: readonly Budget[];
    }
  | ({ readonly line: "spend" } & Pick<
      Spend,
      "match" | "budget" | "isInForce" | "startMs" | "endMs" | "settled" | "touchedMs"
    > & {
        readonly buckets: readonly (readonly [number, bigint])[] | undefined;
      })
  | ({ readonly line: "lease"; readonly isExpired: boolean } & Omit<Lease, "spends">)
  | {
      readonly line: "closed";
      readonly id: string;
      readonly labels: Labels | undefined;
      readonly settled: Amounts;
      readonly forgetAtMs: number;
    }
  | { readonly line: "token"; readonly token: string }
  | { readonly line: "end"; readonly lines: number };

/** The state, line by line, as it is now. */
export function snapshotLines(state: LedgerState): string[] {
  const { atMs: at, ttlMs, graceMs, budgets } = state;
  const lines: SnapshotLine[] = [{ line: "head", at, ttlMs, graceMs, budgets }];
  for (const { match, budget, isInForce, startMs, endMs, settled, touchedMs, buckets } of state.spends.values()) {
    lines.push({
      line: "spend",
      match,
      budget,
      isInForce,
      startMs,
      endMs,
      settled,
      touchedMs,
      buckets: buckets === undefined ? undefined : [...buckets],
    });
  }
  const leases = [...state.active.values(), ...state.expired.values()];
  for (const { spends: _derived, ...lease } of leases) {
    lines.push({ line: "lease", isExpired: state.expired.has(lease.id), ...lease });
  }
  for (const [id, closed] of state.closed) lines.push({ line: "closed", id, ...closed });
  for (const token of state.tokens) lines.push({ line: "token", token });
  return [...lines, { line: "end" as const, lines: lines.length }].map(encodeJson);
}

/** Throws `RangeError` when lines are missing. */
export function readSnapshot(lines: readonly string[]): LedgerState {
  const state = new LedgerState();
  const parsed = lines.map((line) => decodeJson(line) as SnapshotLine);
  const [head] = parsed;
  const end = parsed.at(-1);
  if (head?.line !== "head" || end?.line !== "end" || end.lines !== parsed.length - 1) {
    throw new RangeError("the snapshot is not whole");
  }
  for (const line of parsed) restoreLine(state, line);
  rejoinSpends(state);
  return state;
}

function restoreLine(state: LedgerState, line: SnapshotLine): void {
  switch (line.line) {
    case "head":
      state.atMs = line.at;
      state.ttlMs = line.ttlMs;
      state.graceMs = line.graceMs;
      state.budgets = line.budgets;
      state.index = new BudgetIndex(line.budgets);
      return;
    case "spend": {
      const { match, budget, isInForce, startMs, endMs, settled, touchedMs } = line;
      const buckets = line.buckets === undefined ? undefined : new Map(line.buckets);
      const spend = newSpend({ ...match, budget }, touchedMs);
      Object.assign(spend, { isInForce, startMs, endMs, settled, buckets });
      state.spends.set(spend.key, spend);
      return;
    }
    case "lease": {
      const lease = newLease(line.id, line.processId, line.labels);
      const { seq, granted, settled, observed, deadlineMs } = line;
      Object.assign(lease, { seq, granted, settled, observed, deadlineMs });
      (line.isExpired ? state.expired : state.active).set(lease.id, lease);
      return;
    }
    case "closed":
      state.closed.set(line.id, { labels: line.labels, settled: line.settled, forgetAtMs: line.forgetAtMs });
      return;
    case "token":
      state.tokens.add(line.token);
      return;
    case "end":
      return;
  }
}
