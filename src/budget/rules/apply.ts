/**
 * Applies one event to the state. The same code runs live and on replay. Asserts what must never be otherwise: S and R are
 * never negative, S never falls within a window, and after a grant S + R ≤ L for every hard budget the lease falls under.
 */
import type { Measure } from "@tollgate/instrumentation/protocol";
import { assert, unreachable } from "../../support/assert.ts";
import { addAmounts, amountIn, isNothing, maxAmounts, NO_AMOUNTS, subtractAmounts, type Amounts } from "../amounts.ts";
import type { Labels } from "../ledger.ts";
import type { LedgerEvent } from "./events.ts";
import { applyAwaiting, applySpends, carryPasts } from "./past.ts";
import { limitAt } from "./limit.ts";
import { countsRuns, isAloneInRun, noteRun } from "./runs.ts";
import { BudgetIndex } from "./scope.ts";
import { addHolder, noteChange, noteFired, removeHolder } from "./spend.ts";
import { countObserved, countSpend, isForgettable, rebaseSpend, RUN_IDLE_MS, settledAt, turnWindow } from "./spend.ts";
import {
  coverSettled,
  ENDED_MAX,
  newLease,
  outstandingIn,
  type Lease,
  type LedgerState,
  UNKNOWN_PROCESS,
} from "./state.ts";

/** Observations remembered by their token; the spool sends again only what it has not marked done. */
export const TOKENS_MAX = 65_536;

/**
 * A lease that was given up in silence: its process may be cut off for hours, and then reports all that the lease ever spent.
 * Whoever has forgotten the lease by then counts it twice.
 */
const RELEASED_KEPT_MS = RUN_IDLE_MS;
/** Beyond this many, the oldest of those that were given up are forgotten early. */
const CLOSED_MAX = 200_000;

type EventOf<Kind extends LedgerEvent["event"]> = Extract<LedgerEvent, { event: Kind }>;

export function applyEvent(state: LedgerState, event: LedgerEvent): void {
  assert(event.at >= state.atMs, "ledger time never goes back");
  state.atMs = event.at;
  switch (event.event) {
    case "configured":
      return applyConfigured(state, event);
    case "resumed":
      return applyResumed(state, event);
    case "lease":
      return applyLease(state, event);
    case "reported":
      return applyReported(state, event);
    case "closed":
      return applyClosed(state, event);
    case "expired":
      return applyExpired(state, event);
    case "released":
      return applyReleased(state, event);
    case "observed":
      return applyObserved(state, event);
    case "awaiting":
      return applyAwaiting(state, event);
    case "seeded":
      return applySeeded(state, event);
    case "threshold":
      return applyThreshold(state, event);
    case "raised":
      return state.setRaise(event.raise.id, event.raise, event.at);
    case "lapsed":
      return state.setRaise(event.id, undefined, event.at);
    case "swept":
      return applySwept(state, event);
    default:
      return unreachable(event, "ledger event");
  }
}

function applyConfigured(state: LedgerState, event: EventOf<"configured">): void {
  state.ttlMs = event.ttlMs;
  state.graceMs = event.graceMs;
  state.budgets = event.budgets;
  state.index = new BudgetIndex(event.budgets);
  const byName = new Map(event.budgets.map((budget) => [budget.name, budget]));
  for (const { name, renamedFrom } of event.budgets) {
    if (renamedFrom !== undefined && !byName.has(renamedFrom)) state.renameSpends(renamedFrom, name);
  }
  for (const spend of state.spends.values()) rebaseSpend(spend, byName.get(spend.match.name), event.at);
  rejoinSpends(state);
  carryPasts(state, event.budgets, event.at);
}

function applyThreshold(state: LedgerState, { key, atPercent }: EventOf<"threshold">): void {
  const spend = state.spends.get(key);
  if (spend !== undefined) noteFired(spend, atPercent);
}

/** Leases that were forgotten count as expired ones: what their spans or a late report show beyond this comes on top. */
function applySeeded(state: LedgerState, event: EventOf<"seeded">): void {
  applySpends(state, event);
  for (const { id, labels, settled } of event.leases) {
    if (state.active.has(id) || state.expired.has(id) || state.closed.has(id)) continue;
    const lease = newLease(id, UNKNOWN_PROCESS, labels);
    lease.granted = settled;
    lease.settled = settled;
    lease.observed = settled;
    lease.deadlineMs = event.at + state.graceMs;
    joinSpends(state, lease, { isStranded: true });
    state.expired.set(id, lease);
  }
}

