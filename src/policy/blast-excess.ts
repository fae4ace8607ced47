/**
 * What the documents in force would let agents do beyond what is declared of them: policies, the registry of tools, egress and
 * budgets. Pure. It is found out by asking: the policies that decide at the gate are asked about calls that go beyond. Limit: they
 * are asked with no arguments but those that bound how many records a call is about, so that a rule which decides by others counts as
 * it decides on none; one that is to allow and can't be evaluated without them counts as allowing, as with the right ones it does.
 * Destinations that are asked about are the texts of conditions on `destination`, and one that none has.
 */
import { ROW_KEYS } from "@tollgate/instrumentation/policy";
import type { EgressRules } from "@tollgate/instrumentation/protocol";
import type { AgentDocument } from "./agent-document.ts";
import { type Beyond, beyondOf, inADay, meansOneOf, type Radius } from "./blast-radius.ts";
import type { Decider } from "./decider.ts";
import type { Labels } from "./registry.ts";
import type { ToolDocument } from "./tool-document.ts";

export interface ExcessOptions {
  readonly agents: readonly AgentDocument[];
  readonly tools: readonly ToolDocument[];
  readonly labelsOf: (agent: string) => Labels;
  readonly decider: Decider;
  readonly egressOf: (agent: string) => EgressRules;
  /** Nano-dollars that hard budgets leave an agent in a day; `undefined`: none bounds it. */
  readonly dayLimitOf: (agent: string) => bigint | undefined;
}

/** Names that nobody uses: what holds for them holds for all that no document names. */
const ELSEWHERE = "elsewhere.invalid";
const ANY_ENVIRONMENT = "some-other-environment";
const ANY_TOOL = "some_other_tool";
const ANY = "any";
const TOOLS_SHOWN_MAX = 3;
const ON_RECORDS: ReadonlySet<string> = new Set(["read", "write", "delete"]);

type Found = Omit<Beyond, "agent" | "isPossible">;
type Call = Partial<Record<"environment" | "destination", string>> & {
  readonly args?: Readonly<Record<string, number>>;
};
type MayRun = (tool: string, call: Call) => boolean;

export function excessOf({ agents, tools, labelsOf, decider, egressOf, dayLimitOf }: ExcessOptions): readonly Beyond[] {
  return agents.flatMap(({ name: agent, blast_radius: radius }) => {
    if (radius === undefined) return [];
    const ask = decider.askedBy(labelsOf(agent));
    const mayRun: MayRun = (tool, { environment, ...call }) => {
      const { decision, matched } = ask({ tool, declaration: {}, ...call }, environment);
      if (decision === "allow" || decision === "require_approval") return true;
      const wantsArguments = matched.every(({ effect, error }) => effect === "allow" && error !== undefined);
      return decision === "deny" && matched.length > 0 && wantsArguments;
    };
    const beyond = [
      ...byTools({ radius, tools, mayRun, decider }),
      ...byUndeclared({ radius, tools, mayRun, decider }),
      ...byEgress(radius, egressOf(agent)),
      ...byBudgets(radius, dayLimitOf(agent)),
    ];
    return beyond.map((each) => ({ agent, ...each, isPossible: true as const }));
  });
}

interface Asked {
  readonly radius: Radius;
  readonly tools: readonly ToolDocument[];
  readonly mayRun: MayRun;
  readonly decider: Pick<Decider, "environments" | "destinations" | "toolNames">;
}

function byTools({ radius, tools, mayRun, decider }: Asked): readonly Found[] {
  const inside = (radius.environments ?? []).map((environment): Call => ({ environment }));
  const outside = environmentsBeyond(radius.environments ?? [], decider.environments);
  const places = radius.destinations === undefined ? [] : [ELSEWHERE, ...decider.destinations];
  const found: Found[] = [];
  const anywhere: string[] = [];
  const unbounded: string[] = [];
  for (const facts of tools) {
    const tool = facts.name;
    const reached = outside.filter((environment) => mayRun(tool, { environment }));
    const calls = [{}, ...inside, ...reached.map((environment): Call => ({ environment }))];
    const may = (call: Call): boolean => calls.some((each) => mayRun(tool, { ...each, ...call }));
    if (may({})) found.push(...beyondOf(radius, facts).map((each) => ({ tool, ...each })));
    if (radius.environments !== undefined) {
      found.push(...reached.map((value) => ({ tool, what: "environment" as const, value })));
      if (mayRun(tool, { environment: ANY_ENVIRONMENT })) anywhere.push(tool);
    }
    found.push(...destinationsBeyond({ radius, facts, places, may }));
    const records = recordsBeyond({ radius, facts, may });
    if (records === ANY) unbounded.push(tool);
    else if (records !== undefined) found.push({ tool, what: "records", value: records });
  }
  if (anywhere.length > 0) found.push({ tool: listOf(anywhere), what: "environment", value: ANY });
  if (unbounded.length > 0) found.push({ tool: listOf(unbounded), what: "records", value: "any number of" });
  return found;
}

