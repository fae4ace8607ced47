import type { CanonicalArguments } from "./canonical-json.ts";
import type { Effect } from "./document.ts";

/** What was decided, by which rules, and on what exactly. */
export interface Decision {
  readonly decision: Effect;
  /** The rule that decided: `deny: db_drop_*` for an entry of a list, a rule's name, `default`, `no policy`, `request`. */
  readonly rule: string;
  /** Why, in the user's words. */
  readonly reason: string;
  /** "" when no policy decided. */
  readonly policy: string;
  readonly policyVersion: string;
  /** All rules that say the same as the decision; for a deny, also those whose condition failed. */
  readonly matched: readonly MatchedRule[];
  /** What policies that are not enforced say of the call, the strictest first; before them, what was decided of an agent that only observes. */
  readonly shadow: readonly ShadowDecision[];
  /** The tool's name as the rules saw it: normalised, case folded. */
  readonly tool: string;
  /** The frozen copy that was decided on, for the tool to run with; `undefined` when there were none or they have no canonical form. */
  readonly arguments: CanonicalArguments | undefined;
}

/** What a policy in shadow mode would have decided. */
export interface ShadowDecision {
  readonly decision: Effect;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
}

export interface MatchedRule {
  readonly policy: string;
  readonly rule: string;
  readonly effect: Effect;
  /** Set when the rule's condition could not be evaluated, and so denied, whatever the rule's effect. */
  readonly error?: string;
}
