/**
 * What a message changes, decided without a clock and without changing anything: events come out, `applyEvent` carries
 * them in. I1 is decided here, over all hard budgets of a lease at once and in each measure.
 */
import {
  addAmounts,
  AMOUNT_MAX,
  AmountsSum,
  amountIn,
  amountsBy,
  fitsWithin,
  isKindMeasure,
  isNothing,
} from "../amounts.ts";
import { maxAmounts, minAmounts, type Amounts } from "../amounts.ts";
import type { Measure } from "../budget.ts";
import type { AcquireCommand, Labels, LeaseClose, Observation } from "../ledger.ts";
import type { LedgerEvent } from "./events.ts";
import { growthLimit, limitAt } from "./limit.ts";
import { isOverflow, isSameProjection, projectionKey } from "./scope.ts";
import { countsRuns, finishesRuns, hasPlace, runKeyOf } from "./runs.ts";
import { isForgettable, RUN_IDLE_MS, settledAt, type Spend, withheldAt } from "./spend.ts";
import type { Queued } from "./waiting.ts";
import { coverSettled, ENDED_MAX, isHolder, outstandingIn, type Lease, type LedgerState } from "./state.ts";

/** `ahead` gets at most this share of what remains: money in nobody's hand serves everybody. */
const AHEAD_SHARE = 8n;
/** No budget of that measure constrains. */
const UNBOUNDED = AMOUNT_MAX * 4n;

/** What a process would like its lease to grow to. All cumulative but `ahead`. */
export type Wish = Pick<AcquireCommand, "need" | "target" | "ahead">;

export type AcquireDecision =
  | { readonly kind: "unlimited" }
  | { readonly kind: "lost"; readonly reason: string; readonly events: readonly LedgerEvent[] }
  /** Out of order: only `settled` may have risen. */
  | { readonly kind: "stale"; readonly events: readonly LedgerEvent[] }
  /** In order: report and give-back are carried in; whether it grows is `decideGrowth`'s to say. */
  | { readonly kind: "current"; readonly events: readonly LedgerEvent[] };

export function decideAcquire(state: LedgerState, command: AcquireCommand, nowMs: number): AcquireDecision {
  const id = command.leaseId;
  const report: LedgerEvent = { event: "reported", at: nowMs, id, settled: command.settled };
  const closed = state.closed.get(id);
  if (closed !== undefined) {
    const isTheirs = closed.labels !== undefined && isHolder(closed, command.processId);
    const isNews = isTheirs && !fitsWithin(command.settled, closed.settled);
    return { kind: "lost", reason: "the lease is closed", events: isNews ? [report] : [] };
  }
  const expired = state.expired.get(id);
  if (expired !== undefined && isHolder(expired, command.processId)) {
    const isNews = !fitsWithin(command.settled, expired.settled);
    return { kind: "lost", reason: "the lease has expired", events: isNews ? [report] : [] };
  }
  const lease = state.active.get(id);
  if ((lease ?? expired) !== undefined && (lease ?? expired)?.processId !== command.processId) {
    return { kind: "lost", reason: "the lease belongs to another process", events: [] };
  }
  if (lease === undefined) {
    const { processId, labels, seq, settled } = command;
    if (state.index.match(labels).length === 0) return { kind: "unlimited" };
    const opened = { processId, labels };
    return { kind: "current", events: [{ event: "lease", at: nowMs, id, seq, settled, granted: settled, opened }] };
  }
  if (command.seq <= lease.seq) return { kind: "stale", events: [report] };
  const settled = maxAmounts(lease.settled, command.settled);
  const kept = minAmounts(lease.granted, command.held ?? maxAmounts(command.target, command.need));
  return {
    kind: "current",
    events: [{ event: "lease", at: nowMs, id, seq: command.seq, settled, granted: coverSettled(kept, settled) }],
  };
}

