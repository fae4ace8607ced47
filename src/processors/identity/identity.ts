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
import type { Span } from "../../pdata/span.ts";
import { labelsOf } from "./labels.ts";

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

/** Where a span may say what the registry does not know, the first one first. */
const OWNER_KEYS = [ATTR_TOLLGATE_AGENT_OWNER, `${ATTR_TOLLGATE_LABEL_PREFIX}owner`, "owner"];
const TEAM_KEYS = [ATTR_TOLLGATE_AGENT_TEAM, `${ATTR_TOLLGATE_LABEL_PREFIX}team`, "team"];
const ROLE_KEYS = [ATTR_TOLLGATE_AGENT_ROLE, `${ATTR_TOLLGATE_LABEL_PREFIX}role`, "role"];

/** Fills agent, verified, owner, team, role and labels. Runs after normalise. */
export function identify({ span, sender, registry }: IdentifyOptions): void {
  const { facts } = span;
  facts.agent = claimedAgent(span);
  facts.agentVerified = sender !== undefined && registry.mayActAs(sender, facts.agent);
  span.attributes.set(ATTR_TOLLGATE_AGENT_VERIFIED, facts.agentVerified);
  const known = registry.find(facts.agent);
  facts.owner = known?.owner ?? firstText(span, OWNER_KEYS);
  facts.team = known?.team ?? firstText(span, TEAM_KEYS);
  facts.role = known?.role ?? firstText(span, ROLE_KEYS);
  facts.labels = labelsOf(span);
}
