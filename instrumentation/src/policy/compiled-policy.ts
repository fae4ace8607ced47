/**
 * One policy made ready: every pattern and condition compiled once, and what its lists say of a name remembered, since an
 * agent calls few tools often. Order of effects: forbid > deny > require_approval > allow > default. A condition that can't be
 * evaluated is a deny, whatever its rule was to do: nobody knows then what the policy's author wanted of this call.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { compileCondition } from "./condition.ts";
import type { Condition, ConditionScope } from "./condition.ts";
import type { Decision, MatchedRule } from "./decision.ts";
import { EFFECTS } from "./document.ts";
import type { Effect, PolicyDocument, PolicyRule } from "./document.ts";
import { compileFolded, foldCase } from "./glob.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";
import type { PolicyRequest } from "./request.ts";
import { MANY_RULES, NO_RULE, RuleIndex } from "./rule-index.ts";

const REMEMBERED_MAX = 4096;
const ASKED_MAX = 1_024;
const AGENTS_REMEMBERED_MAX = 256;
/** Longer names are of nobody who is known: policies mean them all. */
const NAME_LENGTH_MAX = 512;
const SHARE_STEPS = 1_000_000;

type Matches = (folded: string) => boolean;

/** Whether a policy has a say in a call, and whether its word counts. */
export type Standing = "absent" | "shadow" | "enforced";

interface CompiledRule {
  readonly rule: string;
  /** Its condition's, in the document: `rules[0].when`. */
  readonly place: string;
  readonly effect: Effect;
  readonly patterns: readonly string[];
  /** Empty: in all environments. */
  readonly environments: readonly Matches[];
  readonly condition: Condition | undefined;
  /** Why it says so; of an entry of a list, what comes after the tool's name. */
  readonly reason: string | { readonly after: string };
  /** Itself alone, as decisions list it. */
  readonly matched: readonly MatchedRule[];
}

interface FailedRule {
  readonly rule: CompiledRule;
  readonly error: string;
}

/** The rules that name a tool; one object for all names that one rule, or none, names. */
interface Naming {
  readonly candidates: readonly CompiledRule[];
  /** No condition and no environment has a say. */
  readonly isSettled: boolean;
}

const BY_NONE: Naming = { candidates: [], isSettled: true };

/** A compiled policy. Immutable to the outside, safe to share between calls. */
export class CompiledPolicy {
  readonly document: PolicyDocument;
  readonly version: string;
  /** Some condition asks what the agent did before, or whether a tool is described as it was. */
  readonly asksPast: boolean;
  /** What `label("…")` of its conditions means. */
  readonly labels: LabelOrder;
  /** By the rule's position. */
  readonly #byOne: readonly Naming[];
  readonly #index: RuleIndex;
  /** The reason of a decision by default, before and after the tool's name. */
  readonly #byDefault: readonly [string, string];
  readonly #agents: readonly Matches[];
  readonly #teams: readonly Matches[];
  readonly #environments: readonly Matches[];
  readonly #isForAll: boolean;
  /** Of all sessions, from 0 to 1. */
  readonly #share: number;
  readonly #asked = new Set<string>();
  #lot = 1;
  /** What was decided on names that no condition has a say in. */
  readonly #settled = new Map<string, Decision>();
  /** The rules that name others. */
  readonly #open = new Map<string, readonly CompiledRule[]>();
  readonly #appliesTo = new Map<string, boolean>();
  #lastShare: { readonly session: string; readonly isWithin: boolean } | undefined;