/** A pattern stands for the environments that it means, but for one that means a declared environment: that is tried itself. */
function environmentsBeyond(declared: readonly string[], patterns: readonly string[]): readonly string[] {
  return patterns.filter((pattern) => !declared.some(meansOneOf([pattern])));
}

interface AskedOfTool {
  readonly radius: Radius;
  readonly facts: ToolDocument;
  readonly may: (call: Call) => boolean;
}

/** Of a tool that sends, or of which nobody says what it does. */
function destinationsBeyond({
  radius,
  facts,
  places,
  may,
}: AskedOfTool & { readonly places: readonly string[] }): readonly Found[] {
  if (radius.destinations === undefined) return [];
  const isDeclared = meansOneOf(radius.destinations);
  const { name: tool, actions, destinations } = facts;
  const goes = destinations !== undefined || actions.length === 0 || actions.includes("send");
  if (!goes) return [];
  const beyond = (destinations ?? places).filter((place) => !isDeclared(place) && may({ destination: place }));
  const values = beyond.includes(ELSEWHERE) && destinations === undefined ? [ANY] : beyond;
  return values.map((value) => ({ tool, what: "destination" as const, value }));
}

/** How many records one call may be about, where that is too many. */
function recordsBeyond({ radius, facts, may }: AskedOfTool): string | undefined {
  const { max_records: most } = radius;
  const { max_records: bound, actions } = facts;
  if (most === undefined || (bound !== undefined && bound <= most)) return undefined;
  if (actions.length > 0 && !actions.some((action) => ON_RECORDS.has(action))) return undefined;
  const args = Object.fromEntries([...ROW_KEYS].map((key) => [key, bound ?? most + 1]));
  if (!may({ args })) return undefined;
  return bound === undefined ? ANY : String(bound);
}

/** Tools that policies name, or let by, and no document declares: nobody can say what they touch. */
function byUndeclared({ radius, tools, mayRun, decider }: Asked): readonly Found[] {
  if (radius.systems === undefined && radius.actions === undefined) return [];
  const declared = new Set(tools.map(({ name }) => name.toLowerCase()));
  const inIt = [undefined, ...(radius.environments ?? [])];
  const may = (tool: string): boolean =>
    inIt.some((environment) => mayRun(tool, environment === undefined ? {} : { environment }));
  const named = decider.toolNames.filter((tool) => !declared.has(tool.toLowerCase()) && may(tool));
  const found: Found[] = named.map((tool) => ({ tool, what: "tool", value: "" }));
  return may(ANY_TOOL) ? [...found, { tool: "", what: "tool", value: "" }] : found;
}

/** Requests of the process itself: its list of endpoints, and what becomes of those that are not on it. */
function byEgress({ destinations }: Radius, { unknown, allow = [] }: EgressRules): readonly Found[] {
  if (destinations === undefined) return [];
  const isDeclared = meansOneOf(destinations);
  const hosts = [...new Set(allow.map(hostOf))].filter((host) => !isDeclared(host));
  const all = unknown === "deny" ? hosts : [...hosts, ANY];
  return all.map((value) => ({ tool: "", what: "destination" as const, value }));
}

/** `[METHOD ][scheme://]host[:port][/path]` */
function hostOf(endpoint: string): string {
  const [, host = endpoint] = /^(?:\S+\s+)?(?:[a-z]+:\/\/)?(\[[^\]]*\]|[^:/\s]+)/i.exec(endpoint.trim()) ?? [];
  return host;
}

function byBudgets({ max_usd_per_day: most }: Radius, limit: bigint | undefined): readonly Found[] {
  if (most === undefined || (limit !== undefined && limit <= BigInt(Math.round(most * 1e9)))) return [];
  const value = limit === undefined ? "without a hard budget" : inADay(limit);
  return [{ tool: "", what: "money", value }];
}

function listOf(tools: readonly string[]): string {
  const shown = tools.slice(0, TOOLS_SHOWN_MAX).join(", ");
  return tools.length > TOOLS_SHOWN_MAX ? `${shown} and ${tools.length - TOOLS_SHOWN_MAX} more` : shown;
}