/** How far a lease can grow now. */
export interface Growth {
  /** The new total, if it were granted now. At least what is granted already. */
  readonly granted: Amounts;
  /** `full`: target and perhaps some of `ahead`. `partial`: less, but `need`. `none`: not even that. */
  readonly size: "full" | "partial" | "none";
  /** Hard budgets that hold less than the wish. */
  readonly bottlenecks: readonly Spend[];
  /** Whether other leases hold money that would bring the lease further, and to `need` at least. */
  readonly couldGrow: boolean;
}

/**
 * `queuedFor`: budgets that others wait for already. A wish for one of them is never full, so that nobody overtakes.
 */
export function decideGrowth(
  lease: Lease,
  wish: Wish,
  { nowMs, queuedFor }: { nowMs: number; queuedFor: Queued },
): Growth {
  const goal = maxAmounts(lease.granted, maxAmounts(wish.target, wish.need));
  const hard = lease.spends.filter((spend) => spend.budget.mode === "hard");
  const isTold = goal.kinds !== undefined || wish.ahead.kinds !== undefined;
  const within: Ceiling = { lease, hard, hasKinds: isTold || hard.some(({ budget }) => isKindMeasure(budget.measure)) };
  const ceiling = ceilingOf(within, (spend) => roomIn(spend, lease, nowMs));
  const bottlenecks = hard.filter((spend) => {
    if (countsRuns(spend))
      return isKeptOut(spend, lease, { goal, nowMs }) || (queuedFor.has(spend) && startsRun(spend, lease, goal));
    const { measure } = spend.budget;
    const wants = amountIn(measure, goal) > amountIn(measure, lease.granted);
    const reach = amountIn(measure, lease.settled) + roomIn(spend, lease, nowMs);
    return wants && (queuedFor.has(spend) || reach < amountIn(measure, goal));
  });
  if (bottlenecks.length === 0) {
    return {
      granted: startsRunAhead(lease, hard, goal) ? goal : withAhead(goal, wish.ahead, ceiling, hard, queuedFor),
      size: "full",
      bottlenecks,
      couldGrow: false,
    };
  }
  const isOut = bottlenecks.some(countsRuns);
  const partial = isOut ? lease.granted : maxAmounts(lease.granted, minAmounts(goal, ceiling));
  const reachable = ceilingOf(within, (spend) => roomIn(spend, lease, nowMs) + othersHold(spend, lease, nowMs));
  const isQueued = bottlenecks.some((spend) => queuedFor.has(spend));
  const couldGrow =
    fitsWithin(wish.need, maxAmounts(lease.granted, reachable)) &&
    (isQueued || isOut || !fitsWithin(minAmounts(goal, reachable), partial));
  const isEnough = covers(lease, partial, wish.need);
  return { granted: isEnough ? partial : lease.granted, size: isEnough ? "partial" : "none", bottlenecks, couldGrow };
}

/** Whether `granted` is `need` or more in every measure that a hard budget of the lease counts. */
export function covers(lease: Lease, granted: Amounts, need: Amounts): boolean {
  return lease.spends.every((spend) => spend.budget.mode !== "hard" || coversIn(spend, granted, need));
}

function coversIn(spend: Spend, granted: Amounts, need: Amounts): boolean {
  if (countsRuns(spend) && isNothing(granted) && !isNothing(need)) return false;
  const { measure } = spend.budget;
  return amountIn(measure, need) <= amountIn(measure, granted);
}

/** Whether the lease would be the first in flight of its run. */
function startsRun(spend: Spend, lease: Lease, goal: Amounts): boolean {
  return isNothing(lease.granted) && !isNothing(goal) && spend.runs?.has(runKeyOf(lease)) !== true;
}

/** Whether money ahead would be what starts its run: a run begins with a call, and takes a place for it. */
function startsRunAhead(lease: Lease, hard: readonly Spend[], goal: Amounts): boolean {
  const asksForRuns = (spend: Spend): boolean => countsRuns(spend) || finishesRuns(spend.budget);
  return isNothing(goal) && hard.some((spend) => asksForRuns(spend) && spend.runs?.has(runKeyOf(lease)) !== true);
}

