/**
 * The decision: a pure function of policies and request, without I/O and without a clock. The gate runs it, the
 * processor replays it, tests call it.
 *
 * Policies compose by narrowing: each that applies decides by itself, and the strictest wins, so that a team's policy can
 * only take away from what the organisation's allows. Where a policy applies, a hostile name and arguments without a
 * canonical form are denied before any rule is asked.
 */
import { canonicalArguments } from "./canonical-json.ts";
import type { CanonicalArguments } from "./canonical-json.ts";
import { CompiledPolicy } from "./compiled-policy.ts";
import { conditionScope } from "./condition.ts";
import type { ConditionScope } from "./condition.ts";
import type { Decision } from "./decision.ts";
import type { Effect, PolicyDocument } from "./document.ts";
import type { PolicyRequest } from "./request.ts";
import { foldToolName, TOOL_NAME_LENGTH_MAX } from "./tool-name.ts";

export interface DecideOptions {
  /** Denies when no policy applies (`governance.require_policy`). Default: false. */
  readonly requirePolicy?: boolean;
}

/** Compiles a parsed document. Throws for a document that did not come from `parsePolicy` and does not compile. */
export function compilePolicy(document: PolicyDocument): CompiledPolicy {
  return new CompiledPolicy(document);
}

const STRICTNESS: Readonly<Record<Effect, number>> = { allow: 0, require_approval: 1, deny: 2, forbid: 3 };
const NO_POLICY = "no policy";

/** Never throws. */
export function decide(
  policies: CompiledPolicy | readonly CompiledPolicy[],
  request: PolicyRequest,
  options: DecideOptions = {},
): Decision {
  const all: readonly CompiledPolicy[] = policies instanceof CompiledPolicy ? [policies] : policies;
  const agent = request.agent?.name ?? "";
  const isGoverned = all.some((policy) => policy.appliesTo(agent));
  if (!isGoverned && options.requirePolicy !== true) return withoutPolicy(request);
  const name = foldToolName(request.tool.name);
  if (!name.ok) return refusal(printable(request.tool.name), name.reason);
  const canonical = request.args === undefined ? undefined : canonicalArguments(request.args);
  if (canonical?.ok === false) return refusal(name.folded, canonical.reason);
  if (!isGoverned)
    return refusal(name.folded, "no policy applies to this agent, and `governance.require_policy` is set");
  const args = canonical?.arguments;
  const decision = decideByRules(all, { tool: name.folded, agent, request, args });
  return args === undefined ? decision : { ...decision, arguments: args };
}

interface Call {
  readonly tool: string;
  readonly agent: string;
  readonly request: PolicyRequest;
  readonly args: CanonicalArguments | undefined;
}

function decideByRules(policies: readonly CompiledPolicy[], call: Call): Decision {
  let scope: ConditionScope | undefined;
  const scopeOnce = (): ConditionScope => {
    scope ??= conditionScope(call.request, { tool: call.tool, args: call.args?.value, size: call.args?.size });
    return scope;
  };
  let strictest: Decision | undefined;
  for (const policy of policies) {
    if (!policy.appliesTo(call.agent)) continue;
    const decision = policy.decide(call.tool, scopeOnce);
    strictest = strictest === undefined ? decision : stricter(strictest, decision);
  }
  return strictest ?? refusal(call.tool, NO_POLICY);
}

/** On a tie the earlier decides, and the rules of both are in the decision. */
function stricter(left: Decision, right: Decision): Decision {
  if (left.decision === right.decision) return { ...left, matched: [...left.matched, ...right.matched] };
  return STRICTNESS[right.decision] > STRICTNESS[left.decision] ? right : left;
}

/** Nobody governs this agent: nothing is refused, neither a name nor arguments, so that instrumenting an app breaks nothing. */
function withoutPolicy(request: PolicyRequest): Decision {
  const canonical = request.args === undefined ? undefined : canonicalArguments(request.args);
  return {
    ...refusal(printable(request.tool.name), NO_POLICY),
    decision: "allow",
    rule: NO_POLICY,
    arguments: canonical?.ok === true ? canonical.arguments : undefined,
  };
}

function refusal(tool: string, reason: string): Decision {
  return {
    decision: "deny",
    rule: "request",
    reason,
    policy: "",
    policyVersion: "",
    matched: [],
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
