/**
 * What one budget instance (a budget, one value of `each`, one session or workflow) has spent and holds, and how its
 * window turns. Settled money belongs to the window in which it was reported; reserved money belongs to none: it carries
 * over a turn, so that whatever is spent later finds room in the window in which it will be reported.
 *
 * Rolling windows are rings of buckets. A bucket counts in full until its youngest instant has left the window: the sum is
 * exact to a bucket (1/60 of the window) and never too small.
 */
import { assert } from "../../support/assert.ts";
import type { Budget } from "../budget.ts";
import { calendarWindow } from "./calendar.ts";
import { isCrossed } from "./crossing.ts";
import { carriedAt, limitAt, type Raise } from "./limit.ts";
import type { BudgetMatch } from "./scope.ts";

const BUCKETS = 60;
/** A session or workflow without a message for this long is forgotten, and with it what it spent. */
export const RUN_IDLE_MS = 7 * 24 * 60 * 60 * 1000;

/** An instance that saved something and is silent for so long is forgotten all the same. */
const CARRY_IDLE_MS = 62 * 24 * 60 * 60 * 1000;

export interface Spend {
  readonly key: string;
  readonly match: Omit<BudgetMatch, "budget">;
  budget: Budget;
  /** False once no document has this budget any more; what it has spent is kept until its window ends. */
  isInForce: boolean;
  /** Of its window. One object for all instances of a window. */
  bounds: SpendBounds;
  /** S: in the window that starts at `startMs`. Of a rolling window: the sum of `buckets`. */
  settled: bigint;
  /** Rolling windows only: bucket number → spend, oldest first. */
  buckets: Map<number, bigint> | undefined;
  /** The part of S that no lease covered: it was seen when it was spent already. Of a rolling window: of `observedBuckets`. */
  observed: bigint;
  observedBuckets: Map<number, bigint> | undefined;
  /** Leases that the ledger has forgotten may hold so much: set aside until `withheldUntilMs`. */
  withheld: bigint;
  withheldUntilMs: number;
  /** Nothing new is granted before: its past is not known yet, or what others hold of it. */
  closedUntilMs: number;
  /** R: outstanding of all leases that fall under it. Derived from them, never stored. */
  reserved: bigint;
  /** Runs in flight → the leases that keep them so. Only where somebody asks (runs.ts); derived, as R is. */
  runs: Map<string, Set<string>> | undefined;
  /** The part of R whose leases have expired: it won't come free before its spans or its grace do. */
  stranded: bigint;
  touchedMs: number;
  /** What the windows before this one left over for it, as far as it is carried. */
  carried: bigint;
  /** By whom and until when its limit is raised; derived from the state's. */
  raises: readonly Raise[] | undefined;
  /** The thresholds (their percentages) that have fired in this window. */
  fired: ReadonlySet<number>;
  /** Where it notes what happens to it; the state. */
  watch: SpendWatch | undefined;
  /** Ids of the leases that fall under it and are not over. Derived, as R is. */
  holders: Set<string> | undefined;
}

/** What others look at later. */
export interface SpendWatch {
  /** Something was counted in it that a threshold may look at. */
  readonly counted: Set<Spend>;
  /** It may show something else than before. */
  readonly changed: Set<Spend>;
}

/** In Unix ms, the end not included; `undefined` where there is none. */
export interface SpendBounds {
  readonly startMs: number;
  readonly endMs: number | undefined;
}

const UNBOUNDED: SpendBounds = { startMs: 0, endMs: undefined };

/** Shared by all of which no threshold has fired. */
const NONE_FIRED: ReadonlySet<number> = new Set();

export function newSpend(match: BudgetMatch, nowMs: number): Spend {
  const { budget, ...rest } = match;
  const spend: Spend = {
    key: match.key,
    match: rest,
    budget,
    isInForce: true,
    bounds: UNBOUNDED,
    settled: 0n,
    buckets: undefined,
    observed: 0n,
    observedBuckets: undefined,
    withheld: 0n,
    withheldUntilMs: 0,
    closedUntilMs: 0,
    reserved: 0n,
    stranded: 0n,
    touchedMs: nowMs,
    carried: 0n,
    raises: undefined,
    fired: NONE_FIRED,
    watch: undefined,
    holders: undefined,
    runs: undefined,
  };
  openWindow(spend, budget, nowMs);
  return spend;
}

