/**
 * The ledger without disk and clock: commands and the time go in, events to make durable, answers to give after that, and
 * leases to recall come out. Acquires that can't be granted yet wait here, first come first served for each budget: whoever
 * wants money of a budget that others wait for stands behind them, so small wishes don't starve a big one.
 */
import { assert } from "../../support/assert.ts";
import { fitsWithin, isNothing } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type {
  AcquireCommand,
  AcquireOutcome,
  LeaseClose,
  Observation,
  Threshold,
  ThresholdCrossing,
} from "../ledger.ts";
import type { LedgerPast } from "../past.ts";
import { applyEvent } from "./apply.ts";
import { covers, decideAcquire, decideClose, decideGrowth, decideObserve } from "./decide.ts";
import { decideSweep, decideTime, tightest, type Growth } from "./decide.ts";
import type { LedgerEvent } from "./events.ts";
import type { Raise } from "./limit.ts";
import { obstacleAt } from "./obstacle.ts";
import { decideSeed, unknownPasts } from "./past.ts";
import type { Spend } from "./spend.ts";
import { isHolder, outstandingIn, type Lease, type LedgerState } from "./state.ts";
import { decideThresholds } from "./thresholds.ts";
import { budgetState, crossingOf } from "./views.ts";
import { QueuesElsewhere, standsBehind, type WaitElsewhere, type Waiter } from "./waiting.ts";

const SWEEP_MS = 60_000;
/** For each budget: one lease may wait here and there, and nobody stands behind itself. */
const TOLD_MAX = 2;

/** What one call brought about. Answers may leave only once the events are durable. */
export interface Step {
  readonly events: LedgerEvent[];
  readonly answers: { readonly ticket: number; readonly outcome: AcquireOutcome }[];
  /** Process → leases that hold money others wait for. */
  readonly recalls: Map<string, string[]>;
  /** Leases that reported more than they were granted. */
  readonly overran: { readonly leaseId: string; readonly processId: string }[];
  /** Reports for a lease that the ledger does not know, or that is another process's. */
  readonly strays: { readonly leaseId: string; readonly processId: string; readonly of: "unknown" | "foreign" }[];
  readonly crossings: ThresholdCrossing[];
}

/** Thresholds whose effect is the gate's, or that take back what is not promised. */
const CHANGES_CALLS: ReadonlySet<Threshold["do"]> = new Set(["downgrade", "stop_gracefully", "stop"]);

export type LeaseTimes = Pick<LedgerState, "ttlMs" | "graceMs">;

export interface EngineOptions {
  readonly recallIntervalMs: number;
  /** Whether new budgets wait for their past. @default false */
  readonly seeksPast?: boolean;
}

export class LedgerEngine {
  readonly state: LedgerState;
  /** Who waits at other replicas. */
  elsewhere: readonly WaitElsewhere[] = [];
  readonly #recallIntervalMs: number;
  readonly #seeksPast: boolean;
  /** Lease → its waiting acquire, in the order of the queue. */
  readonly #waiters = new Map<string, Waiter>();
  readonly #recalledAt = new Map<string, number>();
  /** Budget → when its holders were asked, and for whom: a look at all of them for each message would cost too much. */
  readonly #asked = new Map<Spend, { readonly atMs: number; readonly by: string; readonly isForAll?: boolean }>();
  #sweptAtMs = 0;
  #servedAtMs = 0;
  /** When those were looked at, too, who stand behind somebody. */
  #servedAllAtMs = 0;

