import {
  ATTR_TOLLGATE_LABEL_PREFIX,
  ATTR_TOLLGATE_SESSION_ID,
  ATTR_TOLLGATE_WORKFLOW_ID,
} from "@tollgate/instrumentation/semconv";

/** Of ours, what people name freely. */
const FREE_NAMES: ReadonlySet<string> = new Set([ATTR_TOLLGATE_SESSION_ID, ATTR_TOLLGATE_WORKFLOW_ID]);
const PREFIXES = ["tollgate.", "gen_ai.usage."] as const;

/**
 * True for attributes that decisions, costs, leases and the audit stand on, and for usage, from which cost is made: no
 * processor changes them on a person's behalf. Session, workflow and labels are people's own.
 */
export function isGovernanceKey(key: string): boolean {
  if (FREE_NAMES.has(key) || key.startsWith(ATTR_TOLLGATE_LABEL_PREFIX)) return false;
  return PREFIXES.some((prefix) => key.startsWith(prefix));
}
