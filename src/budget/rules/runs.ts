/**
 * Concurrent runs: how many sessions are in flight at once under a budget. Nothing on the wire says so: a session is in
 * flight from the first grant to one of its leases until all of them are closed or have expired. A process that names no
 * session is one run. Derived from the leases, as R is: R of such a budget is the number of its runs.
 */
import { foldCase } from "@tollgate/instrumentation/policy";
import { isNothing } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import { limitAt } from "./limit.ts";
import { noteChange, type Spend } from "./spend.ts";
import type { Lease } from "./state.ts";

/** Which run a lease belongs to. */
export function runKeyOf({ labels, processId }: Pick<Lease, "labels" | "processId">): string {
  const session = Object.hasOwn(labels, "session") ? labels["session"] : undefined;
  return session === undefined ? `process ${processId}` : `session ${foldCase(session)}`;
}

export function countsRuns({ budget }: Spend): boolean {
  return budget.measure === "concurrent_runs";
}

/** Whether what has begun may finish where new runs are refused: then the budget knows which have begun. */
export function finishesRuns({ thresholds }: Pick<Budget, "thresholds">): boolean {
  return thresholds.some(({ do: act }) => act === "stop_gracefully");
}

/** Whether the lease's run may be in flight: it is already, or there is a place. */
export function hasPlace(spend: Spend, lease: Lease, nowMs: number): boolean {
  return spend.runs?.has(runKeyOf(lease)) === true || spend.reserved < limitAt(spend, nowMs);
}

/** Whether its run is in flight by this lease only. */
export function isAloneInRun(spend: Spend, lease: Lease): boolean {
  return spend.runs?.get(runKeyOf(lease))?.size === 1;
}

/** Notes whether the lease keeps its run in flight. */
export function noteRun(spend: Spend, lease: Lease, { isOver }: { readonly isOver: boolean }): void {
  const isMeasure = countsRuns(spend);
  if (!isMeasure && !finishesRuns(spend.budget)) return;
  const key = runKeyOf(lease);
  const runs = (spend.runs ??= new Map<string, Set<string>>());
  const leases = runs.get(key) ?? new Set<string>();
  if (isOver || isNothing(lease.granted)) leases.delete(lease.id);
  else leases.add(lease.id);
  if (leases.size === 0) runs.delete(key);
  else runs.set(key, leases);
  if (!isMeasure) return;
  const before = spend.reserved;
  spend.reserved = BigInt(runs.size);
  if (spend.reserved !== before) noteChange(spend);
  if (spend.reserved > before && spend.budget.thresholds.length > 0) spend.watch?.counted.add(spend);
}
