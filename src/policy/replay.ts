/**
 * What a candidate would have decided on what was recorded. Pure. The record has no arguments and no state of the session: a rule whose
 * condition asks for them may have been met or not, so the candidate decides with and without it, and where it looks at an
 * argument that it does not ask for first, also as if that had been missing, which denies. Where that makes a difference, the answer is
 * that it depends.
 */
import {
  agentChain,
  type CompiledPolicy,
  compilePolicy,
  decide,
  type Effect,
  type LabelOrder,
  type PolicyDocument,
  type PolicyRequest,
  type PolicyRule,
  type ToolCatalogue,
  unaskedArguments,
} from "@tollgate/instrumentation/policy";
import type { AgentRegistry } from "./registry.ts";

/** Decisions that were made alike. */
export interface RecordedDecisions {
  readonly agent: string;
  readonly team: string;
  readonly role: string;
  readonly environment: string;
  /** Its label of that name: who its agent acted for. */
  readonly ancestors: string;
  readonly autonomy: string;
  readonly tool: string;
  readonly decision: string;
  readonly rule: string;
  readonly decisions: number;
  readonly traces: readonly string[];
}

export type ReplayChange = "newly_denied" | "newly_asked" | "newly_allowed" | "depends";

export interface ReplayRow {
  readonly change: ReplayChange;
  readonly agent: string;
  readonly tool: string;
  /** As recorded. */
  readonly was: string;
  /** What the candidate decides, or may decide: `allow or deny`. */
  readonly becomes: string;
  /** The rule that decides then. */
  readonly rule: string;
  readonly decisions: number;
  readonly traces: readonly string[];
}

export interface ReplayReport {
  readonly decisions: number;
  readonly unchanged: number;
  /** Of agents that no policy of the candidate is for. */
  readonly not_governed: number;
  readonly totals: Readonly<Record<ReplayChange, number>>;
  /** What happens most comes first. */
  readonly changes: readonly ReplayRow[];
  /** Decisions that changed and have no row, as there are too many rows. */
  readonly left_out: number;
}

export interface ReplayOptions {
  readonly policies: readonly PolicyDocument[];
  readonly labels: LabelOrder;
  /** What would be declared of tools. */
  readonly tools: ToolCatalogue;
  /** What would be said of agents: it wins over what is recorded of them. */
  readonly registry: AgentRegistry;
  /** The candidate is everything that would be in force: an agent that it does not name has no policy. */
  readonly isWhole: boolean;
}

/** What the record does not hold. */
const NOT_RECORDED = /\b(?:args|session|destinations?|now|model|expansion|tool\.changed)\b/;
const NO_POLICY = "no policy";

const ROWS_MAX = 100_000;
const TRACES_MAX = 3;

