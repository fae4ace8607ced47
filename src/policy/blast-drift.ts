/** What an agent did, held against what it was declared to touch. Pure. */
import type { AgentDocument } from "./agent-document.ts";
import { type Beyond, beyondOf, inADay, meansOneOf, type Radius } from "./blast-radius.ts";
import type { ToolDocument } from "./tool-document.ts";

/** What an agent did in a window of time, as ClickHouse has it: with a tool, or, where that is "", with a model. */
export interface ToolUse {
  readonly agent: string;
  readonly tool: string;
  readonly environment: string;
}

/** How far it went: the same window, for agents of which that is declared. */
export interface ToolReach {
  readonly agent: string;
  /** "": requests of its own, with no tool. */
  readonly tool: string;
  readonly destinations: readonly string[];
  /** The most that one call was about, in digits. */
  readonly records: string;
}

export interface Deeds {
  readonly uses: readonly ToolUse[];
  readonly reaches: readonly ToolReach[];
  /** Nano-dollars in the same window. */
  readonly spent: ReadonlyMap<string, bigint>;
}

/** Of one agent with one tool; the rest is in the spans. */
const DESTINATIONS_MAX = 20;

export function driftOf(
  options: { readonly agents: readonly AgentDocument[]; readonly tools: readonly ToolDocument[] } & Deeds,
): readonly Beyond[] {
  const { agents, tools, uses, reaches, spent } = options;
  const declared = new Map(tools.map((tool) => [tool.name.toLowerCase(), tool]));
  const found = agents.flatMap(({ name: agent, blast_radius: radius }): readonly Beyond[] => {
    if (radius === undefined) return [];
    const own = <T extends { readonly agent: string }>(all: readonly T[]): readonly T[] =>
      all.filter((each) => each.agent === agent);
    const beyond = [
      ...own(uses).flatMap((use) => beyondUse(radius, use, declared)),
      ...own(reaches).flatMap((reach) => beyondReach(radius, reach)),
      ...beyondMoney(radius, spent.get(agent) ?? 0n),
    ];
    return beyond.map((each) => ({ agent, ...each }));
  });
  const seen = new Map(found.map((beyond) => [JSON.stringify(beyond), beyond]));
  return [...seen.values()];
}

type Found = Omit<Beyond, "agent">;

function beyondUse(
  radius: Radius,
  { tool, environment }: ToolUse,
  declared: ReadonlyMap<string, ToolDocument>,
): readonly Found[] {
  const { environments } = radius;
  const isOutside = environment !== "" && environments !== undefined && !meansOneOf(environments)(environment);
  const outside = isOutside ? [{ tool, what: "environment" as const, value: environment }] : [];
  if (tool === "") return outside;
  const facts = declared.get(tool.toLowerCase());
  if (facts !== undefined) return [...beyondOf(radius, facts).map((each) => ({ tool, ...each })), ...outside];
  // Nobody can say what a tool that is declared nowhere touches, where touching is what was declared.
  const isOpen = radius.systems !== undefined || radius.actions !== undefined;
  return [...(isOpen ? [{ tool, what: "tool" as const, value: "" }] : []), ...outside];
}

function beyondReach(radius: Radius, { tool, destinations, records }: ToolReach): readonly Found[] {
  const { destinations: places, max_records: most } = radius;
  const isDeclared = meansOneOf(places ?? ["*"]);
  const elsewhere = destinations.filter((destination) => !isDeclared(destination)).slice(0, DESTINATIONS_MAX);
  return [
    ...elsewhere.map((value) => ({ tool, what: "destination" as const, value })),
    ...(most !== undefined && BigInt(records) > BigInt(most)
      ? [{ tool, what: "records" as const, value: records }]
      : []),
  ];
}

function beyondMoney({ max_usd_per_day: limit }: Radius, nanoUsd: bigint): readonly Found[] {
  if (limit === undefined || nanoUsd <= BigInt(Math.round(limit * 1e9))) return [];
  return [{ tool: "", what: "money", value: inADay(nanoUsd) }];
}
