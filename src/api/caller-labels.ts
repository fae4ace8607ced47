import type { AgentRegistry, Labels } from "../policy/registry.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import type { AgentCaller } from "./access.ts";
import { ApiProblem } from "./problem.ts";

export interface CallerLabelsOptions {
  readonly registry: Pick<AgentRegistry, "labels" | "registered">;
  readonly caller: AgentCaller;
  readonly agent: string;
  readonly claimed: Labels;
}

/**
 * Whose a call is: what it claims, after the registry and the credential had their say. Throws `forbidden` for a tenant that is not the
 * credential's, and for one that needs a credential of its own which the caller has not.
 */
export function callerLabels({ registry, caller, agent, claimed }: CallerLabelsOptions): Labels {
  const labels = registry.labels(agent, claimed);
  const claim = labels[TENANT_LABEL];
  const { tenant } = caller;
  if (tenant !== undefined) {
    if (claim === tenant) return labels;
    if (claim === undefined) return { ...labels, [TENANT_LABEL]: tenant };
    throw new ApiProblem("forbidden", `the key is of the tenant \`${tenant}\`, and the agent claims \`${claim}\``);
  }
  if (claim === undefined || caller.isTenantTaken?.(claim) !== true) return labels;
  if (registry.registered(agent)?.tenant === claim) return labels;
  throw new ApiProblem("forbidden", `the tenant \`${claim}\` has keys of its own, and this caller has none of them`);
}