/** Builds what is derived: which budgets each lease falls under, and R. Of spends that are new or rebased: their change is noted already. */
export function rejoinSpends(state: LedgerState): void {
  for (const spend of state.spends.values()) {
    spend.reserved = 0n;
    spend.stranded = 0n;
    spend.holders = undefined;
    spend.runs = undefined;
  }
  for (const lease of state.active.values()) joinSpends(state, lease, { isStranded: false });
  for (const lease of state.expired.values()) joinSpends(state, lease, { isStranded: true });
}

function joinSpends(state: LedgerState, lease: Lease, { isStranded }: { isStranded: boolean }): void {
  lease.spends = state.spendsOf(lease.labels, state.atMs);
  for (const spend of lease.spends) {
    addHolder(spend, lease.id);
    spend.reserved += outstandingIn(spend, lease);
    if (isStranded) spend.stranded += outstandingIn(spend, lease);
    noteRun(spend, lease, { isOver: isStranded });
  }
}

function applyResumed(state: LedgerState, event: EventOf<"resumed">): void {
  assert(event.shiftMs >= 0, "deadlines never move closer");
  for (const lease of state.active.values()) {
    lease.deadlineMs = Math.max(lease.deadlineMs + event.shiftMs, event.at + state.ttlMs);
  }
  for (const lease of state.expired.values()) lease.deadlineMs += event.shiftMs;
  for (const closed of state.closed.values()) closed.forgetAtMs += event.shiftMs;
}

function applyLease(state: LedgerState, event: EventOf<"lease">): void {
  let lease = state.active.get(event.id);
  if (lease === undefined) {
    assert(event.opened !== undefined, "a lease that isn't there is opened");
    const { processId, labels } = event.opened;
    lease = newLease(event.id, processId, labels);
    joinSpends(state, lease, { isStranded: false });
  }
  assert(event.seq >= lease.seq, "the sequence of a lease never goes back");
  lease.seq = event.seq;
  const wasInFlight = !isNothing(lease.granted);
  const grown = subtractAmounts(event.granted, maxAmounts(lease.granted, event.settled));
  moveLease(lease, { settled: event.settled, granted: event.granted, nowMs: event.at, isStranded: false });
  for (const spend of lease.spends) {
    const isGrown = countsRuns(spend)
      ? !wasInFlight && !isNothing(lease.granted) && isAloneInRun(spend, lease)
      : amountIn(spend.budget.measure, grown) > 0n;
    if (spend.budget.mode !== "hard" || !isGrown) continue;
    assert(settledAt(spend, event.at) + spend.reserved <= limitAt(spend, event.at), "I1: S + R ≤ L after a grant");
  }
  renew(state, lease, event.at);
}

function applyReported(state: LedgerState, event: EventOf<"reported">): void {
  const closed = state.closed.get(event.id);
  if (closed !== undefined) return countLate(state, closed, event.settled);
  const active = state.active.get(event.id);
  const lease = active ?? state.expired.get(event.id);
  assert(lease !== undefined, "a report belongs to a lease");
  raiseSettled(lease, event.settled, event.at, active === undefined);
  if (active !== undefined) renew(state, lease, event.at);
}

function applyClosed(state: LedgerState, event: EventOf<"closed">): void {
  const closed = state.closed.get(event.id);
  if (closed !== undefined) return countLate(state, closed, event.settled);
  const active = state.active.get(event.id);
  const lease = active ?? state.expired.get(event.id);
  const forgetAtMs = event.at + state.graceMs;
  if (lease === undefined) {
    const nothing = { settled: NO_AMOUNTS, observed: NO_AMOUNTS };
    state.closed.set(event.id, { labels: undefined, processId: UNKNOWN_PROCESS, ...nothing, forgetAtMs });
    return;
  }
  // Spans that show more than the report are not lost with the lease.
  raiseSettled(lease, maxAmounts(event.settled, lease.observed), event.at, active === undefined);
  endLease(state, lease, forgetAtMs);
  if (event.forget === true) state.closed.delete(event.id);
}

function applyExpired(state: LedgerState, event: EventOf<"expired">): void {
  const lease = state.active.get(event.id);
  assert(lease !== undefined, "an active lease expires");
  state.active.delete(event.id);
  for (const spend of lease.spends) spend.stranded += outstandingIn(spend, lease);
  raiseSettled(lease, lease.observed, event.at, true);
  lease.deadlineMs = event.at + state.graceMs;
  state.expired.set(event.id, lease);
}

function applyReleased(state: LedgerState, event: EventOf<"released">): void {
  const lease = state.expired.get(event.id);
  assert(lease !== undefined, "only an expired lease is released by time");
  endLease(state, lease, event.at + RELEASED_KEPT_MS);
}

