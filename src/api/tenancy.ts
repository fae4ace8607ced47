/**
 * Who sees what, where several tenants share a fleet. A person of a tenant sees and touches what is of its agents, and for
 * everything else is answered as if it were not there. Whose an agent is says its document, and for one without, its processes.
 * A person of no tenant sees all.
 */
import { parseSelector } from "@tollgate/instrumentation/policy";
import type { StopAct, StopList } from "@tollgate/instrumentation/protocol";
import type { Change } from "../changes/change-log.ts";
import type { AgentRegistry, Labels, PolicyBinding } from "../policy/registry.ts";
import { TENANT_LABEL } from "../support/tenant.ts";
import { ApiProblem } from "./problem.ts";
import type { ProcessTable } from "./processes.ts";

/** Of a person; `undefined`: of no tenant. */
export type Tenant = string | undefined;

export interface TenancyOptions {
  readonly registry: Pick<AgentRegistry, "agents" | "registered">;
  readonly processes: Pick<ProcessTable, "entries">;
}

export class Tenancy {
  readonly #options: TenancyOptions;

  constructor(options: TenancyOptions) {
    this.#options = options;
  }

  /** `undefined`: nobody's, or of processes that do not agree. */
  ofAgent(agent: string): Tenant {
    const registered = this.#options.registry.registered(agent)?.tenant;
    if (registered !== undefined) return registered;
    const claimed = new Set<Tenant>();
    for (const [, process] of this.#options.processes.entries()) {
      if (process.agent === agent) claimed.add(process.labels[TENANT_LABEL]);
    }
    return claimed.size === 1 ? [...claimed][0] : undefined;
  }

  seesAgent(tenant: Tenant, agent: string): boolean {
    return tenant === undefined || this.ofAgent(agent) === tenant;
  }

  /** What was done for a tenant, or to one of its agents. */
  seesChange(tenant: Tenant, change: Change): boolean {
    return tenant === undefined || change.tenant === tenant;
  }

  /** A policy that binds one of the tenant's agents. */
  seesPolicy(tenant: Tenant, { appliesTo }: Pick<PolicyBinding, "appliesTo">): boolean {
    if (tenant === undefined) return true;
    const { registry, processes } = this.#options;
    const names = new Set(registry.agents.map(({ name }) => name));
    for (const [, { agent }] of processes.entries()) names.add(agent);
    return [...names].some((name) => this.ofAgent(name) === tenant && appliesTo(name));
  }

  /** Whom a selector is about: the tenant that it names, or the one of the agent that it names. */
  ofSelector(selector: string): Tenant {
    const { agent } = termsOf(selector);
    return tenantOfSelector(selector) ?? (agent === undefined ? undefined : this.ofAgent(agent.replaceAll("\\", "")));
  }

  seesSelector(tenant: Tenant, selector: string): boolean {
    return tenant === undefined || this.ofSelector(selector) === tenant;
  }
}

/** The acts that a process may know of: who is registered to one tenant hears of no other's. */
export function actsFor({
  registry,
  agent,
  list,
}: {
  readonly registry: Pick<AgentRegistry, "registered">;
  readonly agent: string;
  readonly list: StopList;
}): StopList {
  const tenant = registry.registered(agent)?.tenant;
  if (tenant === undefined) return list;
  const isKnown = ({ selector }: StopAct): boolean => (tenantOfSelector(selector) ?? tenant) === tenant;
  return { ...list, acts: list.acts.filter(isKnown) };
}

/** Whether a budget is of that tenant alone, by its scope. */
export function seesScope(tenant: Tenant, scope: Labels): boolean {
  return tenant === undefined || scope[TENANT_LABEL] === tenant;
}

/** The one tenant that a selector is about. */
export function tenantOfSelector(selector: string): Tenant {
  return termsOf(selector)[TENANT_LABEL]?.replaceAll("\\", "");
}

/** The same selector, of that tenant's only. Throws `not_found` for one that names another tenant. */
export function narrowed(tenant: Tenant, selector: string): string {
  if (tenant === undefined) return selector;
  const parsed = parseSelector(selector);
  // What cannot be read is refused where it is used.
  if (!parsed.ok) return selector;
  const { text } = parsed.selector;
  const named = termsOf(text)[TENANT_LABEL];
  if (named === tenant) return text;
  if (named !== undefined) throw new ApiProblem("not_found", "there is no such tenant");
  return text === "all" ? `${TENANT_LABEL}=${tenant}` : `${text},${TENANT_LABEL}=${tenant}`;
}

/** Values of a selector as it is spelled: patterns. */
function termsOf(selector: string): Readonly<Record<string, string | undefined>> {
  const terms = selector.split(",").map((term) => {
    const at = term.indexOf("=");
    return [term.slice(0, Math.max(at, 0)), term.slice(at + 1)] as const;
  });
  return Object.fromEntries(terms);
}