/** Takes what was recorded, piece by piece, and keeps what changes: by agent and tool, not by decision. */
export class DecisionReplay {
  readonly #options: ReplayOptions;
  readonly #variants: readonly Variant[];
  readonly #rows = new Map<string, ReplayRow>();
  readonly #totals = { newly_denied: 0, newly_asked: 0, newly_allowed: 0, depends: 0 };
  #decisions = 0;
  #unchanged = 0;
  #notGoverned = 0;
  #leftOut = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#variants = variantsOf(options);
  }

  take(group: RecordedDecisions): void {
    this.#decisions += group.decisions;
    const row = decideAgain(group, this.#variants, this.#options);
    if (row === "not_governed") this.#notGoverned += group.decisions;
    else if (row === "unchanged") this.#unchanged += group.decisions;
    else this.#add(row);
  }

  report(): ReplayReport {
    return {
      decisions: this.#decisions,
      unchanged: this.#unchanged,
      not_governed: this.#notGoverned,
      totals: this.#totals,
      changes: [...this.#rows]
        .toSorted(([key, row], [other, than]) => than.decisions - row.decisions || (key < other ? -1 : 1))
        .map(([, row]) => row),
      left_out: this.#leftOut,
    };
  }

  #add(row: ReplayRow): void {
    this.#totals[row.change] += row.decisions;
    const key = JSON.stringify([row.agent, row.tool, row.change, row.was, row.becomes, row.rule]);
    const known = this.#rows.get(key);
    if (known !== undefined) {
      const traces = [...new Set([...known.traces, ...row.traces])].slice(0, TRACES_MAX);
      this.#rows.set(key, { ...known, decisions: known.decisions + row.decisions, traces });
    } else if (this.#rows.size < ROWS_MAX) this.#rows.set(key, row);
    else this.#leftOut += row.decisions;
  }
}

type Variant = readonly CompiledPolicy[];

/** What becomes of the rules that can't be decided from the record; allowing ones together, the others together. */
interface Settlement {
  readonly allows: boolean;
  readonly refuses: boolean;
  /** Those that look at arguments which a call may not have fail, and so deny. */
  readonly fails: boolean;
}

function variantsOf({ policies, labels }: ReplayOptions): readonly Variant[] {
  const open = policies.flatMap(({ rules }) => rules.filter(isUndecidable));
  const met = open.length > 0 ? [true, false] : [false];
  const settlements: Settlement[] = met.flatMap((allows) => met.map((refuses) => ({ allows, refuses, fails: false })));
  const mayFail = open.some((rule) => asksUnasked(rule, labels));
  if (mayFail) settlements.push({ allows: false, refuses: false, fails: true });
  return settlements.map((settlement) =>
    policies.map((policy) => compilePolicy(settled(policy, settlement, labels), { labels })),
  );
}

function asksUnasked({ when = "" }: PolicyRule, labels: LabelOrder): boolean {
  return unaskedArguments(when, labels).length > 0;
}

function isUndecidable({ when }: PolicyRule): boolean {
  return when !== undefined && NOT_RECORDED.test(when);
}

/** In force for everybody, with its open rules met or left out. */
function settled(policy: PolicyDocument, settlement: Settlement, labels: LabelOrder): PolicyDocument {
  const rules = policy.rules.flatMap((rule): PolicyRule[] => {
    if (!isUndecidable(rule)) return [rule];
    const { when: _, ...always } = rule;
    if (settlement.fails && asksUnasked(rule, labels)) return [{ ...always, effect: "deny" }];
    return (rule.effect === "allow" ? settlement.allows : settlement.refuses) ? [always] : [];
  });
  return { ...policy, rules, enforce: true, share: "100%" };
}

function decideAgain(
  group: RecordedDecisions,
  variants: readonly Variant[],
  options: ReplayOptions,
): ReplayRow | "unchanged" | "not_governed" {
  const { agent, tool, decision: was, decisions, traces } = group;
  const request = requestOf(group, options);
  const { requirePolicy } = options.registry;
  const made = variants.map((policies) =>
    decide(policies, request, { requirePolicy: options.isWhole && requirePolicy }),
  );
  const [first] = made;
  if (first === undefined) return "unchanged";
  if (first.policy === "" && first.rule === NO_POLICY && !options.isWhole) return "not_governed";
  const effects = [...new Set(made.map(({ decision }) => decision))];
  if (effects.length === 1 && effects[0] === was) return "unchanged";
  const change = effects.length === 1 ? changeTo(first.decision) : "depends";
  // From a deny to a forbid nothing changes for the agent.
  if (change === "newly_denied" && (was === "deny" || was === "forbid")) return "unchanged";
  const rule = effects.length === 1 ? first.rule : "";
  return { change, agent, tool, was, becomes: effects.toSorted().join(" or "), rule, decisions, traces };
}

/** The call as the candidate would have seen it. */
function requestOf(group: RecordedDecisions, { tools, registry }: ReplayOptions): PolicyRequest {
  const { agent, environment, tool, ancestors } = group;
  const recorded = { team: group.team, role: group.role, autonomy: group.autonomy, ancestors };
  const { team = "", role = "", autonomy = "", owner = "" } = registry.labels(agent, recorded);
  const chain = [...agentChain({ agent, ancestors }), ...registry.ancestors(agent)];
  return {
    agent: { name: agent, team, role, autonomy, owner, ancestors: chain.filter((name) => name !== agent) },
    environment,
    tool: tools.factsOf(tool),
  };
}

function changeTo(effect: Effect): ReplayChange {
  if (effect === "allow") return "newly_allowed";
  return effect === "require_approval" ? "newly_asked" : "newly_denied";
}
