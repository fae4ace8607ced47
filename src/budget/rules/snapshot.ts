/**
 * The state as lines, and back: what a snapshot holds. Derived things (R, which budgets a lease falls under) are not in it;
 * they are built anew. The last line counts the others, so that half a snapshot is no snapshot.
 */
import { NO_AMOUNTS } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import { rejoinSpends } from "./apply.ts";
import { readAmounts, readBudget, readRaise, writeAmounts, writeBudget, writeRaise, type Written } from "./events.ts";
import type { Raise } from "./limit.ts";
import type { BudgetPast } from "./past.ts";
import { BudgetIndex } from "./scope.ts";
import { newSpend, noteFired, type Spend, type SpendBounds } from "./spend.ts";
import { LedgerState, newLease, type ClosedLease, type Lease, UNKNOWN_PROCESS } from "./state.ts";

interface SpendLine extends Pick<Spend, "match" | "isInForce" | "touchedMs">, SpendBounds {
  readonly line: "spend";
  /** Absent: it is the head's of that name. */
  readonly budget?: Written<Budget>;
  readonly settled: string;
  readonly buckets: readonly (readonly [number, string])[] | undefined;
  /** Absent in snapshots of before there was such a thing. */
  readonly fired?: readonly number[];
  /** Absent where there is none, as is what follows. */
  readonly observed?: string;
  readonly observedBuckets?: readonly (readonly [number, string])[];
  readonly carried?: string;
  readonly withheld?: readonly [string, number];
}

type WrittenPast =
  | Exclude<BudgetPast, { state: "awaited" }>
  | (Omit<Extract<BudgetPast, { state: "awaited" }>, "carried"> & {
      readonly carried: readonly (readonly [string, string])[];
    });

interface LeaseLine extends Pick<Lease, "id" | "processId" | "labels" | "seq" | "deadlineMs"> {
  readonly line: "lease";
  readonly isExpired: boolean;
  readonly granted: string;
  readonly settled: string;
  readonly observed: string;
}

interface ClosedLine extends Pick<ClosedLease, "labels" | "forgetAtMs"> {
  readonly line: "closed";
  readonly id: string;
  readonly settled: string;
  /** Both are absent in snapshots of before they were kept. */
  readonly observed?: string;
  readonly processId?: string;
}

interface HeadLine {
  readonly line: "head";
  readonly at: number;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly budgets: readonly Written<Budget>[];
  /** Absent in snapshots of before there was such a thing. */
  readonly past?: readonly (readonly [string, WrittenPast])[];
}

type SnapshotLine =
  | HeadLine
  | SpendLine
  | LeaseLine
  | ClosedLine
  | { readonly line: "raise"; readonly raise: Written<Raise> }
  | { readonly line: "token"; readonly token: string }
  | { readonly line: "end"; readonly lines: number };

export interface SnapshotOptions {
  /** Each document once, not with every instance of it: of a hundred thousand it is most of the text. Readers before 2026-11-23 can't read it. */
  readonly isCompact: boolean;
}

/** The state, line by line, as it is now. Text at once: of very many instances a second form of each would be as much memory again. */
export function snapshotLines(state: LedgerState, { isCompact }: SnapshotOptions = { isCompact: false }): string[] {
  const { atMs: at, ttlMs, graceMs } = state;
  const past = [...state.past].map(([name, of]) => [name, writePast(of)] as const);
  const lines: string[] = [];
  const add = (line: SnapshotLine): void => void lines.push(JSON.stringify(line));
  add({ line: "head", at, ttlMs, graceMs, budgets: state.budgets.map(writeBudget), past });
  for (const raise of state.raises.values()) add({ line: "raise", raise: writeRaise(raise) });
  const ofHead: ReadonlySet<Budget> = new Set(isCompact ? state.budgets : []);
  for (const spend of state.spends.values()) {
    const isOfHead = ofHead.has(spend.budget) && spend.budget.name === spend.match.name;
    add({ ...spendLine(spend), ...(isOfHead ? {} : { budget: writeBudget(spend.budget) }) });
  }
  for (const lease of state.active.values()) add(leaseLine(lease, false));
  for (const lease of state.expired.values()) add(leaseLine(lease, true));
  for (const [id, closed] of state.closed) {
    const { labels, processId, forgetAtMs } = closed;
    const settled = writeAmounts(closed.settled);
    add({ line: "closed", id, labels, processId, settled, observed: writeAmounts(closed.observed), forgetAtMs });
  }
  for (const token of state.tokens) add({ line: "token", token });
  add({ line: "end", lines: lines.length });
  return lines;
}

/** Throws `RangeError` when lines are missing. */
export function readSnapshot(lines: readonly string[]): LedgerState {
  const state = new LedgerState();
  const [head, end] = [lines.at(0), lines.at(-1)].map((line) => JSON.parse(line ?? "{}") as Partial<SnapshotLine>);
  if (head?.line !== "head" || end?.line !== "end" || end.lines !== lines.length - 1) {
    throw new RangeError("the snapshot is not whole");
  }
  for (const line of lines) restoreLine(state, JSON.parse(line) as SnapshotLine);
  rejoinSpends(state);
  return state;
}