/** Whether there is no place for its run. */
function isKeptOut(spend: Spend, lease: Lease, { goal, nowMs }: { goal: Amounts; nowMs: number }): boolean {
  return startsRun(spend, lease, goal) && !hasPlace(spend, lease, nowMs);
}

/** The hard budget that stands most in the way of `need`: least room, among those whose measure falls short. */
export function tightest(lease: Lease, need: Amounts, nowMs: number): Spend | undefined {
  const hard = lease.spends.filter((spend) => spend.budget.mode === "hard");
  const short = hard.filter(({ budget: { measure } }) => amountIn(measure, need) > amountIn(measure, lease.granted));
  let found = hard.find((spend) => countsRuns(spend) && isKeptOut(spend, lease, { goal: need, nowMs }));
  if (found !== undefined) return found;
  for (const spend of short) {
    if (found === undefined || roomIn(spend, lease, nowMs) < roomIn(found, lease, nowMs)) found = spend;
  }
  // A message that came late is answered by what the lease holds, also where nothing stands in its way any more.
  return found ?? hard.find((spend) => !coversIn(spend, lease.granted, need));
}

export function decideClose(
  state: LedgerState,
  { processId, leaseId, settled, forget }: LeaseClose & { readonly processId: string },
  nowMs: number,
): readonly LedgerEvent[] {
  const lease = state.active.get(leaseId) ?? state.expired.get(leaseId);
  if (lease !== undefined && !isHolder(lease, processId)) return [];
  const closed = state.closed.get(leaseId);
  if (closed !== undefined && !isHolder(closed, processId)) return [];
  if (closed !== undefined && (closed.labels === undefined || fitsWithin(settled, closed.settled))) return [];
  const isUnspent = lease !== undefined && [lease.settled, lease.observed, settled].every(isNothing);
  return [
    { event: "closed", at: nowMs, id: leaseId, settled, ...(forget === true && isUnspent ? { forget: true } : {}) },
  ];
}

interface ForeignSum {
  readonly labels: Labels;
  readonly sum: AmountsSum;
}

/** Spend of one set of labels, or of one lease, is added up first: a block of the spool has many spans and few of these. */
export function decideObserve(state: LedgerState, observation: Observation, nowMs: number): readonly LedgerEvent[] {
  if (state.tokens.has(observation.token)) return [];
  const { labelKeys } = state.index;
  const foreign = new Map<string, ForeignSum>();
  let last: ForeignSum | undefined;
  const leased = new Map<string, AmountsSum>();
  for (const { labels, leaseId, amounts } of observation.entries) {
    if (isNothing(amounts)) continue;
    // Of one that was closed before it was opened nothing is known: then its spans are all there is.
    const isKnown = leaseId !== "" && state.closed.get(leaseId)?.labels !== undefined;
    if (isKnown || state.active.has(leaseId) || state.expired.has(leaseId)) {
      let sum = leased.get(leaseId);
      if (sum === undefined) leased.set(leaseId, (sum = new AmountsSum()));
      sum.add(amounts);
      continue;
    }
    // Most are the same to all budgets as the one before.
    if (last === undefined || !isSameProjection(labels, last.labels, labelKeys)) {
      const key = projectionKey(labels, labelKeys);
      last = foreign.get(key) ?? { labels: projected(labels, labelKeys), sum: new AmountsSum() };
      foreign.set(key, last);
    }
    last.sum.add(amounts);
  }
  const counts = ({ labels, amounts }: { readonly labels: Labels; readonly amounts: Amounts }): boolean =>
    state.index.match(labels).some(({ budget }) => amountIn(budget.measure, amounts) > 0n);
  return [
    {
      event: "observed",
      at: nowMs,
      token: observation.token,
      foreign: [...foreign.values()].map(({ labels, sum }) => ({ labels, amounts: sum.amounts() })).filter(counts),
      leased: [...leased].map(([id, sum]) => ({ id, amounts: sum.amounts() })),
    },
  ];
}

