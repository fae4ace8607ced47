import { randomBytes } from "node:crypto";
import type { Decision } from "@tollgate/instrumentation/policy";
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { ApprovalRequest } from "../approvals/request.ts";
import type { Labels } from "../policy/registry.ts";
import { AppendLogError } from "../support/append-log.ts";
import { ApiProblem } from "./problem.ts";

/** A call that a policy lets run only once a person allows it. */
export interface WantedDecision {
  readonly body: { readonly agent: string; readonly session?: string | undefined; readonly tool: string };
  readonly labels: Labels;
  readonly decision: Decision;
  /** The use of an approval that this is: the same again is the same use. Absent: another one each time. */
  readonly useId?: string | undefined;
  /** Decides the same call on other arguments. */
  readonly decideOn: (args: unknown) => Decision;
}

/** What the approval makes of the decision. */
export interface ApprovedDecision {
  readonly decision: Decision["decision"];
  /** Absent: the one that wanted an approval. */
  readonly rule?: string;
  readonly reason: string;
  readonly approval_id: string;
  readonly arguments_digest?: string;
  readonly arguments?: unknown;
}

/**
 * For agents in any language, which have no gate of ours: asks, and uses an approval that is there. The answer `allow` is
 * the one use: an answer that gets lost is a use that is lost, and never a second one, unless it is asked for by the same `useId`.
 */
export async function approveDecision(
  approvals: ApprovalDesk,
  { body, labels, decision, decideOn, useId = randomBytes(16).toString("hex") }: WantedDecision,
): Promise<ApprovedDecision> {
  const { rule, reason, policy, policyVersion, arguments: args } = decision;
  const act = {
    kind: "tool" as const,
    agent: body.agent,
    session: body.session ?? "",
    user: labels["user"] ?? "",
    tool: body.tool,
    argumentsJson: args?.json ?? "",
    argumentsDigest: args?.digest ?? "",
    policy,
    policyVersion,
    rule,
    reason,
  };
  try {
    const asked = await approvals.ask(act, labels, useId);
    if (asked.outcome === "too_many") throw new ApiProblem("too_many_approvals");
    const { id, act: digest } = asked.request;
    const state = approvals.stateOf(asked.request);
    const last = asked.request.answers.at(-1);
    if (state === "denied") {
      return { decision: "deny", reason: deniedBy(last?.by ?? "", last?.comment ?? ""), approval_id: id };
    }
    // It comes back consumed only to who has used it.
    const mayUse = state === "approved" || state === "consumed";
    const refused = mayUse ? refusalOfEdited(asked.request, decideOn) : undefined;
    if (refused !== undefined) return { ...refused, approval_id: id };
    const used = mayUse ? await approvals.use(id, { act: digest, useId }) : undefined;
    if (used?.outcome !== "used") return { decision: "require_approval", reason, approval_id: id };
    const { edited } = used.request;
    return {
      decision: "allow",
      reason: `approved by ${last?.by ?? ""}`,
      approval_id: id,
      ...(edited === undefined
        ? {}
        : { arguments_digest: edited.digest, arguments: JSON.parse(edited.json) as unknown }),
    };
  } catch (error) {
    if (error instanceof AppendLogError) throw new ApiProblem("not_stored", error.message);
    throw error;
  }
}

/** Nobody's approval lets run what a policy denies of the arguments as the approver left them; it is not used up either. */
function refusalOfEdited({ edited }: ApprovalRequest, decideOn: WantedDecision["decideOn"]) {
  if (edited === undefined) return undefined;
  const { decision, rule, reason } = decideOn(JSON.parse(edited.json));
  return decision === "deny" || decision === "forbid" ? { decision, rule, reason } : undefined;
}

function deniedBy(by: string, comment: string): string {
  return comment === "" ? `denied by ${by}` : `denied by ${by}: ${comment}`;
}
