/**
 * The decision: a pure function of policies and request, without I/O and without a clock. The gate runs it, the
 * processor replays it, tests call it.
 *
 * Policies compose by narrowing: each that applies decides by itself, and the strictest wins, so that a team's policy can
 * only take away from what the organisation's allows. Where a policy applies, a hostile name and arguments without a
 * canonical form are denied before any rule is asked. A policy in shadow mode has no say: what it would have said is told.
 */
import { underAutonomy } from "./autonomy.ts";
import { canonicalArguments } from "./canonical-json.ts";
import type { CanonicalArguments } from "./canonical-json.ts";
import { CompiledPolicy } from "./compiled-policy.ts";
import { conditionScope } from "./condition.ts";
import type { ConditionScope } from "./condition.ts";
import type { Decision, ShadowDecision } from "./decision.ts";
import type { Effect, ParseOptions, PolicyDocument } from "./document.ts";
import { DEFAULT_LABEL_ORDER } from "./label.ts";
import type { LabelOrder } from "./label.ts";
import type { PolicyRequest } from "./request.ts";
import { foldToolName, TOOL_NAME_LENGTH_MAX } from "./tool-name.ts";

export interface DecideOptions {
  /** Denies when no policy applies (`governance.require_policy`). Default: false. */
  readonly requirePolicy?: boolean;
}

/** Compiles a parsed document. Throws for a document that did not come from `parsePolicy` and does not compile. */
export function compilePolicy(
  document: PolicyDocument,
  { labels = DEFAULT_LABEL_ORDER }: ParseOptions = {},
): CompiledPolicy {
  return new CompiledPolicy(document, labels);
}

const STRICTNESS: Readonly<Record<Effect, number>> = { allow: 0, require_approval: 1, deny: 2, forbid: 3 };
const NO_POLICY = "no policy";
const NOTHING: readonly never[] = Object.freeze([]);

/** Never throws. */
export function decide(
  policies: CompiledPolicy | readonly CompiledPolicy[],
  request: PolicyRequest,
  options: DecideOptions = {},
): Decision {
  return underAutonomy(decideByPolicies(policies, request, options), request);
}

function decideByPolicies(
  policies: CompiledPolicy | readonly CompiledPolicy[],
  request: PolicyRequest,
  options: DecideOptions,
): Decision {
  if (policies instanceof CompiledPolicy && request.args === undefined && policies.standing(request) === "enforced") {
    // What was asked for before under a name as it is folded: nothing about this call can change it.
    const settled = policies.settled(request.tool.name);
    if (settled !== undefined) return settled;
    const name = foldToolName(request.tool.name);
    if (!name.ok) return refusal(printable(request.tool.name), name.reason);
    const { folded } = name;
    const byName =
      (folded === request.tool.name ? undefined : policies.settled(folded)) ?? policies.decideByName(folded);
    if (byName !== undefined) return byName;
  }
  const all: readonly CompiledPolicy[] = policies instanceof CompiledPolicy ? [policies] : policies;
  const standings = standingOf(all, request);
  if (!standings.isGoverned && options.requirePolicy !== true) return withoutPolicy(standings, request);
  const name = foldToolName(request.tool.name);
  if (!name.ok) return refusal(printable(request.tool.name), name.reason);
  const canonical = request.args === undefined ? undefined : canonicalArguments(request.args);
  if (canonical?.ok === false) return refusal(name.folded, canonical.reason);
  const args = canonical?.arguments;
  const call = { tool: name.folded, request, args };
  const decision = standings.isGoverned
    ? strictestOf(standings.enforced, call)
    : refusal(name.folded, "no policy applies to this agent, and `governance.require_policy` is set");
  if (args === undefined && standings.shadow.length === 0) return decision;
  return { ...decision, arguments: args, shadow: shadowOf(standings.shadow, call) };
}

interface Call {
  /** Folded. */
  readonly tool: string;
  readonly request: PolicyRequest;
  readonly args: CanonicalArguments | undefined;
}

interface Standings {
  readonly isGoverned: boolean;
  readonly enforced: readonly CompiledPolicy[];
  readonly shadow: readonly CompiledPolicy[];
}