/** What time alone brings about: leases expire, and their grace ends. */
export function decideTime(state: LedgerState, nowMs: number): readonly LedgerEvent[] {
  const events: LedgerEvent[] = [];
  for (const lease of state.active.values()) {
    if (lease.deadlineMs > nowMs) break;
    events.push({ event: "expired", at: nowMs, id: lease.id });
  }
  for (const lease of state.expired.values()) {
    if (lease.deadlineMs > nowMs) break;
    events.push({ event: "released", at: nowMs, id: lease.id });
  }
  for (const { id, untilMs } of state.raises.values()) {
    if (untilMs <= nowMs) events.push({ event: "lapsed", at: nowMs, id });
  }
  return events;
}

/** Whether there is something to forget: a look at everything, to be taken now and then. */
export function decideSweep(state: LedgerState, nowMs: number): readonly LedgerEvent[] {
  return hasForgettable(state, nowMs) ? [{ event: "swept", at: nowMs }] : [];
}

function hasForgettable({ closed, spends }: LedgerState, nowMs: number): boolean {
  if (closed.size > ENDED_MAX) return true;
  for (const { forgetAtMs } of closed.values()) if (forgetAtMs <= nowMs) return true;
  for (const spend of spends.values()) if (isForgettable(spend, nowMs, RUN_IDLE_MS)) return true;
  return false;
}

/** How much of the budget the lease may hold beyond what it has settled. Below 0 when the budget is overrun. */
function roomIn(spend: Spend, lease: Lease, nowMs: number): bigint {
  const held = outstandingIn(spend, lease);
  const settled = settledAt(spend, nowMs);
  const within = growthLimit(spend, { settled, hasBegun: hasBegun(spend, lease), nowMs });
  const room = (within ?? limitAt(spend, nowMs)) - settled - withheldAt(spend, nowMs) - (spend.reserved - held);
  const isClosed = within === undefined || nowMs < spend.closedUntilMs || isOverflow(spend);
  return isClosed && held < room ? held : room;
}

/** Whether the lease, or another one of its session, has been granted something: it may finish where new ones are refused. */
export function hasBegun(spend: Spend, lease: Lease): boolean {
  return !isNothing(lease.granted) || (finishesRuns(spend.budget) && spend.runs?.has(runKeyOf(lease)) === true);
}

/** What could still come back from others: not what this lease holds, nor what expired leases do. */
function othersHold(spend: Spend, lease: Lease, nowMs: number): bigint {
  // What keeps it closed ends by itself.
  if (nowMs < spend.closedUntilMs) return limitAt(spend, nowMs);
  return spend.reserved - spend.stranded - outstandingIn(spend, lease);
}

interface Ceiling {
  readonly lease: Lease;
  readonly hard: readonly Spend[];
  /** Whether kinds are told apart: where a budget counts one, or the wish names them. */
  readonly hasKinds: boolean;
}

/** The largest total in each measure, over all hard budgets of that measure. */
function ceilingOf({ lease, hard, hasKinds }: Ceiling, room: (spend: Spend) => bigint): Amounts {
  const of = (measure: Measure): bigint => {
    let least = UNBOUNDED;
    for (const spend of hard) {
      if (spend.budget.measure !== measure) continue;
      const total = amountIn(measure, lease.settled) + room(spend);
      if (total < least) least = total;
    }
    return least;
  };
  return amountsBy(of, hasKinds);
}

function withAhead(
  goal: Amounts,
  ahead: Amounts,
  ceiling: Amounts,
  hard: readonly Spend[],
  queuedFor: Queued,
): Amounts {
  if (isNothing(ahead) || hard.some((spend) => queuedFor.has(spend))) return goal;
  const share = (measure: Measure): bigint => {
    const left = (amountIn(measure, ceiling) - amountIn(measure, goal)) / AHEAD_SHARE;
    const wanted = amountIn(measure, ahead);
    const extra = left < wanted ? left : wanted;
    return extra > 0n ? extra : 0n;
  };
  return addAmounts(goal, amountsBy(share, ceiling.kinds !== undefined));
}

function projected(labels: Labels, keys: readonly string[]): Labels {
  const kept: Record<string, string> = {};
  for (const key of keys) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}
