/** What a replay decides by: documents of files, and for what they leave open those in force. */
import {
  type LabelOrder,
  type NamedToolDeclaration,
  parsePolicy,
  type PolicyDocument,
  ToolCatalogue,
} from "@tollgate/instrumentation/policy";
import type { GovernanceReply } from "../api/governance.ts";
import type { Budget } from "../budget/budget.ts";
import type { DocumentChange } from "../config/governance/document-changes.ts";
import { documentChanges } from "../config/governance/document-changes.ts";
import type { WrittenDocument } from "../config/governance/governance.ts";
import { excessNotes } from "../config/governance/excess.ts";
import { unenforced } from "../config/governance/unenforced.ts";
import { ConfigInvalid } from "../config/problem.ts";
import type { Environment } from "../config/yaml-document.ts";
import type { AgentDocument } from "../policy/agent-document.ts";
import { labelOrderOf } from "../policy/decider.ts";
import { AgentRegistry } from "../policy/registry.ts";
import { readGovernanceFiles } from "./governance-files.ts";
import { readPolicyFiles } from "./policy-files.ts";

export interface Candidate {
  readonly policies: readonly PolicyDocument[];
  readonly budgets: readonly Budget[];
  readonly labels: LabelOrder;
  readonly tools: ToolCatalogue;
  readonly registry: AgentRegistry;
  /** Against what is in force; none where the candidate is not all that would be. */
  readonly changes: readonly DocumentChange[];
  /** What would be asked for and not happen, and what it would let agents do beyond what it declares. */
  readonly notes: readonly string[];
}

/** Documents that change some things: of tools and agents that they do not name, what is in force holds. Throws `ConfigInvalid`. */
export function candidateOfFiles(
  files: readonly string[],
  inForce: GovernanceReply,
  environment: Environment,
): Candidate {
  const { policies, tools, budgets, agents, labels, problems } = readPolicyFiles(files, environment);
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return {
    policies: policies.map(({ policy }) => policy),
    budgets,
    labels,
    tools: new ToolCatalogue(over(tools, documentsOf<NamedToolDeclaration>(inForce, "tool")), labels),
    registry: registryOf(over(agents, documentsOf<AgentDocument>(inForce, "agent")), inForce),
    changes: [],
    notes: [],
  };
}

/** A directory that would be all there is. Throws `ConfigInvalid` with all that a processor would refuse it for. */
export function candidateOfDirectory(directory: string, inForce: GovernanceReply, environment: Environment): Candidate {
  const governance = readGovernanceFiles(directory, environment);
  const registry = new AgentRegistry({
    ...governance,
    requirePolicy: inForce.require_policy,
    unknownEgress: inForce.unknown_egress,
  });
  const labels = labelOrderOf(registry);
  const policies = governance.policies.flatMap(({ document }) => {
    const parsed = parsePolicy(document, { labels });
    return parsed.ok ? [parsed.policy] : [];
  });
  const before = inForce.documents.map(({ document, ...rest }): WrittenDocument => ({ ...rest, value: document }));
  return {
    policies,
    budgets: governance.budgets,
    labels,
    tools: new ToolCatalogue(governance.tools, labels),
    registry,
    changes: documentChanges(before, governance.documents),
    notes: [...unenforced(governance), ...excessNotes({ registry, budgets: governance.budgets })],
  };
}

function registryOf(
  agents: readonly AgentDocument[],
  { require_policy: requirePolicy }: GovernanceReply,
): AgentRegistry {
  return new AgentRegistry({ agents, policies: [], prices: [], requirePolicy, fingerprint: "" });
}

function documentsOf<T>({ documents }: GovernanceReply, kind: string): readonly T[] {
  return documents.flatMap((each) => (each.kind === kind ? [each.document as T] : []));
}

/** Those of the files win over those of the same name. */
function over<T extends { readonly name: string }>(files: readonly T[], others: readonly T[]): readonly T[] {
  const named = new Set(files.map(({ name }) => name));
  return [...files, ...others.filter(({ name }) => !named.has(name))];
}