  constructor(document: PolicyDocument, labels: LabelOrder = DEFAULT_LABEL_ORDER) {
    this.document = document;
    this.labels = labels;
    this.version = document.version === "" ? digestOf(document) : document.version;
    const { name } = document;
    this.asksPast = document.rules.some(({ when = "" }) => /\b(?:expansion|changed)\b/.test(when));
    this.#byDefault = [
      `no rule of policy \`${name}\` names \``,
      `\` or is met, and its default is \`${document.default}\``,
    ];
    const lists = EFFECTS.flatMap((effect) => document[effect].map((pattern) => listEntry(name, effect, pattern)));
    const rules = [...lists, ...document.rules.map((rule, at) => ruleEntry(name, { rule, at, labels }))];
    this.#byOne = rules.map((rule) => namingOf([rule]));
    this.#index = new RuleIndex(rules.map(({ patterns }) => patterns));
    this.#agents = document.agents.map((pattern) => compileFolded(pattern));
    this.#teams = document.teams.map((pattern) => compileFolded(pattern));
    this.#environments = document.environments.map((pattern) => compileFolded(pattern));
    this.#share = Number.parseFloat(document.share) / 100;
    this.#isForAll = this.#agents.length + this.#teams.length + this.#environments.length === 0;
  }

  /** Whether the policy is for this call: for its agent or one on whose behalf that acts, its team and its environment. */
  standing(request: PolicyRequest): Standing {
    if (!this.#isForAll && !this.#isFor(request)) return "absent";
    if (!this.document.enforce) return "shadow";
    return this.#share >= 1 || this.#isWithinShare(request) ? "enforced" : "shadow";
  }

  #isFor({ agent, environment = "" }: PolicyRequest): boolean {
    const names = [agent?.name ?? "", ...(agent?.ancestors ?? [])];
    return (
      (this.#agents.length === 0 || names.some((name) => this.#remembers("agent", name, this.#agents))) &&
      (this.#teams.length === 0 || this.#remembers("team", agent?.team ?? "", this.#teams)) &&
      (this.#environments.length === 0 ||
        environment === "" ||
        this.#remembers("environment", environment, this.#environments))
    );
  }

  #remembers(what: string, name: string, patterns: readonly Matches[]): boolean {
    if (name.length > NAME_LENGTH_MAX) return true;
    const key = `${what} ${name}`;
    const known = this.#appliesTo.get(key);
    if (known !== undefined) return known;
    const folded = foldCase(name);
    const applies = patterns.some((matches) => matches(folded));
    if (this.#appliesTo.size >= AGENTS_REMEMBERED_MAX) this.#appliesTo.clear();
    this.#appliesTo.set(key, applies);
    return applies;
  }

  /** The same session is always on the same side, in every process; a higher share keeps all sessions that a lower one had. */
  #isWithinShare({ session, agent }: PolicyRequest): boolean {
    const id = session?.id ?? agent?.name ?? "";
    if (this.#lastShare?.session === id) return this.#lastShare.isWithin;
    const digest = createHash("sha256").update(`${this.document.name}\n${id}`).digest();
    const isWithin = digest.readUInt32BE(0) % SHARE_STEPS < this.#share * SHARE_STEPS;
    this.#lastShare = { session: id, isWithin };
    return isWithin;
  }

  /** The decision on a name that is folded already, where no condition has a say and it was asked for before. */
  settled(tool: string): Decision | undefined {
    return this.#settled.get(tool);
  }

  /** Decides on a folded name that is not `settled`; `undefined` where a condition or the environment has a say. */
  decideByName(tool: string): Decision | undefined {
    if (this.#open.size > 0 && this.#open.has(tool)) return undefined;
    const { candidates, isSettled } = this.#naming(tool);
    if (!isSettled) {
      remember(this.#open, tool, candidates);
      return undefined;
    }
    const decision = this.#conclude(tool, candidates, []);
    if (this.#isSecond(tool)) remember(this.#settled, tool, Object.freeze(decision));
    return decision;
  }

  /** Decides on a folded name. `scope` is called only if a condition has a say. `arguments` of the result is left to the caller. */
  decide(tool: string, environment: string, scope: () => ConditionScope): Decision {
    const decision = this.#settled.get(tool) ?? this.decideByName(tool);
    if (decision !== undefined) return decision;
    return this.#decideByConditions({ tool, environment }, this.#open.get(tool) ?? [], scope);
  }

  /**
   * Whether a name was asked for lately: names that come once are not worth their place, and to look each up costs as much as to
   * decide. So some are looked at by lot: what comes again and again is met soon.
   */
  #isSecond(tool: string): boolean {
    // Xorshift (Marsaglia 2003): no rhythm in which names come can dodge it.
    let lot = this.#lot;
    lot ^= lot << 13;
    lot ^= lot >>> 17;
    lot ^= lot << 5;
    this.#lot = lot;
    if ((lot & 7) !== 0) return false;
    if (this.#asked.has(tool)) return true;
    if (this.#asked.size >= ASKED_MAX) this.#asked.clear();
    this.#asked.add(tool);
    return false;
  }

  #naming(tool: string): Naming {
    const only = this.#index.findOnly(tool);
    if (only === NO_RULE) return BY_NONE;
    if (only !== MANY_RULES) return this.#byOne[only] ?? BY_NONE;
    return namingOf(this.#index.find(tool).flatMap((at) => this.#byOne[at]?.candidates ?? []));
  }

  #decideByConditions(
    { tool, environment }: { readonly tool: string; readonly environment: string },
    candidates: readonly CompiledRule[],
    scope: () => ConditionScope,
  ): Decision {
    const met: CompiledRule[] = [];
    const failed: FailedRule[] = [];
    let frame: ConditionScope | undefined;
    for (const rule of candidates) {
      if (rule.environments.length > 0 && !holdsIn(rule, environment)) continue;
      if (rule.condition === undefined) {
        met.push(rule);
        continue;
      }
      const outcome = rule.condition.evaluate((frame ??= scope()), rule.effect === "allow" ? "all" : "any");
      if (outcome.ok && outcome.met) met.push(rule);
      else if (!outcome.ok) failed.push({ rule, error: outcome.reason });
    }
    return this.#conclude(tool, met, failed);
  }

  #conclude(tool: string, met: readonly CompiledRule[], failed: readonly FailedRule[]): Decision {
    const only = met[0];
    if (only !== undefined && met.length === 1 && failed.length === 0)
      return this.#decision(tool, {
        decision: only.effect,
        rule: only.rule,
        reason: reasonOf(tool, only),
        matched: only.matched,
      });
    const effect = strictestOf(met, failed);
    if (effect === undefined) return this.#decideByDefault(tool);
    const policy = this.document.name;
    const matched: MatchedRule[] = [];
    let first: CompiledRule | undefined;
    for (const rule of met) {
      if (rule.effect !== effect) continue;
      first ??= rule;
      matched.push({ policy, rule: rule.rule, effect });
    }
    if (effect === "deny")
      for (const { rule, error } of failed) matched.push({ policy, rule: rule.rule, effect: rule.effect, error });
    const rule = matched[0]?.rule ?? "";
    const reason = first === undefined ? failureText(failed[0]) : reasonOf(tool, first);
    return this.#decision(tool, { decision: effect, rule, reason, matched });
  }

  #decideByDefault(tool: string): Decision {
    const reason = `${this.#byDefault[0]}${tool}${this.#byDefault[1]}`;
    return this.#decision(tool, { decision: this.document.default, rule: "default", reason, matched: NOTHING });
  }

  #decision(tool: string, parts: Pick<Decision, "decision" | "rule" | "reason" | "matched">): Decision {
    const { decision, rule, reason, matched } = parts;
    return {
      decision,
      rule,
      reason,
      policy: this.document.name,
      policyVersion: this.version,
      matched,
      shadow: NOTHING,
      tool,
      arguments: undefined,
    };
  }
}

