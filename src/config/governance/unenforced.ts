import { parsePolicy } from "@tollgate/instrumentation/policy";
import type { Threshold } from "../../budget/ledger.ts";
import type { Governance } from "./governance.ts";

/** What happens by itself when a threshold is crossed; the others are shown in the budget's state and do nothing yet. */
const ENFORCED: ReadonlySet<Threshold["do"]> = new Set(["notify", "downgrade", "pause", "stop", "kill"]);

/**
 * What valid documents ask for and this version does not do: a rule that is silently not applied is worse than one that is
 * refused. One sentence each, to be said when the documents are loaded.
 */
export function unenforced(governance: Governance): readonly string[] {
  const sentences: string[] = [];
  for (const budget of governance.budgets) {
    for (const { atPercent, do: action } of budget.thresholds) {
      if (ENFORCED.has(action)) continue;
      sentences.push(
        `budget \`${budget.name}\`: threshold \`${action}\` at ${atPercent}% is shown, but does nothing yet`,
      );
    }
  }
  for (const { name, document } of governance.policies) {
    if (!asksForApproval(document)) continue;
    sentences.push(`policy \`${name}\`: nobody can be asked yet, so what requires approval is refused`);
  }
  for (const { name } of governance.tools) sentences.push(`tool \`${name}\`: its labels and actions are not used yet`);
  for (const { name } of governance.alerts) sentences.push(`alert \`${name}\`: alerts are not evaluated yet`);
  return sentences;
}

function asksForApproval(document: unknown): boolean {
  const parsed = parsePolicy(document);
  if (!parsed.ok) return false;
  const { policy } = parsed;
  return (
    policy.default === "require_approval" ||
    policy.require_approval.length > 0 ||
    policy.rules.some(({ effect }) => effect === "require_approval")
  );
}
