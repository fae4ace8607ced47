/**
 * What an agent was declared to touch, held against what its policies would let it touch, and against what it did. Pure.
 * Limit: policies are asked with no arguments, so that a rule which decides by arguments counts as it decides on none; one that is to
 * allow and can't be evaluated without them counts as allowing, as with the right ones it does.
 */
import { compileGlob } from "@tollgate/instrumentation/policy";
import type { AgentDocument } from "./agent-document.ts";
import type { Decider } from "./decider.ts";
import type { Labels } from "./registry.ts";
import type { ToolDocument } from "./tool-document.ts";

/** Something beyond the declaration. */
export interface Beyond {
  readonly agent: string;
  readonly tool: string;
  readonly what: "system" | "action" | "environment" | "tool" | "money";
  /** The system, the action, the environment, the amount; "" for a tool that nobody declared. */
  readonly value: string;
}

/** What tools of an agent did in a window of time, as ClickHouse has it. */
export interface ToolUse {
  readonly agent: string;
  readonly tool: string;
  readonly environment: string;
}

type Radius = NonNullable<AgentDocument["blast_radius"]>;

/** What the documents in force would let agents do beyond what is declared of them. */
export function excessOf(options: {
  readonly agents: readonly AgentDocument[];
  readonly tools: readonly ToolDocument[];
  readonly labelsOf: (agent: string) => Labels;
  readonly decider: Decider;
}): readonly Beyond[] {
  const { agents, tools, labelsOf, decider } = options;
  return agents.flatMap(({ name: agent, blast_radius: radius }) => {
    if (radius === undefined) return [];
    const labels = labelsOf(agent);
    const mayRun = (tool: string, environment: Labels): boolean => {
      const { decision, matched } = decider.decide({ ...labels, ...environment }, { tool, declaration: {}, args: {} });
      if (decision === "allow" || decision === "require_approval") return true;
      const wantsArguments = matched.every(({ effect, error }) => effect === "allow" && error !== undefined);
      return decision === "deny" && matched.length > 0 && wantsArguments;
    };
    const declared = radius.environments ?? [];
    const beyond = environmentsBeyond(declared, decider.environments);
    return tools.flatMap((facts) => {
      const tool = facts.name;
      const outside = beyond.filter((environment) => mayRun(tool, { environment }));
      const isAllowed = outside.length > 0 || [{}, ...declared.map(inIt)].some((inside) => mayRun(tool, inside));
      const excess = isAllowed ? beyondOf(radius, facts).map((each) => ({ agent, tool, ...each })) : [];
      if (radius.environments === undefined) return excess;
      return [...excess, ...outside.map((value) => ({ agent, tool, what: "environment" as const, value }))];
    });
  });
}

function inIt(environment: string): Labels {
  return { environment };
}

/** A pattern stands for the environments that it means, but for one that means a declared environment: that is tried itself. */
function environmentsBeyond(declared: readonly string[], patterns: readonly string[]): readonly string[] {
  return patterns.filter((pattern) => {
    const matches = compileGlob(pattern.toLowerCase());
    return !declared.some((environment) => matches(environment.toLowerCase()));
  });
}

/** What agents did beyond what is declared of them. */
export function driftOf(options: {
  readonly agents: readonly AgentDocument[];
  readonly tools: readonly ToolDocument[];
  readonly uses: readonly ToolUse[];
  /** Nano-dollars in the same window. */
  readonly spent: ReadonlyMap<string, bigint>;
}): readonly Beyond[] {
  const { agents, tools, uses, spent } = options;
  const declared = new Map(tools.map((tool) => [tool.name.toLowerCase(), tool]));
  const found: Beyond[] = [];
  for (const { name: agent, blast_radius: radius } of agents) {
    if (radius === undefined) continue;
    for (const { tool, environment } of uses.filter((use) => use.agent === agent)) {
      const facts = declared.get(tool.toLowerCase());
      // Nobody can say what a tool that is declared nowhere touches, where touching is what was declared.
      const isOpen = radius.systems !== undefined || radius.actions !== undefined;
      const beyond =
        facts === undefined ? (isOpen ? [{ what: "tool" as const, value: "" }] : []) : beyondOf(radius, facts);
      found.push(...beyond.map((each) => ({ agent, tool, ...each })));
      const { environments } = radius;
      if (environment !== "" && environments?.includes(environment) === false) {
        found.push({ agent, tool, what: "environment", value: environment });
      }
    }
    const limit = radius.max_usd_per_day;
    const nanoUsd = spent.get(agent) ?? 0n;
    if (limit !== undefined && nanoUsd > BigInt(Math.round(limit * 1e9))) {
      found.push({ agent, tool: "", what: "money", value: `$${(Number(nanoUsd) / 1e9).toFixed(2)} in a day` });
    }
  }
  const seen = new Map(found.map((beyond) => [JSON.stringify(beyond), beyond]));
  return [...seen.values()];
}

/** One finding for people. */
export function beyondText({ agent, tool, what, value }: Beyond): string {
  if (what === "money") return `agent \`${agent}\` spent ${value}, beyond its blast radius`;
  if (what === "tool") return `agent \`${agent}\` uses \`${tool}\`, which no \`kind: tool\` document declares`;
  return `agent \`${agent}\`: \`${tool}\` reaches the ${what} \`${value}\`, beyond its blast radius`;
}

function beyondOf(radius: Radius, { systems, actions }: ToolDocument): readonly Pick<Beyond, "what" | "value">[] {
  const beyond = (what: "system" | "action", values: readonly string[], declared: readonly string[] | undefined) =>
    declared === undefined
      ? []
      : values.filter((value) => !declared.includes(value)).map((value) => ({ what, value }) as const);
  return [...beyond("system", systems, radius.systems), ...beyond("action", actions, radius.actions)];
}