function remember<T>(known: Map<string, T>, tool: string, what: T): void {
  if (known.size >= REMEMBERED_MAX) known.clear();
  known.set(tool, what);
}

function namingOf(candidates: readonly CompiledRule[]): Naming {
  const isSettled = candidates.every((rule) => rule.condition === undefined && rule.environments.length === 0);
  return { candidates, isSettled };
}

/** Of the first: as many rules may fail as there are, and `matched` has them all. */
function failureText(failed: FailedRule | undefined): string {
  if (failed === undefined) return "";
  const { rule, error } = failed;
  return `the condition of rule \`${rule.rule}\` (${rule.place}) failed: ${error}`;
}

function strictestOf(met: readonly CompiledRule[], failed: readonly FailedRule[]): Effect | undefined {
  let strictest = failed.length > 0 ? DENY : EFFECTS.length;
  for (const { effect } of met) strictest = Math.min(strictest, EFFECTS.indexOf(effect));
  return EFFECTS[strictest];
}

const DENY = EFFECTS.indexOf("deny");

/** Where a call does not say its environment, a rule that allows does not hold, and any other does. */
function holdsIn({ effect, environments }: CompiledRule, environment: string): boolean {
  if (environment === "" || environment.length > NAME_LENGTH_MAX) return effect !== "allow";
  const folded = foldCase(environment);
  return environments.some((matches) => matches(folded));
}

const NOTHING: readonly never[] = Object.freeze([]);

/** Why, in the user's words. */
function reasonOf(tool: string, { reason }: CompiledRule): string {
  return typeof reason === "string" ? reason : `\`${tool}${reason.after}`;
}

function listEntry(policy: string, effect: Effect, pattern: string): CompiledRule {
  const rule = `${effect}: ${pattern}`;
  return {
    rule,
    place: "",
    effect,
    patterns: [pattern],
    environments: [],
    condition: undefined,
    reason: { after: `\` matches \`${pattern}\` under \`${effect}\` in policy \`${policy}\`` },
    matched: Object.freeze([Object.freeze({ policy, rule, effect })]),
  };
}

function ruleEntry(
  policy: string,
  { rule, at, labels }: { readonly rule: PolicyRule; readonly at: number; readonly labels: LabelOrder },
): CompiledRule {
  const { name, effect, when } = rule;
  const condition = when === undefined ? undefined : conditionOf(when, labels);
  const source = condition === undefined ? "" : `: ${condition.source}`;
  return {
    rule: name,
    place: `rules[${at}].when`,
    effect,
    patterns: rule.tools,
    environments: (rule.environments ?? []).map((pattern) => compileFolded(pattern)),
    condition,
    reason: rule.reason ?? `rule \`${name}\` (\`${effect}\`) of policy \`${policy}\` is met${source}`,
    matched: Object.freeze([Object.freeze({ policy, rule: name, effect })]),
  };
}

function conditionOf(source: string, labels: LabelOrder): Condition {
  const compiled = compileCondition(source, labels);
  if (!compiled.ok) throw new RangeError(`condition ${compiled.message} (at ${compiled.line}:${compiled.column})`);
  return compiled.condition;
}

function digestOf(document: PolicyDocument): string {
  return createHash("sha256")
    .update(canonicalJson(document) ?? "")
    .digest("hex")
    .slice(0, 12);
}