function standingOf(all: readonly CompiledPolicy[], request: PolicyRequest): Standings {
  const [only] = all;
  if (all.length === 1 && only?.standing(request) === "enforced")
    return { isGoverned: true, enforced: all, shadow: NOTHING };
  const enforced: CompiledPolicy[] = [];
  const shadow: CompiledPolicy[] = [];
  for (const policy of all) {
    const standing = policy.standing(request);
    if (standing === "enforced") enforced.push(policy);
    else if (standing === "shadow") shadow.push(policy);
  }
  return { isGoverned: enforced.length > 0, enforced, shadow };
}

function strictestOf(policies: readonly CompiledPolicy[], call: Call): Decision {
  const scopeOf = scopes(call);
  const { tool, request } = call;
  let strictest: Decision | undefined;
  for (const policy of policies) {
    const decision = policy.decide(tool, request.environment ?? "", () => scopeOf(policy.labels));
    strictest = strictest === undefined ? decision : stricter(strictest, decision);
  }
  return strictest ?? refusal(tool, NO_POLICY);
}

/** One scope for all conditions of a decision that mean the same by labels, made when the first of them asks. */
function scopes({ tool, request, args }: Call): (labels: LabelOrder) => ConditionScope {
  let first: { readonly labels: LabelOrder; readonly scope: ConditionScope } | undefined;
  let others: Map<LabelOrder, ConditionScope> | undefined;
  const make = (labels: LabelOrder): ConditionScope => conditionScope(request, { tool, args: args?.value, labels });
  return (labels) => {
    // Nearly always there is one order.
    if (first === undefined) first = { labels, scope: make(labels) };
    if (first.labels === labels) return first.scope;
    others ??= new Map();
    let scope = others.get(labels);
    if (scope === undefined) others.set(labels, (scope = make(labels)));
    return scope;
  };
}

/** Each policy on a scope of its own: what is not enforced takes nothing from what is. */
function shadowOf(policies: readonly CompiledPolicy[], call: Call): readonly ShadowDecision[] {
  return policies
    .map((policy) => strictestOf([policy], call))
    .map(({ decision, rule, reason, policy, policyVersion }) => ({ decision, rule, reason, policy, policyVersion }))
    .toSorted((left, right) => STRICTNESS[right.decision] - STRICTNESS[left.decision]);
}

/** On a tie the earlier decides, and the rules of both are in the decision. */
function stricter(left: Decision, right: Decision): Decision {
  if (left.decision === right.decision) return { ...left, matched: [...left.matched, ...right.matched] };
  return STRICTNESS[right.decision] > STRICTNESS[left.decision] ? right : left;
}

/** Nobody governs this agent: nothing is refused, neither a name nor arguments, so that instrumenting an app breaks nothing. */
function withoutPolicy({ shadow }: Standings, request: PolicyRequest): Decision {
  const canonical = request.args === undefined ? undefined : canonicalArguments(request.args);
  const name = shadow.length > 0 ? foldToolName(request.tool.name) : undefined;
  const args = canonical?.ok === true ? canonical.arguments : undefined;
  return {
    ...refusal(printable(request.tool.name), NO_POLICY),
    decision: "allow",
    rule: NO_POLICY,
    shadow: shadowWithoutPolicy({
      shadow,
      request,
      args,
      name,
      problem: canonical?.ok === false ? canonical.reason : "",
    }),
    arguments: args,
  };
}

function shadowWithoutPolicy(call: {
  readonly shadow: readonly CompiledPolicy[];
  readonly request: PolicyRequest;
  readonly args: CanonicalArguments | undefined;
  readonly name: ReturnType<typeof foldToolName> | undefined;
  readonly problem: string;
}): readonly ShadowDecision[] {
  const { shadow, request, args, name, problem } = call;
  if (name === undefined) return NOTHING;
  if (name.ok && problem === "") return shadowOf(shadow, { tool: name.folded, request, args });
  const reason = name.ok ? problem : name.reason;
  return shadow.map(({ document, version }) => {
    return { decision: "deny", rule: "request", reason, policy: document.name, policyVersion: version };
  });
}

function refusal(tool: string, reason: string): Decision {
  return {
    decision: "deny",
    rule: "request",
    reason,
    policy: "",
    policyVersion: "",
    matched: NOTHING,
    shadow: NOTHING,
    tool,
    arguments: undefined,
  };
}

/** A name for records only: never longer than a name may be, invisible characters shown. */
function printable(name: unknown): string {
  const text = typeof name === "string" ? name.slice(0, TOOL_NAME_LENGTH_MAX) : typeof name;
  return text
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
