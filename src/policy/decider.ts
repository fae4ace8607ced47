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
  type PolicyDocument,
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
  readonly named: Named;
  readonly areAllReadable: boolean;
}

/** Who calls, and the policies that may have a say. */
interface Caller {
  readonly policies: readonly CompiledPolicy[];
  readonly request: PolicyRequest;
}

/** What policies tell apart by name. */
interface Named {
  readonly environments: readonly string[];
  readonly destinations: readonly string[];
  readonly toolNames: readonly string[];
}

/** Decides by the documents in force, compiled once for each version of them. */
export class Decider {
  readonly #registry: AgentRegistry;
  #compiled: Compiled | undefined;

  constructor(registry: AgentRegistry) {
    this.#registry = registry;
  }

  /** `labels`: who calls, after the registry had its say. */
  decide(labels: Labels, question: DecisionQuestion): Decision {
    return this.#decide(this.#caller(labels), question, environmentOf(labels));
  }

  /** The same for many questions about one caller: only what binds it is asked. */
  askedBy(labels: Labels): (question: DecisionQuestion, environment: string | undefined) => Decision {
    const caller = this.#caller(labels);
    const policies = caller.policies.filter((policy) => policy.standing(caller.request) !== "absent");
    const own = environmentOf(labels);
    return (question, environment = own) => this.#decide({ ...caller, policies }, question, environment);
  }

  #decide(
    { policies, request }: Caller,
    { tool, declaration, ...question }: DecisionQuestion,
    environment: string | undefined,
  ): Decision {
    const { tools, areAllReadable } = this.#current();
    return decide(
      policies,
      { ...question, ...request, tool: tools.factsOf(tool, declaration), ...(environment && { environment }) },
      // A policy that can't be read must not open what it was meant to close.
      { requirePolicy: this.#registry.requirePolicy || !areAllReadable },
    );
  }

  #caller(labels: Labels): Caller {
    const { policies } = this.#current();
    const { agent = "", team, role, autonomy, owner } = labels;
    const ancestors = [...agentChain(labels), ...this.#registry.ancestors(agent)].filter((name) => name !== agent);
    const facts = {
      name: agent,
      ancestors,
      ...(team && { team }),
      ...(role && { role }),
      ...(autonomy && { autonomy }),
      ...(owner && { owner }),
    };
    return { policies, request: { agent: facts, tool: { name: "" } } };
  }

  /** Patterns of the environments that policies tell apart. */
  get environments(): readonly string[] {
    return this.#current().named.environments;
  }

  /** Texts in their conditions on `destination`. */
  get destinations(): readonly string[] {
    return this.#current().named.destinations;
  }

  /** Tools that they name by no pattern. */
  get toolNames(): readonly string[] {
    return this.#current().named.toolNames;
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
    this.#compiled = {
      version,
      policies: documents.map((document) => compilePolicy(document, { labels })),
      tools: new ToolCatalogue(this.#registry.tools, labels),
      named: namedIn(documents),
      areAllReadable: documents.length === parsed.length,
    };
    return this.#compiled;
  }
}

function namedIn(documents: readonly PolicyDocument[]): Named {
  const rules = documents.flatMap((document) => document.rules);
  const environments = [
    documents.flatMap((document) => document.environments),
    rules.flatMap((rule) => rule.environments ?? []),
  ];
  const conditions = rules.flatMap(({ when = "" }) => (/\bdestination\b/.test(when) ? [when] : []));
  const tools = [
    ...documents.flatMap(({ allow, require_approval: asked }) => [...allow, ...asked]),
    ...rules.flatMap((rule) => rule.tools),
  ];
  return {
    environments: [...new Set(environments.flat())],
    destinations: [...new Set(conditions.flatMap(textsIn))],
    toolNames: [...new Set(tools.filter((tool) => !/[*?[\]{}\\]/.test(tool)))],
  };
}

/** Texts that a condition in CEL has, between quotes of either kind. */
function textsIn(condition: string): readonly string[] {
  const found = condition.matchAll(/"([^"\\]{1,256})"|'([^'\\]{1,256})'/g);
  return [...found].map(([, double, single]) => double ?? single ?? "");
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