/** Whether its window has ended. */
function isOver({ bounds: { endMs } }: Spend, nowMs: number): boolean {
  return endMs !== undefined && nowMs >= endMs;
}

/** S at an instant, without turning the window. */
export function settledAt(spend: Spend, nowMs: number): bigint {
  if (spend.buckets !== undefined) {
    let left = 0n;
    for (const [bucket, amount] of spend.buckets) {
      if (isCounted(spend, bucket, nowMs)) break;
      left += amount;
    }
    return spend.settled - left;
  }
  return isOver(spend, nowMs) ? 0n : spend.settled;
}

export function noteFired(spend: Spend, atPercent: number): void {
  spend.fired = new Set([...spend.fired, atPercent]);
}

/** To be called wherever anything changes that `budgetState` shows. */
export function noteChange(spend: Spend): void {
  spend.watch?.changed.add(spend);
}

/** Whether time alone has changed what it shows since it was counted in last. */
export function isAlteredByTime(spend: Spend, nowMs: number): boolean {
  if (spend.withheld > 0n && nowMs >= spend.withheldUntilMs) return true;
  if (spend.buckets !== undefined) return settledAt(spend, nowMs) !== spend.settled;
  return isOver(spend, nowMs);
}

/** Of a hundred thousand instances most are held by no lease: then there is no set. */
export function addHolder(spend: Spend, leaseId: string): void {
  (spend.holders ??= new Set()).add(leaseId);
}

export function removeHolder(spend: Spend, leaseId: string): void {
  if (spend.holders?.delete(leaseId) === true && spend.holders.size === 0) spend.holders = undefined;
}

/** Adds to S. The only way S ever grows; nothing but the turn of a window lowers it. */
export function countSpend(spend: Spend, amount: bigint, nowMs: number): void {
  assert(amount >= 0n, "what is counted is never negative");
  spend.touchedMs = nowMs;
  turnWindow(spend, nowMs);
  if (amount > 0n) noteChange(spend);
  spend.settled += amount;
  const { buckets } = spend;
  if (buckets !== undefined && amount > 0n) {
    const bucket = Math.floor(nowMs / bucketMs(spend));
    buckets.set(bucket, (buckets.get(bucket) ?? 0n) + amount);
  }
  assert(spend.settled >= amount, "S includes what was just counted");
  if (amount > 0n && spend.budget.thresholds.length > 0) {
    rearm(spend, nowMs);
    spend.watch?.counted.add(spend);
  }
}

/** Adds to S what no lease covers. */
export function countObserved(spend: Spend, amount: bigint, nowMs: number): void {
  countSpend(spend, amount, nowMs);
  if (amount === 0n) return;
  const observed = spend.observed + amount;
  // Where no lease was, both are the same number: of a hundred thousand instances one is kept.
  spend.observed = observed === spend.settled ? spend.settled : observed;
  if (spend.buckets === undefined) return;
  const bucket = Math.floor(nowMs / bucketMs(spend));
  const buckets = (spend.observedBuckets ??= new Map<number, bigint>());
  buckets.set(bucket, (buckets.get(bucket) ?? 0n) + amount);
}

/** Something that was spent before the ledger's memory begins. */
export interface PastAmount {
  readonly atMs: number;
  readonly settled: bigint;
  readonly observed: bigint;
}

/**
 * Adds the past of a budget to S, each amount to where it belongs; what lies before the window is left out. `carried`: so much of it
 * is in S already.
 */
