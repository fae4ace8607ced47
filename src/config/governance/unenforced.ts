import { parsePolicy } from "@tollgate/instrumentation/policy";
import { budgetFindings } from "./budget-findings.ts";
import type { Governance } from "./governance.ts";

/**
 * What valid documents ask for and will not happen, in this version or where they stand: a rule that is silently not
 * applied is worse than one that is refused. One sentence each, to be said when the documents are loaded.
 */
export function unenforced(governance: Governance): readonly string[] {
  const sentences = [...budgetFindings(governance.budgets)];
  for (const { name, document } of governance.policies) {
    if (!asksForApproval(document)) continue;
    sentences.push(`policy \`${name}\`: nobody can be asked yet, so what requires approval is refused`);
  }
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
