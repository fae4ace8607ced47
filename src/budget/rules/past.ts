/**
 * Budgets whose past the ledger does not know: they wait for it (hard ones grant nothing), at most for a grace. Counting it
 * is one event, so a replay counts it once; a budget whose past is known takes no second one.
 */
import { addAmounts, amountIn, isKindMeasure, isUnpricedMeasure } from "../amounts.ts";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";
import type { LedgerPast, PastKnowledge, PastSpend, PastWanted } from "../past.ts";
import type { LedgerEvent } from "./events.ts";
import { countPast, countsSinceMs, noteChange, type PastAmount, settledAt, type Spend } from "./spend.ts";
import type { Instance, LedgerState } from "./state.ts";

type EventOf<Kind extends LedgerEvent["event"]> = Extract<LedgerEvent, { event: Kind }>;

/** What the ledger knows of the time before a budget. */
export type BudgetPast =
  | {
      readonly state: "awaited";
      readonly isFresh: boolean;
      readonly sinceMs: number;
      /** Nothing is granted before. */
      readonly closedUntilMs: number;
      /** What its instances had counted when the wait began: it is of that past. */
      readonly carried: readonly (readonly [string, bigint])[];
    }
  | {
      readonly state: "joined" | "unknown";
      /** Windows that began later are counted from their start. */
      readonly sinceMs: number;
      readonly closedUntilMs: number;
    };

/** For one instance, whose window began at `windowStartMs`. */
export function pastKnowledge(past: BudgetPast | undefined, windowStartMs: number): PastKnowledge {
  if (past === undefined) return "unknown";
  if (past.state === "awaited") return "awaited";
  return past.sinceMs <= windowStartMs ? "counted" : past.state;
}

/**
 * To be asked before documents are put in force: which of them bring a past that is not known. ClickHouse's past tells no
 * kinds: after a loss all tokens are taken for each kind, which is never too little; a new budget counts from its coming on.
 */
export function unknownPasts(state: LedgerState, budgets: readonly Budget[]): readonly string[] {
  const measures = new Map(state.budgets.map(({ name, measure }) => [name, measure]));
  return budgets
    .filter(({ name, renamedFrom, measure }) => {
      if (
        measure === "concurrent_runs" ||
        (isKindMeasure(measure) && !isUnpricedMeasure(measure) && state.budgets.length > 0)
      )
        return false;
      const known = state.past.has(name) ? name : renamedFrom;
      return known === undefined || !state.past.has(known) || measures.get(known) !== measure;
    })
    .map(({ name }) => name);
}

/** Keeps what is known by name in step with the documents. */
export function carryPasts(state: LedgerState, budgets: readonly Budget[], nowMs: number): void {
  const before = new Map(state.past);
  state.past.clear();
  for (const { name, renamedFrom } of budgets) {
    const known = before.get(name) ?? (renamedFrom === undefined ? undefined : before.get(renamedFrom));
    state.past.set(name, known ?? { state: "unknown", sinceMs: nowMs, closedUntilMs: 0 });
  }
}

export function applyAwaiting(state: LedgerState, event: EventOf<"awaiting">): void {
  for (const name of event.budgets) {
    const spends = [...state.spends.values()].filter((spend) => spend.match.name === name);
    const carried = spends.map((spend) => [spend.key, settledAt(spend, event.at)] as const);
    state.past.set(name, {
      state: "awaited",
      isFresh: event.isFresh,
      sinceMs: event.at,
      closedUntilMs: event.untilMs,
      carried: carried.filter(([, settled]) => settled > 0n),
    });
    for (const spend of spends) spend.closedUntilMs = event.untilMs;
  }
}

/** What is asked for now. */
export function pastWanted(state: LedgerState, nowMs: number): PastWanted | undefined {
  const wanted: { budget: Budget; sinceMs: number }[] = [];
  let isFresh = false;
  let untilMs = 0;
  for (const budget of state.budgets) {
    const past = state.past.get(budget.name);
    if (past?.state !== "awaited") continue;
    isFresh ||= past.isFresh;
    untilMs = Math.max(untilMs, past.sinceMs);
    wanted.push({ budget, sinceMs: countsSinceMs(budget, nowMs) });
  }
  return wanted.length === 0 ? undefined : { isFresh, untilMs, budgets: wanted };
}