function spendLine(spend: Spend): SpendLine {
  const { match, isInForce, settled, touchedMs, buckets, fired } = spend;
  const { startMs, endMs } = spend.bounds;
  return {
    line: "spend",
    match,
    isInForce,
    startMs,
    endMs,
    settled: settled.toString(),
    touchedMs,
    buckets: buckets && bucketTexts(buckets),
    ...(spend.observed === 0n ? {} : { observed: spend.observed.toString() }),
    ...(spend.observedBuckets === undefined ? {} : { observedBuckets: bucketTexts(spend.observedBuckets) }),
    ...(spend.carried === 0n ? {} : { carried: spend.carried.toString() }),
    ...(spend.withheld === 0n ? {} : { withheld: [spend.withheld.toString(), spend.withheldUntilMs] as const }),
    ...(fired.size === 0 ? {} : { fired: [...fired] }),
  };
}

function writePast(past: BudgetPast): WrittenPast {
  if (past.state !== "awaited") return past;
  return { ...past, carried: past.carried.map(([key, amount]) => [key, amount.toString()]) };
}

function readPast(past: WrittenPast): BudgetPast {
  if (past.state !== "awaited") return past;
  return { ...past, carried: past.carried.map(([key, amount]) => [key, BigInt(amount)]) };
}

function bucketTexts(buckets: ReadonlyMap<number, bigint>): [number, string][] {
  return [...buckets].map(([number, amount]) => [number, amount.toString()]);
}

function bucketsOf(texts: readonly (readonly [number, string])[]): Map<number, bigint> {
  return new Map(texts.map(([number, amount]) => [number, BigInt(amount)]));
}

function leaseLine({ id, processId, labels, seq, deadlineMs, ...lease }: Lease, isExpired: boolean): LeaseLine {
  const granted = writeAmounts(lease.granted);
  const settled = writeAmounts(lease.settled);
  const observed = writeAmounts(lease.observed);
  return { line: "lease", isExpired, id, processId, labels, seq, deadlineMs, granted, settled, observed };
}

function restoreLine(state: LedgerState, line: SnapshotLine): void {
  switch (line.line) {
    case "head":
      state.atMs = line.at;
      state.ttlMs = line.ttlMs;
      state.graceMs = line.graceMs;
      state.budgets = line.budgets.map(readBudget);
      state.index = new BudgetIndex(state.budgets);
      for (const { name } of state.budgets)
        state.past.set(name, { state: "unknown", sinceMs: line.at, closedUntilMs: 0 });
      for (const [name, past] of line.past ?? []) state.past.set(name, readPast(past));
      return;
    case "raise":
      state.raises.set(line.raise.id, readRaise(line.raise));
      return;
    case "spend":
      return restoreSpend(state, line);
    case "lease":
      return restoreLease(state, line);
    case "closed": {
      const { id, labels, processId = UNKNOWN_PROCESS, settled, observed, forgetAtMs } = line;
      const seen = observed === undefined ? NO_AMOUNTS : readAmounts(observed);
      state.closed.set(id, { labels, processId, settled: readAmounts(settled), observed: seen, forgetAtMs });
      return;
    }
    case "token":
      state.tokens.add(line.token);
      return;
    case "end":
      return;
  }
}

function restoreSpend(state: LedgerState, line: SpendLine): void {
  const budget = line.budget === undefined ? state.documentOf(line.match.name) : readBudget(line.budget);
  if (budget === undefined) throw new RangeError(`the snapshot has no document of budget \`${line.match.name}\``);
  const spend = newSpend({ ...line.match, budget }, line.touchedMs);
  spend.isInForce = line.isInForce;
  const { startMs, endMs } = line;
  // Nearly all were touched last in the window that they are in, and share its bounds.
  if (startMs !== spend.bounds.startMs || endMs !== spend.bounds.endMs) spend.bounds = { startMs, endMs };
  spend.settled = BigInt(line.settled);
  spend.buckets = line.buckets && bucketsOf(line.buckets);
  spend.observed = BigInt(line.observed ?? "0");
  spend.observedBuckets = line.observedBuckets && bucketsOf(line.observedBuckets);
  spend.carried = BigInt(line.carried ?? "0");
  if (line.withheld !== undefined) {
    spend.withheld = BigInt(line.withheld[0]);
    spend.withheldUntilMs = line.withheld[1];
  }
  for (const atPercent of line.fired ?? []) noteFired(spend, atPercent);
  state.addSpend(spend);
}

function restoreLease(state: LedgerState, line: LeaseLine): void {
  const lease = newLease(line.id, line.processId, line.labels);
  lease.seq = line.seq;
  lease.granted = readAmounts(line.granted);
  lease.settled = readAmounts(line.settled);
  lease.observed = readAmounts(line.observed);
  lease.deadlineMs = line.deadlineMs;
  (line.isExpired ? state.expired : state.active).set(lease.id, lease);
}
