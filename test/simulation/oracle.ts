/**
 * What the simulated provider was paid, kept apart from everything the ledger says: its own matching of labels, its own
 * sums, rolling windows to the millisecond. Only the calendar is the ledger's, which is tested by itself.
 *
 * Overshoot is 0, with one exception that the design names (I4): money of a lease that nobody heard of for TTL + grace comes
 * free although it was spent. Such a lease is looked at one by one: the silence must have been that long, and by no more than
 * what it spent unreported may its budgets be passed.
 */
import {
  addAmounts,
  fitsWithin,
  isNothing,
  maxAmounts,
  NO_AMOUNTS,
  subtractAmounts,
  type Amounts,
} from "../../src/budget/amounts.ts";
import type { Budget } from "../../src/budget/budget.ts";
import type { Labels, ObservedSpend } from "../../src/budget/ledger.ts";
import type { Spend } from "../../src/budget/rules/spend.ts";
import type { LedgerState } from "../../src/budget/rules/state.ts";
import { isInScope, keysOf } from "./matching.ts";
import { type Payment, sumOf, windowsOf, worstFixed, worstRolling } from "./payments.ts";

/** The ledger counts whole milliseconds. */
const ROUNDING_MS = 2;

interface Account {
  readonly budget: Budget;
  readonly payments: Payment[];
  total: bigint;
  /** In the worst case the calls that are out cost this much more. */
  flight: bigint;
  /** Spent by leases that were given up in silence, and perhaps not known to the ledger. */
  late: bigint;
  /** Paid for processes that were killed: the ledger may never hear of it. */
  unsaid: bigint;
  /** Spans that came after their lease was forgotten: counted again. */
  again: bigint;
}

interface LeaseAccount {
  readonly labels: Labels;
  readonly processId: string;
  readonly accounts: readonly Account[];
  paid: Amounts;
  flight: Amounts;
  /** The most it had spent without the ledger's knowing when it was given up. */
  late: Amounts;
  /** What the ledger knew of it when it was last seen there. */
  known: Amounts;
  /** Sum of the spans that the processor has taken. */
  spans: Amounts;
  closedAtMs: number | undefined;
}

export interface OracleOptions {
  readonly budgets: readonly Budget[];
  readonly now: () => number;
  readonly ttlMs: number;
  readonly graceMs: number;
  /** By how much the ledger's clock may have hurried. */
  readonly hurriedMs: () => number;
}

export class Oracle {
  readonly #options: OracleOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #leases = new Map<string, LeaseAccount>();
  /** Those that may still bring news. */
  readonly #open = new Set<string>();
  readonly #heardAtMs = new Map<string, number>();
  readonly #killed = new Set<string>();
  readonly #taken = new Set<string>();
  /** Blocks and leases whose spans may be counted again. */
  readonly #again = new Set<string>();
  readonly #accountsOf = new WeakMap<Labels, readonly Account[]>();
  /** Budget → S + R of its instances when its limit was changed last. */
  readonly #held = new Map<string, ReadonlyMap<string, bigint>>();
  /** Budget → the highest limit that may be in force. */
  readonly #limits = new Map<string, bigint>();
  /** Budget → what people raised it by; once a run, so that it is all there ever is. */
  readonly #raised = new Map<string, bigint>();
  /** Budget → the highest limit that ever was. */
  readonly #highest = new Map<string, bigint>();
  /** Budgets that were not in force for a while: what was spent then is nowhere. */
  readonly #withdrawn = new Set<string>();
  #relimits = 0;

  /** Rises with everything that is paid, promised or answered. */
  moves = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  begin(processId: string): void {
    this.#killed.delete(processId);
  }

  kill(processId: string): void {
    this.#killed.add(processId);
  }

  /** A call is out: in the worst case it costs this much. */
  fly(
    leaseId: string,
    processId: string,
    { labels, worst }: { readonly labels: Labels; readonly worst: Amounts },
  ): void {
    let lease = this.#leases.get(leaseId);
    if (lease === undefined) {
      const nothing = { paid: NO_AMOUNTS, flight: NO_AMOUNTS, late: NO_AMOUNTS, known: NO_AMOUNTS, spans: NO_AMOUNTS };
      const accounts = this.#match(labels);
      lease = { labels, processId, accounts, ...nothing, closedAtMs: undefined };
      this.#leases.set(leaseId, lease);
    }
    this.#open.add(leaseId);
    this.moves += 1;
    lease.flight = addAmounts(lease.flight, worst);
    for (const account of lease.accounts) account.flight += measured(account.budget, worst);
  }

