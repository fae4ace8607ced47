/** What a decision on a tool is, whoever made it, and what its span says of it. */
import type { Attributes } from "@opentelemetry/api";
import type { Decision, ShadowDecision } from "../policy/decision.ts";
import type { PolicyCheck } from "../policy/policy.ts";
import * as semconv from "../semconv.ts";
import { placesOf } from "../session/places.ts";
import { recordsOf } from "../session/records.ts";
import type { ToolCase } from "./tool-rules.ts";

export interface Verdict {
  readonly decision: string;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly digest: string;
  /** The copy that was decided on; `undefined`: no policy looked at the arguments. */
  readonly args: unknown;
  readonly shadow: readonly ShadowDecision[];
  /** What was judged. */
  readonly judged: ToolCase;
}

export function fromDecision(decision: Decision, judged: ToolCase): Verdict {
  const { arguments: args, rule, reason, policy, policyVersion, shadow } = decision;
  const copy = { digest: args?.digest ?? "", args: args?.value };
  return { decision: decision.decision, rule, reason, policy, policyVersion, shadow, judged, ...copy };
}

export function fromCheck(check: PolicyCheck, judged: ToolCase): Verdict {
  const { decision, rule, reason, policy, policyVersion, shadow, args, argumentsDigest: digest } = check;
  return { decision, rule, reason, policy, policyVersion, shadow, judged, args, digest };
}

export function isDenied({ decision }: Verdict): boolean {
  const { allow, requireApproval } = semconv.DecisionName;
  return decision !== allow && decision !== requireApproval;
}

export function verdictAttributes(verdict: Verdict): Attributes {
  const { judged, shadow } = verdict;
  const { tool, expansion = [] } = judged.request;
  const [would] = shadow;
  return {
    [semconv.ATTR_TOLLGATE_DECISION]: verdict.decision,
    [semconv.ATTR_TOLLGATE_DECISION_RULE]: verdict.rule,
    [semconv.ATTR_TOLLGATE_DECISION_REASON]: verdict.reason,
    ...(verdict.policy !== "" && {
      [semconv.ATTR_TOLLGATE_POLICY_NAME]: verdict.policy,
      [semconv.ATTR_TOLLGATE_POLICY_VERSION]: verdict.policyVersion,
    }),
    ...(would !== undefined && {
      [semconv.ATTR_TOLLGATE_SHADOW_DECISION]: would.decision,
      [semconv.ATTR_TOLLGATE_SHADOW_RULE]: would.rule,
      [semconv.ATTR_TOLLGATE_SHADOW_REASON]: would.reason,
      [semconv.ATTR_TOLLGATE_SHADOW_POLICY]: would.policy,
    }),
    ...(expansion.length > 0 && { [semconv.ATTR_TOLLGATE_EXPANSION]: [...expansion] }),
    ...(judged.fingerprint !== "" && {
      [semconv.ATTR_TOLLGATE_TOOL_FINGERPRINT]: judged.fingerprint,
      [semconv.ATTR_TOLLGATE_TOOL_CHANGED]: tool.isChanged === true,
    }),
    ...(verdict.digest !== "" && { [semconv.ATTR_TOLLGATE_TOOL_ARGUMENTS_DIGEST]: verdict.digest }),
  };
}

/** Where a call that is let through goes. */
export function wayAttributes({ judged: { reach } }: Verdict): Attributes {
  const { destinations } = reach;
  return destinations.length === 0 ? {} : { [semconv.ATTR_TOLLGATE_TOOL_DESTINATIONS]: [...placesOf(destinations)] };
}

/** What its result, or else its arguments, tell of how much it was about. */
export function recordAttributes({ judged: { reach } }: Verdict, result: unknown): Attributes {
  const records = Math.ceil(Math.max(reach.rows, recordsOf(result)));
  return records > 0 ? { [semconv.ATTR_TOLLGATE_TOOL_RECORDS]: Math.min(records, Number.MAX_SAFE_INTEGER) } : {};
}

/** What a policy sees of a call: the one object that tools usually take, else the list of all arguments. */
export function argumentsOf(parameters: readonly unknown[]): unknown {
  if (parameters.length === 0) return undefined;
  const [only] = parameters;
  return parameters.length === 1 && typeof only === "object" && only !== null && !Array.isArray(only)
    ? only
    : parameters;
}

/** A private copy of what was decided on: nobody can change it between the decision and the act. */
export function parametersFor(parameters: readonly unknown[], { policy, args }: Verdict): readonly unknown[] {
  if (policy === "" || args === undefined) return parameters;
  const copy: unknown = structuredClone(args);
  return argumentsOf(parameters) === parameters ? (copy as readonly unknown[]) : [copy];
}

/** For the log, where a server describes a tool otherwise than before. */
export function changedText({ request, fingerprint }: ToolCase): string {
  const { name } = request.tool;
  const accept = `; to accept it, put \`fingerprint: ${fingerprint}\` into its document`;
  return `the tool \`${name}\` is described otherwise than it was at first${fingerprint === "" ? "" : accept}`;
}
