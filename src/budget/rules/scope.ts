/**
 * Which budgets a call falls under, by its labels. Labels and patterns are compared after Unicode folding, and so are the
 * values that `each`, `session` and `workflow` split by: another spelling of a name is not another budget.
 *
 * A label that a scope names must be there; a call without the label that `each` or a session window splits by counts
 * into the budget of the empty value, so that leaving a label out is no way around a limit.
 *
 * A call counts into the budgets of every agent on whose behalf it is made: `agent` in a scope matches the agent or any of
 * its ancestors, and `each: agent` has an instance for each of them.
 */
import { ANCESTORS_LABEL, compileGlob, foldCase, valuesOf } from "@tollgate/instrumentation/policy";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";
import { finishesRuns } from "./runs.ts";

/** One budget instance that a set of labels falls under. */
export interface BudgetMatch {
  /** Name, value of `each`, value of session or workflow: what S is kept by. */
  readonly key: string;
  readonly name: string;
  readonly budget: Budget;
  /** Folded value of `each`. */
  readonly each: string | undefined;
  /** Folded value of the session or workflow. */
  readonly run: string | undefined;
}

/**
 * Sets of labels that are remembered with what they match; foreign spans bring the same few over and over, and those of one block are
 * asked for twice: more than are in a block, or with labels of their own each is matched again.
 */
const MEMO_MAX = 8_192;
/** What makes a glob match more than its own text. */
const GLOB_CHARACTERS = /[*?[\]{}\\]/;

interface CompiledBudget {
  readonly budget: Budget;
  /** Position among the documents: what matches is told in their order. */
  readonly at: number;
  readonly scope: readonly { readonly label: string; readonly matches: (text: string) => boolean }[];
}

export class BudgetIndex {
  /** Every label that any budget looks at, sorted. */
  readonly labelKeys: readonly string[];
  /** Label → folded value → the budgets whose scope names just that value: of ten thousand teams a call is in one. */
  readonly #exact = new Map<string, Map<string, CompiledBudget[]>>();
  /** The budgets that every call is tried against. */
  readonly #open: CompiledBudget[] = [];
  readonly #memo = new Map<string, readonly BudgetMatch[]>();
  /** Of the last labels: one message of a lease asks more than once. */
  #last: { readonly labels: Labels; readonly found: readonly BudgetMatch[] } | undefined;

  constructor(budgets: readonly Budget[]) {
    for (const budget of budgets.map(compile)) this.#file(budget);
    const keys = budgets.flatMap((budget) => [...Object.keys(budget.scope), ...splitLabels(budget)]);
    if (budgets.some((budget) => budget.measure === "concurrent_runs" || finishesRuns(budget))) keys.push("session");
    if (keys.includes("agent")) keys.push(ANCESTORS_LABEL);
    this.labelKeys = [...new Set(keys)].sort();
  }

  match(labels: Labels): readonly BudgetMatch[] {
    if (this.#last?.labels === labels) return this.#last.found;
    const key = projectionKey(labels, this.labelKeys);
    let found = this.#memo.get(key);
    if (found === undefined) {
      found = this.#candidates(labels)
        .filter((budget) => isInScope(budget, labels))
        .flatMap((budget) => instances(budget, labels));
      if (this.#memo.size >= MEMO_MAX) this.#memo.clear();
      this.#memo.set(key, found);
    }
    this.#last = { labels, found };
    return found;
  }

  #file(budget: CompiledBudget): void {
    const exact = Object.entries(budget.budget.scope).find(([, glob]) => !GLOB_CHARACTERS.test(glob));
    if (exact === undefined) {
      this.#open.push(budget);
      return;
    }
    const [label, value] = exact;
    const byValue = this.#exact.get(label) ?? new Map<string, CompiledBudget[]>();
    this.#exact.set(label, byValue);
    const folded = foldCase(value);
    const known = byValue.get(folded);
    if (known === undefined) byValue.set(folded, [budget]);
    else known.push(budget);
  }

  #candidates(labels: Labels): CompiledBudget[] {
    const found = [...this.#open];
    for (const [label, byValue] of this.#exact) {
      const values = new Set(valuesOf(labels, label).map(foldCase));
      for (const value of values) found.push(...(byValue.get(value) ?? []));
    }
    return found.sort((one, other) => one.at - other.at);
  }
}

/** Stands for every value of `each` beyond `eachMax`. A label's value has no such character after folding. */
const OVERFLOW = "\u0000";

/** The one instance that calls with values beyond `eachMax` fall under: they are refused, what they spent all the same counts. */
export function overflowOf(match: BudgetMatch): BudgetMatch {
  return { ...match, each: OVERFLOW, key: spendKey(match.name, OVERFLOW, match.run) };
}

export function isOverflow({ match }: { readonly match: Pick<BudgetMatch, "each"> }): boolean {
  return match.each === OVERFLOW;
}

/** What S is kept by. */
export function spendKey(name: string, each: string | undefined, run: string | undefined): string {
  return JSON.stringify([name, each ?? null, run ?? null]);
}

function compile(budget: Budget, at: number): CompiledBudget {
  const scope = Object.entries(budget.scope).map(([label, glob]) => ({ label, matches: matcherOf(glob) }));
  return { budget, at, scope };
}

/** What is no pattern is compared: ten thousand teams need no ten thousand machines. */
function matcherOf(glob: string): (text: string) => boolean {
  if (GLOB_CHARACTERS.test(glob)) return compileGlob(glob);
  const folded = foldCase(glob);
  return (text) => foldCase(text) === folded;
}

function splitLabels(budget: Budget): string[] {
  const labels = budget.each === undefined ? [] : [budget.each];
  return budget.window.kind === "run" ? [...labels, budget.window.label] : labels;
}

function isInScope(budget: CompiledBudget, labels: Labels): boolean {
  return budget.scope.every(({ label, matches }) => valuesOf(labels, label).some((value) => matches(value)));
}

function instances({ budget, scope }: CompiledBudget, labels: Labels): readonly BudgetMatch[] {
  const { name, each: label } = budget;
  const run = budget.window.kind === "run" ? foldCase(valueOf(labels, budget.window.label) ?? "") : undefined;
  const match = (each: string | undefined): BudgetMatch => ({
    key: spendKey(name, each, run),
    name,
    budget,
    each,
    run,
  });
  if (label === undefined) return [match(undefined)];
  const term = scope.find((candidate) => candidate.label === label);
  const values = valuesOf(labels, label).filter((value) => term === undefined || term.matches(value));
  return [...new Set(values.length === 0 ? [""] : values.map(foldCase))].map(match);
}

/** Tells apart what labels have under these keys: each value with its length before it, "-" for one that is not there. */
export function projectionKey(labels: Labels, keys: readonly string[]): string {
  let text = "";
  for (const key of keys) {
    const value = valueOf(labels, key);
    text += value === undefined ? "-" : `${value.length}:${value}`;
  }
  return text;
}

/** Whether the keys of two sets are the same. */
export function isSameProjection(one: Labels, other: Labels, keys: readonly string[]): boolean {
  for (const key of keys) if (valueOf(one, key) !== valueOf(other, key)) return false;
  return true;
}

function valueOf(labels: Labels, label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined;
}
