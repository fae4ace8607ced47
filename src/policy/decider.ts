import {
  agentChain,
  compilePolicy,
  type CompiledPolicy,
  decide,
  type Decision,
  DEFAULT_LABEL_ORDER,
  type LabelOrder,
  parseLabelOrder,
  parsePolicy,
  type PolicyRequest,
  ToolCatalogue,
  type ToolDeclaration,
  type ToolFacts,
} from "@tollgate/instrumentation/policy";
import type { AgentRegistry, Labels } from "./registry.ts";

/** What is asked of a call, beside who makes it. */
export type DecisionQuestion = Omit<PolicyRequest, "tool" | "agent" | "environment"> & {
  readonly tool: string;
  /** What the caller says of its tool. */
  readonly declaration: ToolDeclaration;
};

interface Compiled {
  readonly version: string;
  readonly policies: readonly CompiledPolicy[];
  readonly tools: ToolCatalogue;
  readonly environments: readonly string[];
  readonly areAllReadable: boolean;
}

/** Decides by the documents in force, compiled once for each version of them. */
export class Decider {
  readonly #registry: AgentRegistry;
  #compiled: Compiled | undefined;

  constructor(registry: AgentRegistry) {
    this.#registry = registry;
  }

  /** `labels`: who calls, after the registry had its say. */
  decide(labels: Labels, { tool, declaration, ...question }: DecisionQuestion): Decision {
    const { policies, tools, areAllReadable } = this.#current();
    const { agent = "", team, role, autonomy, owner } = labels;
    const environment = environmentOf(labels);
    const ancestors = [...agentChain(labels), ...this.#registry.ancestors(agent)].filter((name) => name !== agent);
    return decide(
      policies,
      {
        ...question,
        tool: tools.factsOf(tool, declaration),
        agent: {
          name: agent,
          ancestors,
          ...(team && { team }),
          ...(role && { role }),
          ...(autonomy && { autonomy }),
          ...(owner && { owner }),
        },
        ...(environment && { environment }),
      },
      // A policy that can't be read must not open what it was meant to close.
      { requirePolicy: this.#registry.requirePolicy || !areAllReadable },
    );
  }

  /** Patterns of the environments that policies tell apart. */
  get environments(): readonly string[] {
    return this.#current().environments;
  }

  /** What is known of a tool: its document, and what the caller says of it. */
  toolFacts(tool: string, declaration: ToolDeclaration): ToolFacts {
    return this.#current().tools.factsOf(tool, declaration);
  }

  #current(): Compiled {
    const { version } = this.#registry;
    if (this.#compiled?.version === version) return this.#compiled;
    const labels = labelOrderOf(this.#registry);
    const parsed = this.#registry.allPolicies.map((document) => parsePolicy(document, { labels }));
    const documents = parsed.flatMap((each) => (each.ok ? [each.policy] : []));
    const named = documents.flatMap(({ environments, rules }) => [
      ...environments,
      ...rules.flatMap((rule) => rule.environments ?? []),
    ]);
    this.#compiled = {
      version,
      policies: documents.map((document) => compilePolicy(document, { labels })),
      tools: new ToolCatalogue(this.#registry.tools, labels),
      environments: [...new Set(named)],
      areAllReadable: documents.length === parsed.length,
    };
    return this.#compiled;
  }
}

/** What labels mean in the conditions of the fleet's policies. */
export function labelOrderOf({ labelLevels }: AgentRegistry): LabelOrder {
  const parsed = labelLevels === undefined ? undefined : parseLabelOrder(labelLevels);
  return parsed?.ok === true ? parsed.order : DEFAULT_LABEL_ORDER;
}

/** OpenTelemetry's own keys count too (semantic conventions, resource `deployment`). */
function environmentOf(labels: Labels): string | undefined {
  return labels["environment"] ?? labels["deployment.environment.name"] ?? labels["deployment.environment"];
}