export function countPast(
  spend: Spend,
  {
    items,
    carried,
    nowMs,
  }: { readonly items: readonly PastAmount[]; readonly carried: bigint; readonly nowMs: number },
): void {
  turnWindow(spend, nowMs);
  let known = carried;
  for (const { atMs, settled, observed } of items.toSorted((a, b) => a.atMs - b.atMs)) {
    const bucket = Math.floor(Math.min(atMs, nowMs) / bucketMs(spend));
    if (spend.buckets === undefined ? atMs < spend.bounds.startMs : !isCounted(spend, bucket, nowMs)) continue;
    const skipped = known < settled ? known : settled;
    known -= skipped;
    const amount = settled - skipped;
    const seen = observed < amount ? observed : amount;
    spend.settled += amount;
    spend.observed += seen;
    if (spend.buckets !== undefined) addTo(spend.buckets, bucket, amount);
    if (spend.buckets !== undefined && seen > 0n) addTo((spend.observedBuckets ??= new Map()), bucket, seen);
  }
  // Oldest first, as what leaves the window is looked for.
  if (spend.buckets !== undefined) spend.buckets = sorted(spend.buckets);
  if (spend.observedBuckets !== undefined) spend.observedBuckets = sorted(spend.observedBuckets);
  spend.touchedMs = nowMs;
  spend.watch?.counted.add(spend);
  noteChange(spend);
}

/** The part of S at an instant that no lease covered. */
export function observedAt(spend: Spend, nowMs: number): bigint {
  if (spend.buckets === undefined) return settledAt(spend, nowMs) === 0n ? 0n : spend.observed;
  let counted = 0n;
  for (const [bucket, amount] of spend.observedBuckets ?? []) if (isCounted(spend, bucket, nowMs)) counted += amount;
  return counted;
}

/** Set aside for what forgotten leases may hold. */
export function withheldAt(spend: Spend, nowMs: number): bigint {
  return nowMs < spend.withheldUntilMs ? spend.withheld : 0n;
}

/** Moves `spend` to the window that holds `nowMs`. Never back: a clock that is set back leaves the window as it is. */
export function turnWindow(spend: Spend, nowMs: number): void {
  if (spend.buckets !== undefined) {
    for (const [bucket, amount] of spend.buckets) {
      if (isCounted(spend, bucket, nowMs)) break;
      noteChange(spend);
      spend.buckets.delete(bucket);
      spend.settled -= amount;
    }
    for (const [bucket, amount] of spend.observedBuckets ?? []) {
      if (isCounted(spend, bucket, nowMs)) break;
      spend.observedBuckets?.delete(bucket);
      spend.observed -= amount;
    }
    return;
  }
  if (!isOver(spend, nowMs)) return;
  noteChange(spend);
  spend.carried = carriedAt(spend, nowMs);
  spend.settled = 0n;
  openWindow(spend, spend.budget, nowMs);
}

/** The first instant whose spend counts in the window that `nowMs` is in: of a run, when it would be forgotten. 0: all. */
export function countsSinceMs(budget: Budget, nowMs: number): number {
  const { window } = budget;
  switch (window.kind) {
    case "calendar":
      return calendarWindow(window.unit, budget.timeZone, nowMs).startMs;
    case "rolling":
      return nowMs - window.durationMs - Math.ceil(window.durationMs / BUCKETS);
    case "run":
      return nowMs - RUN_IDLE_MS;
    case "lifetime":
      return 0;
  }
}

/** The bounds to show. Of a rolling window: from its oldest counted instant to the end of the bucket that fills now. */
export function shownBounds(spend: Spend, nowMs: number): SpendBounds {
  const { window } = spend.budget;
  if (window.kind === "rolling") {
    const width = bucketMs(spend);
    const startMs = Math.floor((nowMs - window.durationMs) / width) * width;
    return { startMs, endMs: (Math.floor(nowMs / width) + 1) * width };
  }
  if (window.kind === "calendar" && isOver(spend, nowMs)) {
    return calendarWindow(window.unit, spend.budget.timeZone, nowMs);
  }
  return spend.bounds;
}

/**
 * Puts `spend` under a changed document, or under none. S is kept whatever changed, except for another measure: dollars
 * are no tokens. Under another kind of window it counts from now on as if it had been spent now, which is never too little.
 */
