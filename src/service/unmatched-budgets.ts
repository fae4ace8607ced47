/** Budgets that nothing falls under yet, as far as is known: a scope that no agent matches is mostly a slip of the pen. */
import { compileGlob } from "@tollgate/instrumentation/policy";
import type { Budget } from "../budget/budget.ts";
import type { BudgetState, Labels } from "../budget/ledger.ts";

/** A process always says them, or its agent's document does; every other label may come with a call. */
const OF_AGENTS: ReadonlySet<string> = new Set(["agent", "owner", "team", "role"]);
/** Known of a call only: that nobody has sent them says nothing. */
const OF_CALLS: ReadonlySet<string> = new Set(["model", "provider", "tool", "session", "workflow", "user"]);
const KNOWN_MAX = 1_000;
const SAID_MAX = 20;

export interface UnmatchedSources {
  readonly budgets: readonly Budget[];
  readonly states: Iterable<BudgetState>;
  /** Labels of agents: of their documents, and of the processes that said hello. */
  readonly known: Iterable<Labels>;
}

/** One sentence each; none while nobody is known. */
export function unmatchedBudgets({ budgets, states, known }: UnmatchedSources): readonly string[] {
  const sets = distinct(known);
  if (sets.length === 0) return [];
  const used = new Set<string>();
  for (const { name, settled, reserved } of states) if (settled + reserved > 0n) used.add(name);
  const said: string[] = [];
  for (const budget of budgets) {
    const why = used.has(budget.name) ? undefined : whyUnmatched(budget, sets);
    if (why !== undefined) said.push(`budget \`${budget.name}\`: ${why}`);
    if (said.length >= SAID_MAX) break;
  }
  return said;
}

function whyUnmatched({ scope }: Budget, sets: readonly Labels[]): string | undefined {
  const terms = Object.entries(scope).filter(([label]) => !OF_CALLS.has(label));
  const unsent = terms.find(([label]) => !OF_AGENTS.has(label) && sets.every((labels) => labels[label] === undefined));
  if (unsent !== undefined) return `no agent has sent the label \`${unsent[0]}\` yet`;
  const matchers = terms.map(([label, glob]) => ({ label, matches: compileGlob(glob) }));
  const isMatched = sets.some((labels) =>
    matchers.every(({ label, matches }) => {
      const value = labels[label];
      return value === undefined ? !OF_AGENTS.has(label) : matches(value);
    }),
  );
  return isMatched ? undefined : "no agent that is known matches its scope";
}

function distinct(known: Iterable<Labels>): readonly Labels[] {
  const sets = new Map<string, Labels>();
  for (const labels of known) {
    sets.set(JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))), labels);
    if (sets.size >= KNOWN_MAX) break;
  }
  return [...sets.values()];
}
