/**
 * What is odd about a policy that is valid: rules that never decide, patterns that mean nothing, and what lets everything by.
 * Pure. A finding is a suspicion: the policy works all the same.
 */
import type { Effect, PolicyDocument, PolicyRule } from "./document.ts";
import { compileGlob, globExamples } from "./glob.ts";
import { judgeCondition, picksDestination, unaskedArguments } from "./judge-condition.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";

export type LintRule =
  | "allows_everything"
  | "missing_default"
  | "unreachable"
  | "shadowed"
  | "unknown_tool"
  | "never_met"
  | "always_met"
  | "always_fails"
  | "fails_without"
  | "one_of_destinations";

export interface LintFinding {
  readonly rule: LintRule;
  /** `allow[2]`, `rules[0].when`; "" for the document. */
  readonly path: string;
  readonly message: string;
}

export interface LintOptions {
  /** Names of the tools that are declared; `undefined`: nobody knows which there are. */
  readonly tools?: readonly string[];
  readonly labels?: LabelOrder;
  /** Whether the document says its `default`. */
  readonly saysDefault: boolean;
}

const PICKED =
  "looks at one of several destinations, which another may stand before: `destination` is asked for each of them";
const ORDER: readonly Effect[] = ["forbid", "deny", "require_approval", "allow"];

/** One pattern that decides by itself, or a rule. */
interface Entry {
  readonly path: string;
  readonly effect: Effect;
  readonly patterns: readonly string[];
  /** Decides on every call whose tool it names. */
  readonly isUnconditional: boolean;
  readonly text: string;
}

export function lintPolicy(policy: PolicyDocument, options: LintOptions): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  if (!options.saysDefault)
    findings.push({ rule: "missing_default", path: "", message: "has no `default`: what no rule names is denied" });
  const entries = entriesOf(policy);
  for (const entry of entries) {
    findings.push(...lintPatterns(entry, options.tools));
    const cover = entries.find((other) => other !== entry && covers(other, entry, entries));
    if (cover !== undefined) findings.push(covered(entry, cover));
  }
  for (const [index, rule] of policy.rules.entries()) {
    const path = `rules[${index}]`;
    if (rule.tools.length === 0)
      findings.push({ rule: "never_met", path: `${path}.tools`, message: "names no tool, so it is never met" });
    if (rule.when !== undefined && picksDestination(rule.when, options.labels ?? DEFAULT_LABEL_ORDER))
      findings.push({ rule: "one_of_destinations", path: `${path}.when`, message: PICKED });
    findings.push(...lintCondition(rule, `${path}.when`, { policy, labels: options.labels }));
  }
  return findings;
}

interface Around {
  readonly policy: PolicyDocument;
  readonly labels: LabelOrder | undefined;
}

/** An error in a condition denies. */
function lintCondition(
  rule: PolicyRule,
  path: string,
  { policy, labels = DEFAULT_LABEL_ORDER }: Around,
): readonly LintFinding[] {
  const { when } = rule;
  if (when === undefined) return [];
  const verdict = judgeCondition(when, labels);
  switch (verdict.verdict) {
    case "never": {
      const denies = verdict.mayFail ? "; where it can't be evaluated, it denies" : "";
      return [{ rule: "never_met", path, message: `is never met: ${verdict.reason}${denies}` }];
    }
    case "always":
      return [{ rule: "always_met", path, message: `says nothing: ${verdict.reason}` }];
    case "fails": {
      const message = `can never be evaluated (${verdict.reason}), and so denies every call that it names`;
      return [{ rule: "always_fails", path, message }];
    }
    case "open": {
      const [missing] = mayDenyUnasked(rule, policy) ? unaskedArguments(when, labels) : [];
      if (missing === undefined) return [];
      const not = rule.effect === "allow" ? "whatever else lets it by" : "and does not ask";
      const message = `denies, ${not}, where a call has no \`${missing}\`: begin with \`has(${missing}) &&\``;
      return [{ rule: "fails_without", path, message }];
    }
  }
}

