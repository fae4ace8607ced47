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

const REMEMBERED_MAX = 4096;
const AGENTS_REMEMBERED_MAX = 256;

interface CompiledRule {
  readonly rule: string;
  readonly effect: Effect;
  readonly matches: readonly ((folded: string) => boolean)[];
  readonly condition: Condition | undefined;
  readonly reason: string | undefined;
  /** The pattern, for an entry of a list. */
  readonly pattern: string | undefined;
}

/** What is known of a name without looking at the call: the rules that name it; the decision, when no condition has a say. */
interface NameVerdict {
  readonly candidates: readonly CompiledRule[];
  readonly decision: Decision | undefined;
}

/** A compiled policy. Immutable to the outside, safe to share between calls. */
export class CompiledPolicy {
  readonly document: PolicyDocument;
  readonly version: string;
  readonly #rules: readonly CompiledRule[];
  readonly #agents: readonly ((folded: string) => boolean)[];
  readonly #verdicts = new Map<string, NameVerdict>();
  readonly #appliesTo = new Map<string, boolean>();

  constructor(document: PolicyDocument) {
    this.document = document;
    this.version = document.version === "" ? digestOf(document) : document.version;
    const lists = EFFECTS.flatMap((effect) => document[effect].map((pattern) => listEntry(effect, pattern)));
    this.#rules = [...lists, ...document.rules.map(ruleEntry)];
    this.#agents = document.agents.map((pattern) => compileFolded(pattern));
  }

  /** Whether the policy is for this agent. */
  appliesTo(agent: string): boolean {
    if (this.#agents.length === 0) return true;
    const known = this.#appliesTo.get(agent);
    if (known !== undefined) return known;
    const folded = foldCase(agent);
    const applies = this.#agents.some((matches) => matches(folded));
    if (this.#appliesTo.size >= AGENTS_REMEMBERED_MAX) this.#appliesTo.clear();
    this.#appliesTo.set(agent, applies);
    return applies;
  }

  /** Decides on a folded name. `scope` is called only if a condition has a say. `arguments` of the result is left to the caller. */
  decide(tool: string, scope: () => ConditionScope): Decision {
    const verdict = this.#verdictOf(tool);
    return verdict.decision ?? this.#decideByConditions(tool, verdict.candidates, scope());
  }

  #verdictOf(tool: string): NameVerdict {
    const known = this.#verdicts.get(tool);
    if (known !== undefined) return known;
    const candidates = this.#rules.filter((rule) => rule.matches.some((matches) => matches(tool)));
    const isSettled = candidates.every((rule) => rule.condition === undefined);
    const decision = isSettled ? Object.freeze(this.#conclude(tool, candidates, [])) : undefined;
    const verdict = { candidates, decision };
    if (this.#verdicts.size >= REMEMBERED_MAX) this.#verdicts.clear();
    this.#verdicts.set(tool, verdict);
    return verdict;
  }

  #decideByConditions(tool: string, candidates: readonly CompiledRule[], scope: ConditionScope): Decision {
    const met: CompiledRule[] = [];
    const failed: { readonly rule: CompiledRule; readonly error: string }[] = [];
    for (const rule of candidates) {
      if (rule.condition === undefined) {
        met.push(rule);
        continue;
      }
      const outcome = rule.condition.evaluate(scope);
      if (outcome.ok && outcome.met) met.push(rule);
      // A condition that can't be evaluated denies, unless it was to allow: then it allows nothing.
      else if (!outcome.ok && rule.effect !== "allow") failed.push({ rule, error: outcome.reason });
    }
    return this.#conclude(tool, met, failed);
  }

  #conclude(
    tool: string,
    met: readonly CompiledRule[],
    failed: readonly { readonly rule: CompiledRule; readonly error: string }[],
  ): Decision {
    const name = this.document.name;
    for (const effect of EFFECTS) {
      const errors = effect === "deny" ? failed : [];
      const rules = met.filter((rule) => rule.effect === effect);
      const matched: MatchedRule[] = [
        ...rules.map((rule) => ({ policy: name, rule: rule.rule, effect })),
        ...errors.map(({ rule, error }) => ({ policy: name, rule: rule.rule, effect: rule.effect, error })),
      ];
      const [first] = matched;
      if (first === undefined) continue;
      const [rule] = rules;
      const reason =
        rule === undefined
          ? `the condition of rule \`${first.rule}\` failed: ${first.error ?? ""}`
          : this.#reasonOf(tool, rule);
      return this.#decision(tool, { decision: effect, rule: first.rule, reason, matched });
    }
    const byDefault = this.document.default;
    const reason = `no rule of policy \`${name}\` names \`${tool}\` or is met, and its default is \`${byDefault}\``;
    return this.#decision(tool, { decision: byDefault, rule: "default", reason, matched: [] });
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
    return { ...parts, policy: this.document.name, policyVersion: this.version, tool, arguments: undefined };
  }
}

function listEntry(effect: Effect, pattern: string): CompiledRule {
  return {
    rule: `${effect}: ${pattern}`,
    effect,
    matches: [compileFolded(pattern)],
    condition: undefined,
    reason: undefined,
    pattern,
  };
}

function ruleEntry(rule: PolicyDocument["rules"][number]): CompiledRule {
  return {
    rule: rule.name,
    effect: rule.effect,
    matches: rule.tools.map((pattern) => compileFolded(pattern)),
    condition: rule.when === undefined ? undefined : conditionOf(rule.when),
    reason: rule.reason,
    pattern: undefined,
  };
}

function conditionOf(source: string): Condition {
  const compiled = compileCondition(source);
  if (!compiled.ok) throw new RangeError(`condition ${compiled.message} (at ${compiled.line}:${compiled.column})`);
  return compiled.condition;
}

function digestOf(document: PolicyDocument): string {
  return createHash("sha256")
    .update(canonicalJson(document) ?? "")
    .digest("hex")
    .slice(0, 12);
}
