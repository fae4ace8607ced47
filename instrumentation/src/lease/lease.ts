/**
 * Money that the fleet's ledger has set aside for this process, for calls whose labels are the same to every budget.
 *
 * INVARIANT: `books.granted` ≤ what the ledger counts as outstanding + settled. The view is lowered before a smaller target
 * is sent, and raised only by the reply to the last message sent; only a message that the ledger holds is overtaken by a
 * newer one, and its answer raises nothing then. So whatever is lost, doubled or late on the way, calls are promised only
 * what the ledger has set aside (I1).
 *
 * A reservation that fits is one synchronous step. Else the call waits in line, and the line is served by settlements of
 * this process and by replies of the ledger.
 */
import type { AcquireReply, AcquireRequest, LeaseBudget } from "../protocol.ts";
import { add, areEqual, covers, fromWire, largest, NO_AMOUNTS, scale, smallest, subtract, toWire } from "./amounts.ts";
import type { Amounts } from "./amounts.ts";
import { Books, type PurseOutcome, type Want } from "./purse.ts";
import { LeaseReservation } from "./reservation.ts";
import type { LeaseReservationOptions } from "./reservation.ts";
import { refusalOf, tightest } from "./refusal.ts";
import type { LeaseHost } from "./lease-host.ts";
import { WaitingLine } from "./waiting-line.ts";
import type { Waiter } from "./waiting-line.ts";

/** Money kept ahead of need: as much as this many of the largest recent calls. More when calls follow fast. */
const AHEAD_CALLS_MIN = 4n;
const AHEAD_CALLS_MAX = 512n;
/**
 * A lease that tops up more often than this asks for twice as much, and one that does so rarely for half. Each time costs the process as much as
 * some calls, and holds one up: one in hundreds may, one in seventy may not.
 */
const TOP_UP_MS = 500;
/** After the ledger granted less ahead than was asked, it is not asked again for this long. */
const AHEAD_PAUSE_MS = 250;
/** A settlement is reported within this time, even when no money is needed. */
const REPORT_MS = 1_000;
/** A lease without calls for this long is closed. */
const IDLE_CLOSE_MS = 60_000;
/** A ledger that does not answer may be restarting: calls wait this long for it, whatever they wait for money. */
const OUTAGE_WAIT_MS = 15_000;
/** A call whose time is over looks this often whether the ledger has answered. */
const LATE_MS = 50;
/** The ledger holds a request at most this long; the call itself may wait longer. */
const LEDGER_WAIT_MS_MAX = 10_000;
const RETRY_MS = [50, 100, 250, 500, 1_000] as const;
/** Nothing has been heard of a ledger since the process started: calls wait this long for its first word. */
export const FIRST_WORD_MS_MAX = 5_000;

export class Lease {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly books = new Books();
  budgets: readonly LeaseBudget[] = [];
  isUnlimited = false;
  /** No new calls: lost, or its labels are no longer what separates leases. */
  isRetired = false;
  readonly #host: LeaseHost;
  readonly #line: WaitingLine;
  /** Of all its reservations. */
  readonly #held: LeaseReservationOptions;
  #seq = 0;
  /** The last message, until it is answered. `isHeld`: the ledger may keep it waiting. */
  #asked: { readonly isHeld: boolean; readonly settled: Amounts } | undefined;
  #givesBack = false;
  #expires = { monotonicMs: -1, wallMs: -1 };
  /** 0 until the ledger has answered. */
  #ttlMs = 0;
  #sentAtMs = 0;
  #usedAtMs: number;
  #reported: Amounts = NO_AMOUNTS;
  #recentWorst: Amounts = NO_AMOUNTS;
  /** Below this much in hand, more is asked for. */
  #lowWater: Amounts = NO_AMOUNTS;
  #aheadPausedUntilMs = 0;
  #aheadCalls = AHEAD_CALLS_MIN;
  #toppedUpAtMs = 0;
  /** The ledger has nothing more to give until something of ours settles or some time passes. */
  #isStalled = false;
  #failures = 0;
  #unreachable = "its answer is late";

  constructor(host: LeaseHost, labels: Readonly<Record<string, string>>) {
    this.#host = host;
    this.id = host.newId();
    this.labels = labels;
    this.#line = new WaitingLine(host.clock);
    this.#held = { leaseId: this.id, books: this.books, onFreed: () => this.#onFreed() };
    this.#usedAtMs = host.clock.monotonicMs();
  }