/** Whether a deny by a failed condition is something else than what its rule was written for, and what happens without the rule. */
function mayDenyUnasked(rule: PolicyRule, policy: PolicyDocument): boolean {
  if (rule.effect === "require_approval") return true;
  if (rule.effect !== "allow") return false;
  if (policy.default !== "deny") return true;
  const others = policy.rules.filter((other) => other !== rule && ["allow", "require_approval"].includes(other.effect));
  const patterns = [...policy.allow, ...policy.require_approval, ...others.flatMap(({ tools }) => tools)];
  return rule.tools.some((mine) => patterns.some((other) => meet(mine, other)));
}

/** Whether one matches an example of the other; two that share names may have none such. */
function meet(left: string, right: string): boolean {
  const [isLeft, isRight] = [compileGlob(left), compileGlob(right)];
  return globExamples(left).some(isRight) || globExamples(right).some(isLeft);
}

function entriesOf(policy: PolicyDocument): readonly Entry[] {
  const lists = ORDER.flatMap((effect) =>
    policy[effect].map((pattern, index): Entry => {
      const path = `${effect}[${index}]`;
      return { path, effect, patterns: [pattern], isUnconditional: true, text: `\`${pattern}\` under \`${effect}\`` };
    }),
  );
  const rules = policy.rules.map((rule, index): Entry => {
    const isUnconditional = rule.when === undefined && rule.environments === undefined;
    const text = `rule \`${rule.name}\` (\`${rule.effect}\`)`;
    return { path: `rules[${index}]`, effect: rule.effect, patterns: rule.tools, isUnconditional, text };
  });
  return [...lists, ...rules];
}

/** Names that only what is open to all of them matches, however it is written: `*`, `?*`, `{*,read_*}`. */
const ANYTHING: readonly string[] = ["a", "z", "0", "9", "_", "-", ".", "/", "\u{1d800}".repeat(300)];

function lintPatterns(entry: Entry, tools: readonly string[] | undefined): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  for (const [index, pattern] of entry.patterns.entries()) {
    const path = entry.path.startsWith("rules") ? `${entry.path}.tools[${index}]` : entry.path;
    const matches = compileGlob(pattern);
    if (entry.effect === "allow" && entry.isUnconditional && ANYTHING.every((name) => matches(name)))
      findings.push({
        rule: "allows_everything",
        path,
        message: `\`${pattern}\` allows every tool there will ever be`,
      });
    if (tools !== undefined && !tools.some((tool) => matches(tool)))
      findings.push({
        rule: "unknown_tool",
        path,
        message: `\`${pattern}\` matches no known tool`,
      });
  }
  return findings;
}

/** Whether `other` decides, more strictly or as strictly, on everything that `entry` names. */
function covers(other: Entry, entry: Entry, entries: readonly Entry[]): boolean {
  if (!other.isUnconditional || entry.patterns.length === 0) return false;
  const [mine, theirs] = [ORDER.indexOf(entry.effect), ORDER.indexOf(other.effect)];
  if (theirs > mine) return false;
  const isCovered = entry.patterns.every((pattern) => other.patterns.some((wider) => isWithin(pattern, wider)));
  if (!isCovered || theirs < mine || !entry.isUnconditional) return isCovered;
  // Two that name the same: the later one is too much.
  const isMutual = other.patterns.every((pattern) => entry.patterns.some((wider) => isWithin(pattern, wider)));
  return !isMutual || entries.indexOf(other) < entries.indexOf(entry);
}

function isWithin(pattern: string, wider: string): boolean {
  const matches = compileGlob(wider);
  return globExamples(pattern).every((example) => matches(example));
}

function covered(entry: Entry, cover: Entry): LintFinding {
  if (entry.effect === cover.effect)
    return { rule: "shadowed", path: entry.path, message: `${entry.text} adds nothing to ${cover.text}` };
  return {
    rule: "unreachable",
    path: entry.path,
    message: `${entry.text} never decides: ${cover.text} comes before it`,
  };
}