function applyObserved(state: LedgerState, event: EventOf<"observed">): void {
  assert(!state.tokens.has(event.token), "an observation counts once");
  state.tokens.add(event.token);
  if (state.tokens.size > TOKENS_MAX) {
    for (const oldest of state.tokens) {
      state.tokens.delete(oldest);
      break;
    }
  }
  for (const { labels, amounts } of event.foreign) {
    for (const spend of state.spendsOf(labels, event.at)) {
      countObserved(spend, amountIn(spend.budget.measure, amounts), event.at);
    }
  }
  for (const { id, amounts } of event.leased) {
    const closed = state.closed.get(id);
    if (closed !== undefined) {
      closed.observed = addAmounts(closed.observed, amounts);
      countLate(state, closed, closed.observed);
      continue;
    }
    const expired = state.expired.get(id);
    const lease = expired ?? state.active.get(id);
    if (lease === undefined) continue;
    lease.observed = addAmounts(lease.observed, amounts);
    if (expired !== undefined) raiseSettled(expired, lease.observed, event.at, true);
  }
}

function applySwept(state: LedgerState, event: EventOf<"swept">): void {
  for (const [id, closed] of state.closed) {
    if (closed.forgetAtMs <= event.at) state.closed.delete(id);
  }
  for (const [id, closed] of state.closed) {
    if (state.closed.size <= CLOSED_MAX) break;
    if (closed.forgetAtMs > event.at + state.graceMs) state.closed.delete(id);
  }
  for (const id of state.closed.keys()) {
    if (state.closed.size <= ENDED_MAX) break;
    state.closed.delete(id);
  }
  for (const spend of state.spends.values()) {
    turnWindow(spend, event.at);
    if (isForgettable(spend, event.at, RUN_IDLE_MS)) state.deleteSpend(spend);
  }
}

/** The lease's own message, so it lives for another term; last in the map is last to expire. */
function renew(state: LedgerState, lease: Lease, nowMs: number): void {
  lease.deadlineMs = nowMs + state.ttlMs;
  state.active.delete(lease.id);
  state.active.set(lease.id, lease);
}

function raiseSettled(lease: Lease, reported: Amounts, nowMs: number, isStranded: boolean): void {
  const settled = maxAmounts(lease.settled, reported);
  moveLease(lease, { settled, granted: coverSettled(lease.granted, settled), nowMs, isStranded });
}

interface LeaseMove {
  readonly settled: Amounts;
  readonly granted: Amounts;
  readonly nowMs: number;
  /** Whether the lease has expired, so that it counts into `stranded` too. */
  readonly isStranded: boolean;
}

/** Sets the totals of a lease and carries the difference into S and R of every budget it falls under. */
function moveLease(lease: Lease, { settled, granted, nowMs, isStranded }: LeaseMove): void {
  const counted = subtractAmounts(settled, lease.settled);
  const after = { granted, settled };
  let measure: Measure | undefined;
  let more = 0n;
  let change = 0n;
  for (const spend of lease.spends) {
    // Most budgets of a lease have one measure.
    if (spend.budget.measure !== measure) {
      measure = spend.budget.measure;
      more = amountIn(measure, counted);
      const outstanding = outstandingIn(spend, after);
      assert(outstanding >= 0n, "a lease's outstanding is never negative");
      change = outstanding - outstandingIn(spend, lease);
    }
    countSpend(spend, more, nowMs);
    if (change !== 0n) {
      spend.reserved += change;
      noteChange(spend);
    }
    if (isStranded) spend.stranded += change;
    assert(spend.reserved >= 0n && spend.stranded >= 0n, "R is never negative");
  }
  lease.settled = settled;
  lease.granted = granted;
  for (const spend of lease.spends) noteRun(spend, lease, { isOver: isStranded });
}

function endLease(state: LedgerState, lease: Lease, forgetAtMs: number): void {
  const isStranded = state.expired.has(lease.id);
  moveLease(lease, { settled: lease.settled, granted: lease.settled, nowMs: state.atMs, isStranded });
  for (const spend of lease.spends) {
    removeHolder(spend, lease.id);
    noteRun(spend, lease, { isOver: true });
  }
  state.active.delete(lease.id);
  state.expired.delete(lease.id);
  const { labels, processId, settled, observed } = lease;
  state.closed.set(lease.id, { labels, processId, settled, observed, forgetAtMs });
}

/** A report for a lease that is over: only what was not known yet counts. */
function countLate(
  state: LedgerState,
  closed: { readonly labels: Labels | undefined; settled: Amounts },
  reported: Amounts,
): void {
  if (closed.labels === undefined) return;
  const settled = maxAmounts(closed.settled, reported);
  const counted = subtractAmounts(settled, closed.settled);
  for (const spend of state.spendsOf(closed.labels, state.atMs)) {
    countSpend(spend, amountIn(spend.budget.measure, counted), state.atMs);
  }
  closed.settled = settled;
}