export function rebaseSpend(spend: Spend, budget: Budget | undefined, nowMs: number): void {
  const before = spend.budget;
  turnWindow(spend, nowMs);
  noteChange(spend);
  spend.isInForce = budget !== undefined && isSameSplit(spend, budget);
  if (budget === undefined || !spend.isInForce) return;
  spend.budget = budget;
  rearm(spend, nowMs);
  // A lower limit may be crossed already.
  spend.watch?.counted.add(spend);
  if (isSameWindow(before, budget)) return;
  spend.carried = 0n;
  const carried = before.measure === budget.measure ? settledAt(spend, nowMs) : 0n;
  const observed = before.measure === budget.measure ? observedAt(spend, nowMs) : 0n;
  spend.settled = 0n;
  openWindow(spend, budget, nowMs);
  countSpend(spend, carried - observed, nowMs);
  countObserved(spend, observed, nowMs);
}

/** Whether `spend` may be forgotten: no lease, and nothing counted that would still count; or a run that is long silent. */
export function isForgettable(spend: Spend, nowMs: number, runIdleMs: number): boolean {
  if (spend.holders !== undefined || withheldAt(spend, nowMs) > 0n) return false;
  // What it saved is worth remembering for as long as its longest window, and a little more.
  if (carriedAt(spend, nowMs) > 0n && nowMs - spend.touchedMs < CARRY_IDLE_MS) return false;
  if (settledAt(spend, nowMs) === 0n) return true;
  return spend.match.run !== undefined && nowMs - spend.touchedMs >= runIdleMs;
}

function addTo(buckets: Map<number, bigint>, bucket: number, amount: bigint): void {
  if (amount > 0n) buckets.set(bucket, (buckets.get(bucket) ?? 0n) + amount);
}

function sorted(buckets: ReadonlyMap<number, bigint>): Map<number, bigint> {
  return new Map([...buckets].sort(([a], [b]) => a - b));
}

export function bucketMs(spend: Spend): number {
  const { window } = spend.budget;
  return window.kind === "rolling" ? Math.ceil(window.durationMs / BUCKETS) : 1;
}

function isCounted(spend: Spend, bucket: number, nowMs: number): boolean {
  const { window } = spend.budget;
  if (window.kind !== "rolling") return true;
  return (bucket + 1) * bucketMs(spend) > nowMs - window.durationMs;
}

/** Forgets the firing of what is not crossed (any more), or not there: of its window S falls, its limit was raised. */
export function rearm(spend: Spend, nowMs: number): void {
  if (spend.fired.size === 0) return;
  const { thresholds } = spend.budget;
  const limit = limitAt(spend, nowMs);
  // Runs come and go: what fired has fired for good, or it would fire at each.
  if (spend.budget.measure === "concurrent_runs") return;
  const kept = [...spend.fired].filter((atPercent) => {
    const isThere = thresholds.some((threshold) => threshold.atPercent === atPercent);
    return isThere && isCrossed({ atPercent }, spend.settled, limit);
  });
  spend.fired = kept.length === 0 ? NONE_FIRED : new Set(kept);
}

function openWindow(spend: Spend, budget: Budget, nowMs: number): void {
  spend.fired = NONE_FIRED;
  spend.observed = 0n;
  spend.observedBuckets = undefined;
  spend.buckets = budget.window.kind === "rolling" ? new Map() : undefined;
  const { window, timeZone } = budget;
  spend.bounds = window.kind === "calendar" ? calendarWindow(window.unit, timeZone, nowMs) : UNBOUNDED;
}

/** Whether the document still makes instances of this shape: by the same kind of split, if not by the same label. */
function isSameSplit(spend: Spend, budget: Budget): boolean {
  const { each, run } = spend.match;
  return (each === undefined) === (budget.each === undefined) && (run !== undefined) === (budget.window.kind === "run");
}

function isSameWindow(a: Budget, b: Budget): boolean {
  if (a.measure !== b.measure || JSON.stringify(a.window) !== JSON.stringify(b.window)) return false;
  return a.window.kind !== "calendar" || a.timeZone === b.timeZone;
}