  get isAlive(): boolean {
    return this.#isAliveAt(this.#host.clock.monotonicMs());
  }

  #isAliveAt(nowMs: number): boolean {
    return !this.isRetired && nowMs < this.#expires.monotonicMs && this.#host.clock.wallMs() < this.#expires.wallMs;
  }

  get isDrained(): boolean {
    return areEqual(this.books.inFlight, NO_AMOUNTS) && this.#line.isEmpty;
  }

  /** Everything settled has been reported. */
  get isReported(): boolean {
    return areEqual(this.#reported, this.books.settled);
  }

  reserve(want: Want): PurseOutcome | Promise<PurseOutcome> {
    const nowMs = this.#host.clock.monotonicMs();
    this.#usedAtMs = nowMs;
    this.#remember(want.worst);
    let isInHand = this.#line.isEmpty && this.#fits(want.worst, nowMs);
    if (!isInHand) {
      this.#host.catchUp();
      isInHand = this.#line.isEmpty && this.#fits(want.worst, nowMs);
    }
    if (isInHand) {
      const granted = this.#grant(want.worst);
      this.#topUp();
      return granted;
    }
    return this.join(want, this.#host.waitMs);
  }

  /** Waits in this lease's line for at most `waitMs`. */
  join(want: Want, waitMs: number): Promise<PurseOutcome> {
    const giveUpAtMs = this.#host.clock.monotonicMs() + Math.max(waitMs, OUTAGE_WAIT_MS);
    const answer = this.#line.wait(want, { waitMs, onDeadline: () => this.#atDeadline(want, giveUpAtMs) });
    this.#serve();
    return answer;
  }

  /** The ledger wants back what is not promised. */
  recall(): void {
    if (this.#asked?.isHeld === true) {
      if (this.#hasNews(this.#asked)) void this.#send();
      return;
    }
    this.#givesBack = true;
    if (this.#asked === undefined) void this.#send();
  }

  /** Called about once a second: renew, report, give back what is idle. True when the lease is of no more use. */
  tick(): boolean {
    const now = this.#host.clock.monotonicMs();
    if (this.isRetired) return this.isDrained;
    if (this.#asked !== undefined) return false;
    const sinceSentMs = now - this.#sentAtMs;
    const idleMs = now - this.#usedAtMs;
    if (this.isDrained && idleMs > IDLE_CLOSE_MS) return true;
    const isUnreported = !this.isReported && sinceSentMs >= REPORT_MS;
    const isDue = this.#ttlMs > 0 && sinceSentMs >= this.#ttlMs / 3;
    this.#isStalled = false;
    if (isDue && this.isDrained && idleMs >= this.#ttlMs / 3) this.#givesBack = true;
    if (isUnreported || isDue || !this.#line.isEmpty) void this.#send();
    return false;
  }

  /** Answers every waiting call at once: nothing more will come. */
  failWaiting(reason: string): void {
    for (const waiter of this.#line) waiter.answer(this.#unavailable(reason));
  }

  #fits(worst: Amounts, nowMs = this.#host.clock.monotonicMs()): boolean {
    return this.#isAliveAt(nowMs) && (this.isUnlimited || this.books.canPromise(worst));
  }

  #remember(worst: Amounts): void {
    // Most calls are like the one before.
    if (areEqual(worst, this.#recentWorst)) return;
    const faded = {
      nanoUsd: (this.#recentWorst.nanoUsd * 7n) / 8n,
      tokens: (this.#recentWorst.tokens * 7n) / 8n,
      calls: 1n,
    };
    this.#recentWorst = largest(worst, faded);
    this.#setAhead(this.#aheadCalls);
  }

  /** More is asked for while half of it is left: calls that follow fast must not run dry before the answer is there. */
  #setAhead(calls: bigint): void {
    this.#aheadCalls = calls;
    this.#lowWater = scale(this.#recentWorst, calls / 2n);
  }

  #grant(amounts: Amounts): PurseOutcome {
    return { outcome: "granted", reservation: new LeaseReservation(this.#held, amounts) };
  }

  #onFreed(): void {
    if (this.isRetired) return;
    this.#isStalled = false;
    if (this.#line.isEmpty) return;
    this.#serve();
    // Nothing of ours will bring the waiting call further, and what has come free may help somebody else.
    const isIdle = this.books.inFlight.calls === 0n;
    if (isIdle && this.#asked?.isHeld === true && this.#hasNews(this.#asked)) void this.#send();
  }

  /** Whether the ledger would learn something that it could give to others. */
  #hasNews(asked: { readonly settled: Amounts }): boolean {
    const { granted, committed, settled } = this.books;
    return !areEqual(settled, asked.settled) || !areEqual(granted, committed);
  }

  /** Gives waiting calls what fits, in order; asks the ledger for the rest. */
  #serve(): void {
    for (let head = this.#line.head; head !== undefined && this.#fits(head.want.worst); head = this.#line.head) {
      head.answer(this.#grant(head.want.worst));
    }
    if (!this.#line.isEmpty && this.#asked === undefined && !this.#isStalled) void this.#send();
  }

  /** Asks for more before the money in hand is used up, so that the next call does not wait. */
  #topUp(): void {
    if (this.#asked !== undefined || this.isUnlimited || this.isRetired) return;
    if (this.books.canPromise(this.#lowWater)) return;
    const now = this.#usedAtMs;
    if (now < this.#aheadPausedUntilMs) return;
    const isFast = now - this.#toppedUpAtMs < TOP_UP_MS;
    const next = isFast ? this.#aheadCalls * 2n : this.#aheadCalls / 2n;
    this.#setAhead(next < AHEAD_CALLS_MIN ? AHEAD_CALLS_MIN : next > AHEAD_CALLS_MAX ? AHEAD_CALLS_MAX : next);
    this.#toppedUpAtMs = now;
    void this.#send();
  }

  /** The calls that wait, in sum; not more than makes sense for one message. */
  #waitingFor(): Amounts {
    let sum = NO_AMOUNTS;
    for (const { want } of this.#line) sum = add(sum, want.worst);
    return sum;
  }

  async #send(): Promise<void> {
    const { clock } = this.#host;
    const { books } = this;
    const head = this.#line.head;
    const { committed } = books;
    const floor = add(committed, this.#waitingFor());
    const target = this.#givesBack || head !== undefined ? floor : largest(books.granted, floor);
    const ahead = this.#givesBack ? NO_AMOUNTS : this.#aheadOf(subtract(target, floor));
    this.#givesBack = false;
    // A call that waits for more waits with empty hands: what it could not use may be what others wait for.
    books.granted = smallest(books.granted, head === undefined ? target : committed);
    const sent = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    const { settled } = books;
    this.#asked = { isHeld: head !== undefined, settled };
    this.#seq += 1;
    const seq = this.#seq;
    const request: AcquireRequest = {
      process_id: this.#host.processId,
      lease_id: this.id,
      seq,
      labels: this.labels,
      settled: toWire(settled),
      need: toWire(head === undefined ? committed : add(committed, head.want.least)),
      target: toWire(target),
      ahead: toWire(ahead),
      wait_ms: head === undefined ? 0 : waitMs(head.deadlineMs - sent.monotonicMs),
      ...(head === undefined ? {} : { held: toWire(committed) }),
    };
    const waitersAsked = new Set(this.#line);
    this.#sentAtMs = sent.monotonicMs;
    const answer = await this.#host.acquire(this, request);
    if (this.isRetired) return;
    if (answer.kind === "lease_lost" || answer.kind === "killed") {
      this.isRetired = true;
      const waiting = [...this.#line];
      if (answer.kind === "killed") this.#host.onKilled(this, waiting, answer.reason);
      else this.#host.onLost(this, waiting);
      return;
    }
    // A newer message is on its way: only its answer says what we hold.
    if (seq !== this.#seq) {
      if (answer.kind === "reply") this.#renew(sent, answer.reply.ttl_ms);
      return;
    }
    this.#asked = undefined;
    switch (answer.kind) {
      case "reply":
        this.#reported = settled;
        this.#accept(answer.reply, { sent, target, ahead, waitersAsked });
        break;
      case "unreachable":
      case "process_unknown":
        this.#retryLater(answer.kind === "unreachable" ? answer.reason : "the ledger does not know this process");
        break;
      case "rejected":
        this.failWaiting(answer.reason);
        break;
    }
  }

  #aheadOf(inReserve: Amounts): Amounts {
    return largest(NO_AMOUNTS, subtract(scale(this.#recentWorst, this.#aheadCalls), inReserve));
  }

  #accept(
    reply: AcquireReply,
    asked: {
      readonly sent: { readonly monotonicMs: number; readonly wallMs: number };
      readonly target: Amounts;
      readonly ahead: Amounts;
      readonly waitersAsked: ReadonlySet<Waiter>;
    },
  ): void {
    const granted = fromWire(reply.granted);
    if (reply.seq !== this.#seq || (granted === undefined && reply.outcome !== "unlimited")) {
      this.#retryLater("the ledger's answer makes no sense");
      return;
    }
    this.#failures = 0;
    this.#renew(asked.sent, reply.ttl_ms);
    this.budgets = reply.budgets;
    this.isUnlimited = reply.outcome === "unlimited";
    if (granted !== undefined) this.books.granted = granted;
    if (granted !== undefined && !covers(granted, add(asked.target, asked.ahead))) {
      this.#aheadPausedUntilMs = this.#host.clock.monotonicMs() + AHEAD_PAUSE_MS;
      this.#setAhead(AHEAD_CALLS_MIN);
    }
    this.#host.onGovernance(reply.governance_version);
    if (this.isRetired) return;
    this.#serveScarce(reply, asked.target, asked.waitersAsked);
    if (this.#givesBack && this.#asked === undefined) void this.#send();
  }

  #renew(sent: { readonly monotonicMs: number; readonly wallMs: number }, ttlMs: number): void {
    this.#ttlMs = ttlMs;
    this.#expires = {
      monotonicMs: Math.max(this.#expires.monotonicMs, sent.monotonicMs + ttlMs),
      wallMs: Math.max(this.#expires.wallMs, sent.wallMs + ttlMs),
    };
  }

  /** After a reply: the line in order, then, if the ledger has no more, lowered bounds and refusals. */
  #serveScarce(reply: AcquireReply, target: Amounts, waitersAsked: ReadonlySet<Waiter>): void {
    const isScarce = !this.isUnlimited && !covers(this.books.granted, target);
    this.#isStalled = isScarce;
    this.#serve();
    if (!isScarce) return;
    for (let head = this.#line.head; head !== undefined && waitersAsked.has(head); head = this.#line.head) {
      // What calls of this process give back may still be enough; `#onFreed` asks again.
      if (this.books.inFlight.calls > 0n) return;
      head.answer(this.#fitOrRefuse(head.want, reply));
    }
    this.#isStalled = false;
    this.#serve();
  }

  #fitOrRefuse(want: Want, reply?: AcquireReply): PurseOutcome {
    const lowered = want.fitting(this.books.available);
    if (lowered !== undefined) return this.#grant(lowered);
    const refused = reply?.outcome === "exhausted" ? reply : undefined;
    const refusedBy = refused?.refused_by ?? tightest(this.budgets, want.least);
    if (refusedBy === undefined)
      return this.#unavailable("the ledger grants less than the call needs and names no budget");
    return { outcome: "refused", error: refusalOf(refusedBy, want.least, refused?.refusal) };
  }

  /** How a wait ends: by what is in hand, if the ledger could be asked at all; else the wait goes on, for a while. */
  #atDeadline(want: Want, giveUpAtMs: number): PurseOutcome | number {
    const isHeard = this.#failures === 0 && this.isAlive;
    // A ledger that is late with its answer refuses nothing.
    if (isHeard && this.#asked === undefined) return this.#fitOrRefuse(want);
    const leftMs = giveUpAtMs - this.#host.clock.monotonicMs();
    if (leftMs <= 0) return this.#unavailable(this.#unreachable);
    return isHeard ? Math.min(leftMs, LATE_MS) : leftMs;
  }

  #unavailable(reason: string): PurseOutcome {
    // Until the ledger has spoken of this lease, nobody knows that no hard limit stands behind it.
    const isHard = this.#ttlMs === 0 || this.budgets.some((budget) => budget.mode === "hard");
    return { outcome: "unavailable", reason, isHard };
  }

  #retryLater(reason: string): void {
    this.#unreachable = reason;
    const delay = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)] ?? 0;
    this.#failures += 1;
    if (this.#line.isEmpty) return;
    this.#isStalled = true;
    const retry = (): void => {
      this.#isStalled = false;
      this.#serve();
    };
    this.#host.clock.after(delay, retry, { holdsProcess: false });
  }
}

function waitMs(leftMs: number): number {
  return Math.max(0, Math.min(LEDGER_WAIT_MS_MAX, Math.floor(leftMs)));
}
