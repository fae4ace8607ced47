/**
 * What an open incident makes of an agent's autonomy: one level less at once, nothing but reading where it is critical. It only
 * takes away, and lasts until somebody closes the incident. Who has no document is as policies say, and only a critical incident
 * changes that. The criteria are these functions, so that a change of them is a change of code.
 */
import { type Autonomy, AUTONOMY_LEVELS } from "@tollgate/instrumentation/policy";

/** So many forbidden acts within a day are an incident. */
export const FORBIDDEN_MAX = 5;

/** `severity`: of the worst open incident about the agent. `undefined`: it has no level. */
export function demoted(declared: Autonomy | undefined, severity: string | undefined): Autonomy | undefined {
  if (severity === undefined) return declared;
  if (severity === "critical") return "observe";
  if (declared === undefined) return undefined;
  return AUTONOMY_LEVELS[Math.max(0, AUTONOMY_LEVELS.indexOf(declared) - 1)];
}
