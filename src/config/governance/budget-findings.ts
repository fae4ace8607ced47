/**
 * What budgets that can be read will not do where they stand: a budget that matches nothing, or a threshold that can stop
 * nobody, is said when it is loaded and not found out when the money is gone. Judged by the documents alone.
 */
import type { Budget } from "../../budget/budget.ts";
import type { Threshold } from "../../budget/ledger.ts";

/** Known of a call only, never of the agent that makes it: selectors of kills and pauses cannot name them. */
const CALL_LABELS: ReadonlySet<string> = new Set(["model", "provider", "tool"]);
/** Acts on agents, by a selector made of the scope. */
const ON_AGENTS: ReadonlySet<Threshold["do"]> = new Set(["kill", "pause", "require_approval"]);
/** Held where money is granted, which only hard budgets refuse. */
const ON_GRANTS: ReadonlySet<Threshold["do"]> = new Set(["stop", "stop_gracefully"]);

/** One sentence for each finding. */
export function budgetFindings(budgets: readonly Budget[]): readonly string[] {
  return [...budgets.flatMap(findingsOf), ...doubles(budgets)];
}

function findingsOf(budget: Budget): readonly string[] {
  const { name, scope, each, measure, mode, thresholds } = budget;
  const labels = [...Object.keys(scope), ...(each === undefined ? [] : [each])];
  const found: string[] = [];
  if (measure !== "tool_calls" && Object.hasOwn(scope, "tool")) {
    found.push("its scope names `tool`, which only tool calls have, so it matches nothing: count `tool calls`");
  }
  const ofCalls = labels.filter((label) => label === "model" || label === "provider");
  if (measure === "tool_calls" && ofCalls.some((label) => Object.hasOwn(scope, label))) {
    found.push(`its scope names \`${ofCalls.join("` and `")}\`, which tool calls do not have, so it matches nothing`);
  }
  const unnamed = labels.filter((label) => CALL_LABELS.has(label));
  for (const { atPercent, do: act, fallback } of thresholds) {
    const at = `threshold \`${act}\` at ${atPercent}%`;
    if (ON_AGENTS.has(act) && unnamed.length > 0) {
      found.push(`${at} stops nobody: an agent can't be told by \`${unnamed.join("` and `")}\`, only its calls can`);
    }
    if (ON_GRANTS.has(act) && mode !== "hard") found.push(`${at} stops nothing in mode \`${mode}\``);
    if (act === "downgrade" && (measure === "tool_calls" || measure === "concurrent_runs")) {
      found.push(`${at} changes calls to models, which this budget does not count`);
    }
    if (act === "stop_gracefully" && measure === "concurrent_runs") {
      found.push(`${at} keeps nothing back: runs in flight are not spent`);
    }
    const model = scope["model"];
    if (act === "downgrade" && model !== undefined && fallback !== undefined && Object.hasOwn(fallback, model)) {
      found.push(`${at}: calls to the fallback fall under this budget no longer, whose scope is \`${model}\``);
    }
  }
  return found.map((what) => `budget \`${name}\`: ${what}`);
}

/** Of two budgets that say the same of the same calls the higher one is never reached. */
function doubles(budgets: readonly Budget[]): readonly string[] {
  const lowest = new Map<string, Budget>();
  for (const budget of budgets) {
    const other = lowest.get(sameKey(budget));
    if (budget.mode === "hard" && (other === undefined || budget.limit < other.limit))
      lowest.set(sameKey(budget), budget);
  }
  return budgets.flatMap((budget) => {
    const other = lowest.get(sameKey(budget));
    if (other === undefined || other === budget || budget.mode !== "hard") return [];
    return [`budget \`${budget.name}\`: it is never reached, because \`${other.name}\` has the same scope and window`];
  });
}

function sameKey({ scope, each, measure, window, timeZone }: Budget): string {
  const sorted = Object.entries(scope).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted, each ?? null, measure, window, window.kind === "calendar" ? timeZone : ""]);
}