  constructor(state: LedgerState, options: EngineOptions) {
    this.state = state;
    this.#recallIntervalMs = options.recallIntervalMs;
    this.#seeksPast = options.seeksPast ?? false;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Who waits now, as other replicas need to know it: who stands behind two others for all that it wants is told nothing of. */
  waits(): readonly WaitElsewhere[] {
    const told = new Map<Spend, number>();
    const waits: WaitElsewhere[] = [];
    for (const { command, sinceMs, deadlineMs, bottlenecks } of this.#waiters.values()) {
      if (bottlenecks.every((spend) => (told.get(spend) ?? 0) >= TOLD_MAX)) continue;
      for (const spend of bottlenecks) told.set(spend, (told.get(spend) ?? 0) + 1);
      waits.push({ leaseId: command.leaseId, sinceMs, deadlineMs, keys: bottlenecks.map(({ key }) => key) });
    }
    return waits;
  }

  /** Who waits now, first come first: for `seat`. */
  queue(): readonly Waiter[] {
    return [...this.#waiters.values()].map((waiter) => ({ ...waiter, tickets: [...waiter.tickets] }));
  }

  /** Lets those wait on who waited for another engine of the same ledger, whose state was read anew. The next tick serves them. */
  seat(queue: readonly Waiter[]): void {
    for (const waiter of queue) this.#waiters.set(waiter.command.leaseId, { ...waiter, bottlenecks: [] });
  }

  /** `ticket` names the request in the answers, of this step or of a later one. */
  acquire(command: AcquireCommand, ticket: number, nowMs: number): Step {
    const step = this.#begin(nowMs);
    this.#noteReport(step, command.processId, command);
    const decision = decideAcquire(this.state, command, nowMs);
    switch (decision.kind) {
      case "unlimited": {
        const { seq, target: granted } = command;
        step.answers.push({ ticket, outcome: { outcome: "unlimited", seq, granted, budgets: [] } });
        break;
      }
      case "lost":
        this.#record(step, decision.events);
        step.answers.push({ ticket, outcome: { outcome: "lost", reason: decision.reason } });
        break;
      case "stale": {
        this.#record(step, decision.events);
        const waiter = this.#waiters.get(command.leaseId);
        if (waiter?.command.seq === command.seq) waiter.tickets.push(ticket);
        else step.answers.push({ ticket, outcome: this.#outcome(this.#lease(command), command, nowMs) });
        break;
      }
      case "current":
        this.#record(step, decision.events);
        this.#grow(step, command, ticket, nowMs);
        break;
    }
    return this.#end(step, nowMs);
  }

  /** Other documents, from here on. Calls that wait are looked at again: a limit may have been raised. */
  configure(budgets: readonly Budget[], nowMs: number, times: LeaseTimes = this.state): Step {
    const step = this.#begin(nowMs);
    const { ttlMs, graceMs } = times;
    const isFresh = this.state.ttlMs === 0;
    const unknown = this.#seeksPast ? unknownPasts(this.state, budgets) : [];
    this.#record(step, [{ event: "configured", at: nowMs, ttlMs, graceMs, budgets }]);
    if (unknown.length > 0) {
      this.#record(step, [{ event: "awaiting", at: nowMs, budgets: unknown, untilMs: nowMs + graceMs, isFresh }]);
    }
    return this.#end(step, nowMs, { isForAll: true });
  }

  /** What was spent before the ledger's memory begins. */
  seed(past: LedgerPast, nowMs: number): Step {
    const step = this.#begin(nowMs);
    const event = decideSeed(this.state, past, nowMs);
    if (event !== undefined) this.#record(step, [event]);
    return this.#end(step, nowMs, { isForAll: true });
  }

  /** Lets a budget spend more for a time; calls that wait for it go on. */
  raise(raise: Raise, nowMs: number): Step {
    const step = this.#begin(nowMs);
    if (!this.state.raises.has(raise.id)) this.#record(step, [{ event: "raised", at: nowMs, raise }]);
    return this.#end(step, nowMs, { isForAll: true });
  }

  close(processId: string, leases: readonly LeaseClose[], nowMs: number): Step {
    const step = this.#begin(nowMs);
    for (const lease of leases) {
      this.#noteReport(step, processId, lease);
      this.#record(step, decideClose(this.state, { processId, ...lease }, nowMs));
    }
    return this.#end(step, nowMs);
  }

  observe(observation: Observation, nowMs: number): Step {
    const step = this.#begin(nowMs);
    this.#record(step, decideObserve(this.state, observation, nowMs));
    return this.#end(step, nowMs);
  }

  /** To be called when `wakeAtMs` has come; any other call does the same on its way. */
  tick(nowMs: number): Step {
    const step = this.#begin(nowMs);
    if (nowMs - this.#sweptAtMs >= SWEEP_MS) {
      this.#sweptAtMs = nowMs;
      this.#record(step, decideSweep(this.state, nowMs));
    }
    return this.#end(step, nowMs, { isTick: true });
  }

  /** When time alone will change something. */
  wakeAtMs(): number {
    let wake = this.#sweptAtMs + SWEEP_MS;
    const [active] = this.state.active.values();
    const [expired] = this.state.expired.values();
    for (const lease of [active, expired]) if (lease !== undefined) wake = Math.min(wake, lease.deadlineMs);
    for (const { untilMs } of this.state.raises.values()) wake = Math.min(wake, untilMs);
    if (this.#waiters.size > 0) wake = Math.min(wake, this.#servedAtMs + this.#recallIntervalMs);
    for (const waiter of this.#waiters.values()) wake = Math.min(wake, waiter.deadlineMs);
    return wake;
  }

  #begin(nowMs: number): Step {
    const step: Step = { events: [], answers: [], recalls: new Map(), overran: [], strays: [], crossings: [] };
    this.#record(step, decideTime(this.state, nowMs));
    return step;
  }

  /** `isForAll`: it concerns everybody who waits. */
  #end(step: Step, nowMs: number, { isForAll = false, isTick = false } = {}): Step {
    this.#fireThresholds(step, nowMs);
    if (this.#waiters.size > 0 && (isForAll || isTick || step.events.length > 0)) this.#serve(step, nowMs, isForAll);
    if (this.#waiters.size === 0) {
      this.#recalledAt.clear();
      this.#asked.clear();
    }
    return step;
  }

  #fireThresholds(step: Step, nowMs: number): void {
    for (const event of decideThresholds(this.state, nowMs)) {
      this.#record(step, [event]);
      const spend = this.state.spends.get(event.key);
      const threshold = spend?.budget.thresholds.find(({ atPercent }) => atPercent === event.atPercent);
      assert(spend !== undefined && threshold !== undefined, "what fires is there");
      if (CHANGES_CALLS.has(threshold.do)) this.#tellHolders(step, spend);
      step.crossings.push(crossingOf(spend, { threshold, budget: budgetState(spend, nowMs) }));
    }
  }

  /** A process learns what is crossed from the answer to its next message: it is asked for one now. */
  #tellHolders(step: Step, spend: Spend): void {
    for (const id of spend.holders ?? []) {
      const lease = this.state.active.get(id);
      if (lease !== undefined) recallFrom(step, lease);
    }
  }

  /** What a report says that no honest and well-informed client says. */
  #noteReport(step: Step, processId: string, { leaseId, settled }: Pick<LeaseClose, "leaseId" | "settled">): void {
    const { active, expired, closed } = this.state;
    const lease = active.get(leaseId) ?? expired.get(leaseId);
    const known = lease ?? closed.get(leaseId);
    if (known === undefined) {
      if (!isNothing(settled)) step.strays.push({ leaseId, processId, of: "unknown" });
    } else if (!isHolder(known, processId)) {
      step.strays.push({ leaseId, processId, of: "foreign" });
    } else if (lease !== undefined && !fitsWithin(settled, lease.granted)) {
      step.overran.push({ leaseId, processId: lease.processId });
    }
  }

  #record(step: Step, events: readonly LedgerEvent[]): void {
    for (const event of events) {
      applyEvent(this.state, event);
      const last = step.events.at(-1);
      if (event.event === "lease" && last?.event === "lease" && last.id === event.id) {
        // One message gives back, reports and grows: in the journal that is one event.
        step.events[step.events.length - 1] = last.opened === undefined ? event : { ...event, opened: last.opened };
      } else {
        step.events.push(event);
      }
    }
  }

  /** A message that came in order: grants, waits or refuses. */
  #grow(step: Step, command: AcquireCommand, ticket: number, nowMs: number): void {
    const lease = this.#lease(command);
    const superseded = this.#waiters.get(lease.id);
    const sinceMs = superseded?.sinceMs ?? nowMs;
    const elsewhere = new QueuesElsewhere(this.elsewhere, this.state, nowMs);
    const queuedFor = elsewhere.and(this.#queuedBefore(lease.id), { leaseId: lease.id, sinceMs });
    const growth = decideGrowth(lease, command, { nowMs, queuedFor });
    if (superseded !== undefined) this.#answer(step, superseded, nowMs);
    const waitMs = Math.min(command.waitMs, this.state.ttlMs / 2);
    if (growth.size !== "full" && growth.couldGrow && waitMs > 0) {
      const { bottlenecks } = growth;
      const waiter: Waiter = { command, tickets: [ticket], deadlineMs: nowMs + waitMs, sinceMs, bottlenecks };
      // A newer message of a lease that waits already keeps its place.
      this.#waiters.set(lease.id, waiter);
      this.#recall(step, waiter, nowMs);
      return;
    }
    this.#waiters.delete(lease.id);
    this.#grant(step, lease, growth, nowMs);
    step.answers.push({ ticket, outcome: this.#outcome(lease, command, nowMs) });
  }

  /**
   * Looks at those who wait again, in the order of the queue. Who stands behind another one for the same budget gets nothing before that
   * one does: that it has no hope any more is found out a little later, so that thousands who wait do not slow every message down.
   */
  #serve(step: Step, nowMs: number, isForAll: boolean): void {
    const looksAtAll = isForAll || nowMs - this.#servedAllAtMs >= this.#recallIntervalMs;
    this.#servedAtMs = nowMs;
    if (looksAtAll) this.#servedAllAtMs = nowMs;
    const elsewhere = new QueuesElsewhere(this.elsewhere, this.state, nowMs);
    const queuedFor = new Set<Spend>();
    for (const [leaseId, waiter] of this.#waiters) {
      const lease = this.state.active.get(leaseId);
      if (lease === undefined) {
        this.#waiters.delete(leaseId);
        for (const ticket of waiter.tickets) {
          step.answers.push({ ticket, outcome: { outcome: "lost", reason: "the lease ended while it waited" } });
        }
        continue;
      }
      const { sinceMs } = waiter;
      if (!looksAtAll && nowMs < waiter.deadlineMs && standsBehind(waiter, queuedFor)) {
        for (const spend of waiter.bottlenecks) queuedFor.add(spend);
        continue;
      }
      const growth = decideGrowth(lease, waiter.command, {
        nowMs,
        queuedFor: elsewhere.and(queuedFor, { leaseId, sinceMs }),
      });
      if (growth.size === "full" || !growth.couldGrow || nowMs >= waiter.deadlineMs) {
        this.#waiters.delete(leaseId);
        this.#grant(step, lease, growth, nowMs);
        this.#answer(step, waiter, nowMs);
        continue;
      }
      waiter.bottlenecks = growth.bottlenecks;
      for (const spend of growth.bottlenecks) queuedFor.add(spend);
      this.#recall(step, waiter, nowMs);
    }
  }

  #grant(step: Step, lease: Lease, growth: Growth, nowMs: number): void {
    if (growth.granted === lease.granted) return;
    const { id, seq, settled } = lease;
    this.#record(step, [{ event: "lease", at: nowMs, id, seq, settled, granted: growth.granted }]);
  }

  #answer(step: Step, waiter: Waiter, nowMs: number): void {
    const outcome = this.#outcome(this.#lease(waiter.command), waiter.command, nowMs);
    for (const ticket of waiter.tickets) step.answers.push({ ticket, outcome });
  }

