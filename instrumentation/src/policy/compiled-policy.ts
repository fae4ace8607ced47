/**
 * One policy made ready: every pattern and condition compiled once, and what its lists say of a name remembered, since an
 * agent calls few tools often. Order of effects: forbid > deny > require_approval > allow > default.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import { compileCondition } from "./condition.ts";
import type { Condition, ConditionScope } from "./condition.ts";
import type { Decision, MatchedRule } from "./decision.ts";
import { EFFECTS } from "./document.ts";
import type { Effect, PolicyDocument } from "./document.ts";
import { compileFolded, foldCase } from "./glob.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";
import type { PolicyRequest } from "./request.ts";
import { RuleIndex } from "./rule-index.ts";

const REMEMBERED_MAX = 4096;
const AGENTS_REMEMBERED_MAX = 256;
/** Longer names are of nobody who is known: policies mean them all. */
const NAME_LENGTH_MAX = 512;
const SHARE_STEPS = 1_000_000;

type Matches = (folded: string) => boolean;

/** Whether a policy has a say in a call, and whether its word counts. */
export type Standing = "absent" | "shadow" | "enforced";

interface CompiledRule {
  readonly rule: string;
  readonly effect: Effect;
  readonly patterns: readonly string[];
  /** Empty: in all environments. */
  readonly environments: readonly Matches[];
  readonly condition: Condition | undefined;
  readonly reason: string | undefined;
  /** The pattern, for an entry of a list. */
  readonly pattern: string | undefined;
}

interface FailedRule {
  readonly rule: CompiledRule;
  readonly error: string;
}

/** What is known of a name without looking at the call: the rules that name it; the decision, when no condition has a say. */
interface NameVerdict {
  readonly candidates: readonly CompiledRule[];
  readonly isSettled: boolean;
  /** Kept from the second time on that the name is asked for. */
  decision: Decision | undefined;
}

/** A compiled policy. Immutable to the outside, safe to share between calls. */
export class CompiledPolicy {
  readonly document: PolicyDocument;
  readonly version: string;
  /** What `label("…")` of its conditions means. */
  readonly labels: LabelOrder;
  readonly #rules: readonly CompiledRule[];
  readonly #index: RuleIndex;
  readonly #agents: readonly Matches[];
  readonly #teams: readonly Matches[];
  readonly #environments: readonly Matches[];
  readonly #isForAll: boolean;
  /** Of all sessions, from 0 to 1. */
  readonly #share: number;
  readonly #verdicts = new Map<string, NameVerdict>();
  readonly #appliesTo = new Map<string, boolean>();
  #lastShare: { readonly session: string; readonly isWithin: boolean } | undefined;

  constructor(document: PolicyDocument, labels: LabelOrder = DEFAULT_LABEL_ORDER) {
    this.document = document;
    this.labels = labels;
    this.version = document.version === "" ? digestOf(document) : document.version;
    const lists = EFFECTS.flatMap((effect) => document[effect].map((pattern) => listEntry(effect, pattern)));
    this.#rules = [...lists, ...document.rules.map((rule) => ruleEntry(rule, labels))];
    this.#index = new RuleIndex(this.#rules.map(({ patterns }) => patterns));
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
    return this.#verdicts.get(tool)?.decision;
  }

  /** Decides on a folded name. `scope` is called only if a condition has a say. `arguments` of the result is left to the caller. */
  decide(tool: string, environment: string, scope: () => ConditionScope): Decision {
    let verdict = this.#verdicts.get(tool);
    if (verdict === undefined) {
      verdict = this.#verdictOf(tool);
      if (verdict.isSettled) return this.#conclude(tool, verdict.candidates, []);
    }
    if (verdict.isSettled) return (verdict.decision ??= Object.freeze(this.#conclude(tool, verdict.candidates, [])));
    return this.#decideByConditions({ tool, environment }, verdict.candidates, scope);
  }

  /** Of a name that is not remembered. */
  #verdictOf(tool: string): NameVerdict {
    const candidates: CompiledRule[] = [];
    let isSettled = true;
    for (const at of this.#index.find(tool)) {
      const rule = this.#rules[at];
      if (rule === undefined) continue;
      candidates.push(rule);
      if (rule.condition !== undefined || rule.environments.length > 0) isSettled = false;
    }
    const verdict: NameVerdict = { candidates, isSettled, decision: undefined };
    if (this.#verdicts.size >= REMEMBERED_MAX) this.#verdicts.clear();
    this.#verdicts.set(tool, verdict);
    return verdict;
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
      const outcome = rule.condition.evaluate((frame ??= scope()));
      if (outcome.ok && outcome.met) met.push(rule);
      // A condition that can't be evaluated denies, unless it was to allow: then it allows nothing.
      else if (!outcome.ok && rule.effect !== "allow") failed.push({ rule, error: outcome.reason });
    }
    return this.#conclude(tool, met, failed);
  }

  #conclude(tool: string, met: readonly CompiledRule[], failed: readonly FailedRule[]): Decision {
    const policy = this.document.name;
    const effect = strictestOf(met, failed);
    if (effect === undefined) {
      const byDefault = this.document.default;
      const reason = `no rule of policy \`${policy}\` names \`${tool}\` or is met, and its default is \`${byDefault}\``;
      return this.#decision(tool, { decision: byDefault, rule: "default", reason, matched: [] });
    }
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
    const reason =
      first === undefined
        ? `the condition of rule \`${rule}\` failed: ${matched[0]?.error ?? ""}`
        : this.#reasonOf(tool, first);
    return this.#decision(tool, { decision: effect, rule, reason, matched });
  }

  #reasonOf(tool: string, rule: CompiledRule): string {
    if (rule.reason !== undefined) return rule.reason;
    const name = this.document.name;
    if (rule.pattern !== undefined)
      return `\`${tool}\` matches \`${rule.pattern}\` under \`${rule.effect}\` in policy \`${name}\``;
    const condition = rule.condition === undefined ? "" : `: ${rule.condition.source}`;
    return `rule \`${rule.rule}\` (\`${rule.effect}\`) of policy \`${name}\` is met${condition}`;
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
      shadow: NO_SHADOW,
      tool,
      arguments: undefined,
    };
  }
}

/** What a condition that failed was to decide does not matter: it denies. */
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

const NO_SHADOW: readonly never[] = Object.freeze([]);

function listEntry(effect: Effect, pattern: string): CompiledRule {
  return {
    rule: `${effect}: ${pattern}`,
    effect,
    patterns: [pattern],
    environments: [],
    condition: undefined,
    reason: undefined,
    pattern,
  };
}

function ruleEntry(rule: PolicyDocument["rules"][number], labels: LabelOrder): CompiledRule {
  return {
    rule: rule.name,
    effect: rule.effect,
    patterns: rule.tools,
    environments: (rule.environments ?? []).map((pattern) => compileFolded(pattern)),
    condition: rule.when === undefined ? undefined : conditionOf(rule.when, labels),
    reason: rule.reason,
    pattern: undefined,
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