  /** A call is back. */
  land(leaseId: string, of: { readonly labels: Labels; readonly worst: Amounts; readonly paid: Amounts }): void {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) throw new Error(`a call of no lease came back: ${leaseId}`);
    this.moves += 1;
    lease.flight = subtractAmounts(lease.flight, of.worst);
    for (const account of lease.accounts) account.flight -= measured(account.budget, of.worst);
    lease.paid = addAmounts(lease.paid, of.paid);
    this.#pay(lease.accounts, of.paid);
  }

  /** Spend that no lease covers. */
  payForeign(labels: Labels, paid: Amounts): void {
    this.#pay(this.#match(labels), paid);
  }

  get nowMs(): number {
    return this.#options.now();
  }

  /** A message that came at `atMs` was answered: the leases in it were not silent, if they had not been given up already. */
  heard(body: unknown, { state, atMs }: { readonly state: LedgerState; readonly atMs: number }): void {
    const message = body as { readonly lease_id?: string; readonly leases?: readonly { readonly lease_id: string }[] };
    const id = message.lease_id;
    if (id !== undefined && (state.active.has(id) || !this.#heardAtMs.has(id))) this.#heardAtMs.set(id, atMs);
    for (const closing of message.leases ?? []) {
      const lease = this.#leases.get(closing.lease_id);
      if (lease !== undefined) lease.closedAtMs ??= atMs;
    }
  }

  /** The processor has spooled a batch of spans. */
  spansTaken(token: string, entries: readonly ObservedSpend[]): void {
    if (this.#taken.has(token)) return;
    this.#taken.add(token);
    for (const { leaseId, amounts } of entries) {
      const lease = this.#leases.get(leaseId);
      if (lease !== undefined) lease.spans = addAmounts(lease.spans, amounts);
    }
  }

  /** They are about to be counted; perhaps long after they were spooled, where a processor was away. */
  spansCounted(token: string, entries: readonly ObservedSpend[]): void {
    const { graceMs, now } = this.#options;
    for (const { leaseId } of entries) {
      const lease = this.#leases.get(leaseId);
      if (lease === undefined || this.#again.has(`${token} ${leaseId}`)) continue;
      const isForgotten = lease.closedAtMs !== undefined && now() - lease.closedAtMs >= graceMs / 2;
      if (!isForgotten) continue;
      this.#again.add(`${token} ${leaseId}`);
      const all = entries.filter((entry) => entry.leaseId === leaseId).map((entry) => entry.amounts);
      const sum = all.reduce(addAmounts, NO_AMOUNTS);
      for (const account of lease.accounts) account.again += measured(account.budget, sum);
    }
  }

  /** Somebody raises a budget: from now on it may spend more, whether the answer comes or not. */
  raise(budget: string, amount: bigint): void {
    this.#raised.set(budget, amount);
  }

  /**
   * Somebody changes a limit. Until that is acknowledged either one holds; from then on the new one does, for all but what was
   * set aside already. Returns what to call then, with S + R of each instance.
   */
  relimit(budget: Budget, limit: bigint): (held: ReadonlyMap<string, bigint>) => void {
    this.#relimits += 1;
    const change = this.#relimits;
    const known = this.#limits.get(budget.name) ?? budget.limit;
    const higher = limit > known ? limit : known;
    this.#limits.set(budget.name, higher);
    const highest = this.#highest.get(budget.name) ?? known;
    this.#highest.set(budget.name, limit > highest ? limit : highest);
    return (held) => {
      if (change !== this.#relimits) return;
      this.#limits.set(budget.name, limit);
      this.#held.set(budget.name, held);
    };
  }

  /** Somebody takes a budget out of the documents, perhaps for a while only. */
  withdrawn(budget: string): void {
    this.#withdrawn.add(budget);
  }

  /**
   * What S + R of a budget instance may be: its limit, and what was given up in silence, or counted again too late. Nothing is known
   * of one that was withdrawn: what was granted meanwhile counts there again when it comes back.
   */
  most({ key, budget }: Pick<Spend, "key" | "budget">): bigint | undefined {
    if (this.#withdrawn.has(budget.name)) return undefined;
    const account = this.#accounts.get(key);
    return this.#withMore(budget, this.#cap(key, budget)) + (account === undefined ? 0n : account.late + account.again);
  }

  /** The ledger has come back, perhaps with less than it had shown before: that was not durable yet. */
  restarted(): void {
    for (const id of this.#leases.keys()) this.#open.add(id);
  }

  /** Every lease that has spent or may spend, against what the ledger holds for it. */
  checkLeases(state: LedgerState): void {
    for (const id of this.#open) {
      const lease = this.#leases.get(id);
      // While no budget is in force for it, it is unlimited.
      const isUnlimited = lease?.accounts.every(({ budget }) => this.#withdrawn.has(budget.name));
      if (isUnlimited === true) this.#open.delete(id);
      if (lease === undefined || isUnlimited === true) continue;
      const committed = addAmounts(lease.paid, lease.flight);
      const held = state.active.get(id) ?? state.expired.get(id);
      if (held !== undefined) {
        if (!fitsWithin(committed, held.granted))
          throw new Error(`I1: lease ${id} spends ${show(committed)} of ${show(held.granted)}`);
        lease.known = held.settled;
        continue;
      }
      const known = state.closed.get(id)?.settled ?? lease.known;
      lease.known = known;
      const gap = maxAmounts(NO_AMOUNTS, subtractAmounts(committed, known));
      if (isNothing(gap) && isNothing(lease.flight)) this.#open.delete(id);
      else if (!isNothing(gap)) this.#excuse(id, lease, gap);
    }
  }

  /** Hard budgets without an end: paid, and whatever the calls that are out may still cost. */
  checkNow(): void {
    for (const [key, { budget, total, flight, late }] of this.#accounts) {
      if (budget.mode !== "hard" || !isEndless(budget) || this.#withdrawn.has(budget.name)) continue;
      const most = this.#withMore(budget, this.#cap(key, budget));
      if (total + flight > most + late) {
        throw new Error(`overspent: ${key} may pay ${total + flight} of ${most}, ${late} of it excused`);
      }
    }
  }

  /** Every window of every hard budget, over the whole run. Only where the ledger's clock was the true one. */
  checkWindows(): void {
    for (const [key, { budget, payments, late }] of this.#accounts) {
      if (budget.mode !== "hard" || this.#withdrawn.has(budget.name)) continue;
      const { window } = budget;
      const highest = exceptionOf(key, budget) ?? this.#highest.get(budget.name) ?? budget.limit;
      const worst =
        window.kind === "rolling" ? worstRolling(payments, window.durationMs) : worstFixed(budget, payments);
      // A window that a lowered limit found above it may hold what it held.
      const cap = this.#cap(key, budget);
      const most = this.#withMore(budget, cap > highest ? cap : highest);
      if (worst > most + late) throw new Error(`overspent: ${key} paid ${worst} of ${most} in one window`);
      if (budget.carryOverPercent === undefined) continue;
      const all = sumOf(payments);
      const windows = windowsOf(budget, payments);
      // What is carried is saved before: over all windows it comes to their limits, and what was saved before the first.
      const whole = this.#withMore(budget, highest) + highest * BigInt(windows > 0 ? windows - 1 : 0);
      if (all > whole + late) throw new Error(`overspent: ${key} paid ${all} of ${whole} in ${windows} windows`);
    }
  }

  /** When everything is said: S of budgets without an end is what was paid, but for what killed processes never said. */
  checkSettled(settled: ReadonlyMap<string, bigint>): void {
    for (const lease of this.#leases.values()) {
      if (!this.#killed.has(lease.processId)) continue;
      const unsaid = maxAmounts(NO_AMOUNTS, subtractAmounts(lease.paid, lease.spans));
      for (const account of lease.accounts) account.unsaid += measured(account.budget, unsaid);
    }
    for (const [key, { budget, total, unsaid, again }] of this.#accounts) {
      if (!isEndless(budget) || this.#withdrawn.has(budget.name)) continue;
      // What finds no place of its own counts in one of all.
      const found = (settled.get(key) ?? 0n) + (budget.eachMax === undefined ? 0n : beyond(settled, budget));
      const isTooMuch = budget.eachMax === undefined && found > total + again;
      if (found < total - unsaid || isTooMuch) {
        throw new Error(`S of ${key} is ${found}, paid were ${total}, unsaid ${unsaid}, said too late ${again}`);
      }
    }
  }

  /** The lease is given up: legitimate only after a silence of TTL + grace. */
  #excuse(id: string, lease: LeaseAccount, gap: Amounts): void {
    const { now, ttlMs, graceMs, hurriedMs } = this.#options;
    const silentMs = now() - (this.#heardAtMs.get(id) ?? 0);
    if (silentMs < ttlMs + graceMs - ROUNDING_MS - hurriedMs()) {
      throw new Error(`I4: ${show(gap)} of lease ${id} came free ${silentMs} ms after its last message`);
    }
    const more = maxAmounts(NO_AMOUNTS, subtractAmounts(gap, lease.late));
    lease.late = addAmounts(lease.late, more);
    for (const account of lease.accounts) account.late += measured(account.budget, more);
  }

  #pay(accounts: readonly Account[], paid: Amounts): void {
    const atMs = this.#options.now();
    for (const account of accounts) {
      const amount = measured(account.budget, paid);
      account.payments.push({ atMs, amount });
      account.total += amount;
    }
  }

  #match(labels: Labels): readonly Account[] {
    let accounts = this.#accountsOf.get(labels);
    if (accounts === undefined) {
      accounts = this.#options.budgets
        // Runs are no amount: they are counted where the leases are.
        .filter((budget) => budget.measure !== "concurrent_runs" && isInScope(budget, labels))
        .flatMap((budget) => keysOf(budget, labels).map((key) => this.#account(key, budget)));
      this.#accountsOf.set(labels, accounts);
    }
    return accounts;
  }

  /** A limit with what is carried over at the most, and what people raised it by. */
  #withMore({ name, carryOverPercent }: Budget, limit: bigint): bigint {
    return (carryOverPercent === undefined ? limit : limit * 2n) + (this.#raised.get(name) ?? 0n);
  }

  /** The highest limit that may be in force, or what was set aside already when that was lowered. */
  #cap(key: string, budget: Budget): bigint {
    const { name, limit } = budget;
    const highest = exceptionOf(key, budget) ?? this.#limits.get(name) ?? limit;
    const held = this.#held.get(name)?.get(key) ?? 0n;
    return held > highest ? held : highest;
  }

  #account(key: string, budget: Budget): Account {
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = { budget, payments: [], total: 0n, flight: 0n, late: 0n, unsaid: 0n, again: 0n };
      this.#accounts.set(key, account);
    }
    return account;
  }
}

/** S of the instance of the values beyond the most that a budget has. */
const beyond = (settled: ReadonlyMap<string, bigint>, { name }: Budget): bigint =>
  settled.get(JSON.stringify([name, "\u0000", null])) ?? 0n;

function isEndless({ window }: Budget): boolean {
  return window.kind === "lifetime" || window.kind === "run";
}

/** The limit of this value of `each` alone. */
function exceptionOf(key: string, { exceptions }: Budget): bigint | undefined {
  const [, each] = JSON.parse(key) as readonly [string, string | null];
  return each === null ? undefined : exceptions?.[each];
}

/** By names of its own, not by those of the rules. */
function measured({ measure }: Budget, { nanoUsd, tokens, calls, kinds }: Amounts): bigint {
  const byMeasure: Partial<Record<Budget["measure"], bigint>> = {
    usd: nanoUsd,
    tokens,
    calls,
    output_tokens: kinds === undefined ? tokens : kinds.outputTokens,
    cached_tokens: kinds === undefined ? tokens : kinds.cachedTokens,
    unpriced_calls: kinds === undefined ? 0n : kinds.unpricedCalls,
  };
  const amount = byMeasure[measure];
  if (amount === undefined) throw new Error(`${measure} is not simulated`);
  return amount;
}

function show({ nanoUsd, tokens, calls }: Amounts): string {
  return `${nanoUsd}/${tokens}/${calls}`;
}
