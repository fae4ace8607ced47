/**
 * Which budgets a call falls under, by its labels. Labels and patterns are compared after Unicode folding, and so are the
 * values that `each`, `session` and `workflow` split by: another spelling of a name is not another budget.
 *
 * A label that a scope names must be there; a call without the label that `each` or a session window splits by counts
 * into the budget of the empty value, so that leaving a label out is no way around a limit.
 */
import { compileGlob, foldCase } from "@tollgate/instrumentation/policy";
import type { Budget } from "../budget.ts";
import type { Labels } from "../ledger.ts";

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

/** Sets of labels that are remembered with what they match; foreign spans bring the same few over and over. */
const MEMO_MAX = 10_000;

interface CompiledBudget {
  readonly budget: Budget;
  readonly scope: readonly { readonly label: string; readonly matches: (text: string) => boolean }[];
}

export class BudgetIndex {
  /** Every label that any budget looks at, sorted. */
  readonly labelKeys: readonly string[];
  readonly #budgets: readonly CompiledBudget[];
  readonly #memo = new Map<string, readonly BudgetMatch[]>();

  constructor(budgets: readonly Budget[]) {
    this.#budgets = budgets.map(compile);
    const keys = budgets.flatMap((budget) => [...Object.keys(budget.scope), ...splitLabels(budget)]);
    this.labelKeys = [...new Set(keys)].sort();
  }

  match(labels: Labels): readonly BudgetMatch[] {
    const key = JSON.stringify(this.labelKeys.map((label) => valueOf(labels, label)));
    let found = this.#memo.get(key);
    if (found === undefined) {
      found = this.#budgets.filter((budget) => isInScope(budget, labels)).map(({ budget }) => instance(budget, labels));
      if (this.#memo.size >= MEMO_MAX) this.#memo.clear();
      this.#memo.set(key, found);
    }
    return found;
  }
}

/** What S is kept by. */
export function spendKey(name: string, each: string | undefined, run: string | undefined): string {
  return JSON.stringify([name, each ?? null, run ?? null]);
}

function compile(budget: Budget): CompiledBudget {
  const scope = Object.entries(budget.scope).map(([label, glob]) => ({ label, matches: compileGlob(glob) }));
  return { budget, scope };
}

function splitLabels(budget: Budget): string[] {
  const labels = budget.each === undefined ? [] : [budget.each];
  return budget.window.kind === "run" ? [...labels, budget.window.label] : labels;
}

function isInScope(budget: CompiledBudget, labels: Labels): boolean {
  return budget.scope.every(({ label, matches }) => {
    const value = valueOf(labels, label);
    return value !== undefined && matches(value);
  });
}

function instance(budget: Budget, labels: Labels): BudgetMatch {
  const each = budget.each === undefined ? undefined : foldCase(valueOf(labels, budget.each) ?? "");
  const run = budget.window.kind === "run" ? foldCase(valueOf(labels, budget.window.label) ?? "") : undefined;
  return { key: spendKey(budget.name, each, run), name: budget.name, budget, each, run };
}

function valueOf(labels: Labels, label: string): string | undefined {
  return Object.hasOwn(labels, label) ? labels[label] : undefined;
}
