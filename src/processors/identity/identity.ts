/**
 * Who a span belongs to, and the labels that budgets match on. What the registry of agents says wins over what a span
 * claims, and only the receiver's authentication makes a name verified: a claim in an attribute never does.
 */
import {
  ATTR_TOLLGATE_AGENT_CLAIMED,
  ATTR_TOLLGATE_AGENT_OWNER,
  ATTR_TOLLGATE_AGENT_ROLE,
  ATTR_TOLLGATE_AGENT_TEAM,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_INCIDENT_SEVERITY,
  ATTR_TOLLGATE_LABEL_PREFIX,
  ATTR_TOLLGATE_TENANT_CLAIMED,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { claimedAgent, UNKNOWN_AGENT } from "../../pdata/agent-name.ts";
import { hasAttribute } from "../../pdata/attribute-read.ts";
import { FirstText } from "../../pdata/first-text.ts";
import type { Span } from "../../pdata/span.ts";
import { TENANT_LABEL } from "../../support/tenant.ts";
import { labelsOf } from "./labels.ts";

type Labels = Span["facts"]["labels"];

/** What governance knows of agents. */
export interface AgentRegistry {
  /** The labels (owner, team, role, tenant) of an agent's document; `undefined` for an agent without one. */
  find(
    agent: string,
  ): { readonly owner?: string; readonly team?: string; readonly role?: string; readonly tenant?: string } | undefined;
  /** Severity of the worst open incident about the agent. */
  severityOf?(agent: string): string | undefined;
  /** Whether the credential that `sender` showed is good for `agent`. */
  mayActAs(sender: string, agent: string): boolean;
  /** The patterns of names that this credential is bound to. */
  namesOf(sender: string): readonly string[];
  /** The tenant that this credential is bound to. */
  tenantOf?(sender: string): string | undefined;
  /** Whether a tenant has credentials of its own: only they speak for it. */
  isTenantTaken?(tenant: string): boolean;
}

export interface IdentifyOptions {
  readonly span: Span;
  readonly sender: string | undefined;
  readonly registry: AgentRegistry;
}

/** Anything that may claim an agent's name: a span, a log record. */
export interface StandingOptions {
  readonly span: Pick<Span, "attributes" | "resource">;
  readonly sender: string | undefined;
  readonly registry: Pick<AgentRegistry, "mayActAs" | "namesOf">;
}

/** Where a span may say what the registry does not know, the first one first. */
const owner = new FirstText([ATTR_TOLLGATE_AGENT_OWNER, `${ATTR_TOLLGATE_LABEL_PREFIX}owner`, "owner"]);
const team = new FirstText([ATTR_TOLLGATE_AGENT_TEAM, `${ATTR_TOLLGATE_LABEL_PREFIX}team`, "team"]);
const role = new FirstText([ATTR_TOLLGATE_AGENT_ROLE, `${ATTR_TOLLGATE_LABEL_PREFIX}role`, "role"]);

const AGENT_CLAIMED = AttributeKey.of(ATTR_TOLLGATE_AGENT_CLAIMED);
const TENANT_CLAIMED = AttributeKey.of(ATTR_TOLLGATE_TENANT_CLAIMED);

/** What a span claims to be, beside what it came with. */
export interface Standing {
  readonly agent: string;
  readonly isVerified: boolean;
  /** The name that it claims and its credential is not bound to; `undefined` when there is no such quarrel. */
  readonly foreign: string | undefined;
}

/**
 * Whose a span is. Without a credential: whose it claims. Under a foreign name it counts for the agent that the credential is
 * bound to, where that is one name, and never for the one that was claimed; so does one that claims no name, which is no quarrel.
 */
export function standingOf({ span, sender, registry }: StandingOptions): Standing {
  const claimed = claimedAgent(span);
  if (sender === undefined) return { agent: claimed, isVerified: false, foreign: undefined };
  if (registry.mayActAs(sender, claimed)) return { agent: claimed, isVerified: true, foreign: undefined };
  const own = ownName(registry.namesOf(sender));
  if (claimed !== UNKNOWN_AGENT) return { agent: own, isVerified: false, foreign: claimed };
  return { agent: own, isVerified: own !== UNKNOWN_AGENT, foreign: undefined };
}

/** Fills agent, verified, owner, team, role and labels. Runs after normalise. Gives back the tenant that it claims and is not of. */
export function identify(options: IdentifyOptions, standing: Standing = standingOf(options)): string | undefined {
  const { span, registry } = options;
  const { facts, attributes } = span;
  const { foreign } = standing;
  facts.agent = standing.agent;
  facts.agentVerified = standing.isVerified;
  attributes.set(ATTR_TOLLGATE_AGENT_VERIFIED, facts.agentVerified);
  if (foreign !== undefined) attributes.set(ATTR_TOLLGATE_AGENT_CLAIMED, foreign);
  else if (hasAttribute(attributes, AGENT_CLAIMED)) attributes.delete(ATTR_TOLLGATE_AGENT_CLAIMED);
  const severity = registry.severityOf?.(facts.agent);
  if (severity !== undefined) attributes.set(ATTR_TOLLGATE_INCIDENT_SEVERITY, severity);
  const known = registry.find(facts.agent);
  facts.owner = known?.owner ?? owner.of(span);
  facts.team = known?.team ?? team.of(span);
  facts.role = known?.role ?? role.of(span);
  const labels = labelsOf(span);
  const { tenant, claimed } = tenantOf(options, { registered: known?.tenant, labelled: labels[TENANT_LABEL] });
  facts.labels = ofTenant(labels, tenant);
  if (claimed !== undefined) attributes.set(ATTR_TOLLGATE_TENANT_CLAIMED, claimed);
  else if (hasAttribute(attributes, TENANT_CLAIMED)) attributes.delete(ATTR_TOLLGATE_TENANT_CLAIMED);
  return claimed;
}

/** The credential's own wins; who shows none of a tenant that has some is not of it, unless the agent's document says so. */
function tenantOf(
  { sender, registry }: IdentifyOptions,
  { registered, labelled }: { readonly registered: string | undefined; readonly labelled: string | undefined },
): { readonly tenant: string | undefined; readonly claimed: string | undefined } {
  const said = registered ?? labelled;
  const own = sender === undefined ? undefined : registry.tenantOf?.(sender);
  if (own !== undefined) return { tenant: own, claimed: said === own ? undefined : said };
  const isForeign = registered === undefined && said !== undefined && registry.isTenantTaken?.(said) === true;
  return isForeign ? { tenant: undefined, claimed: said } : { tenant: said, claimed: undefined };
}

/** Spans of one session have the same object as labels again and again: it gets the same one here, too. */
const ofTenants = new WeakMap<Labels, Labels>();

function ofTenant(labels: Labels, tenant: string | undefined): Labels {
  if (labels[TENANT_LABEL] === tenant) return labels;
  let own = ofTenants.get(labels);
  if (own === undefined || own[TENANT_LABEL] !== tenant) {
    const { [TENANT_LABEL]: _claimed, ...rest } = labels;
    own = tenant === undefined ? rest : { ...rest, [TENANT_LABEL]: tenant };
    ofTenants.set(labels, own);
  }
  return own;
}

/** The one name of a credential; patterns and lists name nobody. */
function ownName(names: readonly string[]): string {
  const [name] = names;
  return names.length === 1 && name !== undefined && !/[*?[\]{}\\]/.test(name) ? name : UNKNOWN_AGENT;
}
