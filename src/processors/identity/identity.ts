/**
 * Who a span belongs to, and the labels that budgets match on. What the registry of agents says wins over what a span
 * claims, and only the receiver's authentication makes a name verified: a claim in an attribute never does.
 */
import {
  ATTR_TOLLGATE_AGENT_OWNER,
  ATTR_TOLLGATE_AGENT_ROLE,
  ATTR_TOLLGATE_AGENT_TEAM,
  ATTR_TOLLGATE_AGENT_VERIFIED,
  ATTR_TOLLGATE_LABEL_PREFIX,
} from "@tollgate/instrumentation/semconv";
import { claimedAgent } from "../../pdata/agent-name.ts";
import { firstText } from "../../pdata/attribute-read.ts";
import { attributeText } from "../../pdata/attribute-text.ts";
import type { Attributes, Span } from "../../pdata/span.ts";

/** What governance knows of agents. */
export interface AgentRegistry {
  /** The labels (owner, team, role) of an agent's document; `undefined` for an agent without one. */
  find(agent: string): { readonly owner?: string; readonly team?: string; readonly role?: string } | undefined;
  /** Whether the credential that `sender` showed is good for `agent`. */
  mayActAs(sender: string, agent: string): boolean;
}

export interface IdentifyOptions {
  readonly span: Span;
  readonly sender: string | undefined;
  readonly registry: AgentRegistry;
}

const LABELS_MAX = 64;
const LABEL_LENGTH_MAX = 256;
/** Of every process, and different in each: no budget means them. */
const RESOURCE_NOISE = ["process.", "telemetry."] as const;

/** Fills agent, verified, owner, team, role and labels. Runs after normalise. */
export function identify({ span, sender, registry }: IdentifyOptions): void {
  const { facts } = span;
  facts.agent = claimedAgent(span);
  facts.agentVerified = sender !== undefined && registry.mayActAs(sender, facts.agent);
  span.attributes.set(ATTR_TOLLGATE_AGENT_VERIFIED, facts.agentVerified);
  const known = registry.find(facts.agent);
  facts.owner =
    known?.owner ?? firstText(span, [ATTR_TOLLGATE_AGENT_OWNER, `${ATTR_TOLLGATE_LABEL_PREFIX}owner`, "owner"]);
  facts.team = known?.team ?? firstText(span, [ATTR_TOLLGATE_AGENT_TEAM, `${ATTR_TOLLGATE_LABEL_PREFIX}team`, "team"]);
  facts.role = known?.role ?? firstText(span, [ATTR_TOLLGATE_AGENT_ROLE, `${ATTR_TOLLGATE_LABEL_PREFIX}role`, "role"]);
  facts.labels = labelsOf(span);
}

/** Later ones win: resource attributes, labels of the context, then what is known of the call itself. */
function labelsOf(span: Span): Readonly<Record<string, string>> {
  const { facts } = span;
  const labels = new Map<string, string>();
  const isNoise = (key: string): boolean => RESOURCE_NOISE.some((prefix) => key.startsWith(prefix));
  addLabels(labels, span.resource.attributes, (key) => (isNoise(key) ? undefined : key));
  addLabels(labels, span.attributes, (key) =>
    key.startsWith(ATTR_TOLLGATE_LABEL_PREFIX) ? key.slice(ATTR_TOLLGATE_LABEL_PREFIX.length) : undefined,
  );
  const { agent, owner, team, role, session, workflow, user, provider, model, tool } = facts;
  const own = { agent, owner, team, role, session, workflow, user, provider, model, tool };
  for (const [key, value] of Object.entries(own)) {
    if (value !== "") labels.set(key, value);
  }
  return Object.fromEntries(labels);
}

function addLabels(
  labels: Map<string, string>,
  attributes: Attributes,
  nameOf: (key: string) => string | undefined,
): void {
  for (const [key, value] of attributes) {
    const name = nameOf(key);
    if (name === undefined || name === "" || labels.size >= LABELS_MAX) continue;
    // Lists and bytes are no labels; a text too long to be one is not cut, because a cut one could match another's budget.
    if (typeof value === "object") continue;
    const text = attributeText(value);
    if (text.length <= LABEL_LENGTH_MAX) labels.set(name, text);
  }
}