  #outcome(lease: Lease, command: AcquireCommand, nowMs: number): AcquireOutcome {
    const budgets = lease.spends.map((spend) => budgetState(spend, nowMs));
    const answer = { seq: command.seq, granted: lease.granted, budgets };
    if (budgets.length === 0) return { outcome: "unlimited", ...answer, granted: command.target };
    if (covers(lease, lease.granted, command.need)) return { outcome: "granted", ...answer };
    const refusing = tightest(lease, command.need, nowMs);
    assert(refusing !== undefined, "a refusal names its budget");
    const obstacle = obstacleAt(this.state, refusing, { lease, need: command.need, nowMs });
    return { outcome: "exhausted", ...answer, refusedBy: budgetState(refusing, nowMs), obstacle };
  }

  #recall(step: Step, waiter: Waiter, nowMs: number): void {
    for (const spend of waiter.bottlenecks) {
      const last = this.#asked.get(spend);
      const isFresh = last !== undefined && nowMs - last.atMs < this.#recallIntervalMs;
      // Each leaves out its own lease: for two of them is for all.
      if (isFresh && (last.isForAll || last.by === waiter.command.leaseId)) continue;
      this.#asked.set(spend, isFresh ? { ...last, isForAll: true } : { atMs: nowMs, by: waiter.command.leaseId });
      for (const id of spend.holders ?? []) {
        const lease = this.state.active.get(id);
        if (lease === undefined || id === waiter.command.leaseId || outstandingIn(spend, lease) === 0n) continue;
        const before = this.#recalledAt.get(id);
        if (before !== undefined && nowMs - before < this.#recallIntervalMs) continue;
        this.#recalledAt.set(id, nowMs);
        recallFrom(step, lease);
      }
    }
  }

  /** The budgets that the waiters before this lease's place (or all, if it has none) wait for. */
  #queuedBefore(leaseId: string): Set<Spend> {
    const queuedFor = new Set<Spend>();
    for (const [id, waiter] of this.#waiters) {
      if (id === leaseId) break;
      for (const spend of waiter.bottlenecks) queuedFor.add(spend);
    }
    return queuedFor;
  }

  #lease(command: AcquireCommand): Lease {
    const lease = this.state.active.get(command.leaseId);
    assert(lease !== undefined, "a lease that was just answered is active");
    return lease;
  }
}

/** Asks for what the lease has not promised, once in a step. */
function recallFrom({ recalls }: Step, { id, processId }: Lease): void {
  const ids = recalls.get(processId);
  if (ids === undefined) recalls.set(processId, [id]);
  else if (!ids.includes(id)) ids.push(id);
}
