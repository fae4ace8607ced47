import { budgetFindings } from "./budget-findings.ts";
import type { Governance } from "./governance.ts";

/**
 * What valid documents ask for and will not happen, in this version or where they stand: a rule that is silently not
 * applied is worse than one that is refused. One sentence each, to be said when the documents are loaded.
 */
export function unenforced(governance: Governance): readonly string[] {
  const sentences = [...budgetFindings(governance.budgets)];
  for (const { name, metric } of governance.alerts) {
    if (metric === undefined) sentences.push(`alert \`${name}\`: it has no \`metric\`, so it never fires`);
  }
  return sentences;
}