/** `undefined`: nothing of it is wanted any more. */
export function decideSeed(state: LedgerState, past: LedgerPast, nowMs: number): EventOf<"seeded"> | undefined {
  const groups = past.groups.map(({ budgets, spends }) => ({
    budgets: budgets.filter((name) => state.past.get(name)?.state === "awaited"),
    spends,
  }));
  const wanted = new Set(groups.flatMap(({ budgets }) => budgets));
  if (wanted.size === 0) return undefined;
  const documents = new Map(state.budgets.map((budget) => [budget.name, budget]));
  const withheld = past.withheld.flatMap(({ budget: name, scope, amount }) => {
    const budget = documents.get(name);
    return budget === undefined || !wanted.has(name) || amount <= 0n ? [] : [{ ...instanceOf(budget, scope), amount }];
  });
  return {
    event: "seeded",
    at: nowMs,
    groups: groups.filter(({ budgets }) => budgets.length > 0),
    leases: past.isLoss ? past.leases : [],
    withheld,
    withheldUntilMs: nowMs + state.graceMs,
    closedUntilMs: past.isLoss ? nowMs + state.ttlMs : 0,
  };
}

/** Counts what was spent before. Leases are brought in by the caller, which knows how. */
export function applySpends(state: LedgerState, event: EventOf<"seeded">): void {
  for (const { budgets, spends } of event.groups) {
    const names = new Set(budgets);
    const carried = markJoined(state, names, event);
    for (const [spend, items] of amountsBySpend(state, { names, spends, atMs: event.at })) {
      countPast(spend, { items, carried: carried.get(spend.key) ?? 0n, nowMs: event.at });
    }
    for (const spend of state.spends.values()) {
      if (names.has(spend.match.name)) spend.closedUntilMs = event.closedUntilMs;
    }
  }
  for (const { amount, ...instance } of event.withheld) {
    const spend = state.spendOfInstance(instance, event.at);
    if (spend === undefined) continue;
    spend.withheld = amount;
    spend.withheldUntilMs = event.withheldUntilMs;
    noteChange(spend);
  }
}

/** What their instances had counted when the wait began. */
function markJoined(
  state: LedgerState,
  names: ReadonlySet<string>,
  event: EventOf<"seeded">,
): ReadonlyMap<string, bigint> {
  const carried = new Map<string, bigint>();
  for (const name of names) {
    const past = state.past.get(name);
    if (past?.state === "awaited") for (const [key, amount] of past.carried) carried.set(key, amount);
    const sinceMs = past?.state === "awaited" && past.isFresh ? 0 : event.at;
    state.past.set(name, { state: "joined", sinceMs, closedUntilMs: event.closedUntilMs });
  }
  return carried;
}

function amountsBySpend(
  state: LedgerState,
  of: { readonly names: ReadonlySet<string>; readonly spends: readonly PastSpend[]; readonly atMs: number },
): ReadonlyMap<Spend, readonly PastAmount[]> {
  const amounts = new Map<Spend, PastAmount[]>();
  for (const { labels, atMs, gated, observed } of of.spends) {
    const settled = addAmounts(gated, observed);
    for (const spend of state.spendsOf(labels, of.atMs)) {
      if (!of.names.has(spend.match.name)) continue;
      const { measure } = spend.budget;
      const item = { atMs, settled: amountIn(measure, settled), observed: amountIn(measure, observed) };
      const known = amounts.get(spend);
      if (known === undefined) amounts.set(spend, [item]);
      else known.push(item);
    }
  }
  return amounts;
}

function instanceOf({ name, each, window }: Budget, scope: Labels): Instance {
  return {
    name,
    each: each === undefined ? null : (scope[each] ?? ""),
    run: window.kind === "run" ? (scope[window.label] ?? "") : null,
  };
}
