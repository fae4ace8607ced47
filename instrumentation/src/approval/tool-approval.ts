/**
 * A tool that may run once a person allows it. What was approved is decided on again, with the policies of that moment and
 * the arguments as the approver left them, before the approval is used; what a policy denies, nobody's approval lets run.
 */
import type { Span } from "@opentelemetry/api";
import { ApprovalDenied, ApprovalPending } from "../errors.ts";
import type { Gate } from "../gate/gate.ts";
import type { Who } from "../gate/call-span.ts";
import type { ApprovalReply } from "../protocol.ts";
import type { ApprovalClient } from "./approval-client.ts";
import * as semconv from "../semconv.ts";

/** What wants an approval, as it was decided. */
export interface WantedApproval {
  readonly decision: string;
  readonly rule: string;
  readonly reason: string;
  readonly policy: string;
  readonly policyVersion: string;
  readonly digest: string;
  readonly args: unknown;
}

export interface ApprovalCall<V extends WantedApproval> {
  readonly gate: Gate;
  readonly who: Who;
  readonly span: Span;
  readonly tool: string;
  readonly wanted: V;
  /** How long the call waits for an answer. */
  readonly waitMs: number;
  /** The app's own: once it aborts, nothing is waited for, and no approval is used. */
  readonly signal: AbortSignal | undefined;
  /** Decides anew, on these arguments. Throws the typed errors for what may not run. */
  readonly decideAgain: (args: unknown) => V;
}

/**
 * What the call may run with. Rejects with `ApprovalPending` (with the request's id), `ApprovalDenied`, or what `decideAgain`
 * throws; throws `ApprovalPending` at once where nobody can be asked.
 */
export function obtainApproval<V extends WantedApproval>(call: ApprovalCall<V>): Promise<V> {
  const { rule, reason } = call.wanted;
  const approvals = call.gate.leases?.approvals;
  if (approvals === undefined) throw new ApprovalPending({ tool: call.tool, rule, reason });
  return ask(call, approvals);
}

async function ask<V extends WantedApproval>(call: ApprovalCall<V>, approvals: ApprovalClient): Promise<V> {
  const { who, span, tool, wanted, waitMs, signal } = call;
  const { rule, reason } = wanted;
  const asked = await approvals.ask(
    {
      agent: who.agent,
      session: who.labels["session"] ?? "",
      user: who.labels["user"] ?? "",
      tool,
      ...(wanted.args === undefined ? {} : { arguments: wanted.args }),
      labels: who.labels,
      policy: wanted.policy,
      policy_version: wanted.policyVersion,
      rule,
      reason,
    },
    { waitMs, signal, onAsked: ({ id }) => span.setAttribute(semconv.ATTR_TOLLGATE_APPROVAL_ID, id) },
  );
  if (asked.outcome === "unasked") throw new ApprovalPending({ tool, rule, reason: `${reason} (${asked.reason})` });
  const { reply } = asked;
  if (asked.outcome === "pending" || signal?.aborted === true)
    throw new ApprovalPending({ tool, rule, reason, approvalId: reply.id });
  if (reply.answered_by !== undefined) span.setAttribute(semconv.ATTR_TOLLGATE_APPROVAL_BY, reply.answered_by);
  if (asked.outcome === "denied") {
    span.setAttribute(semconv.ATTR_TOLLGATE_DECISION, semconv.DecisionName.deny);
    throw new ApprovalDenied({ tool, rule, reason: saidBy(reply, "denied") });
  }
  return use(call, { approvals, reply });
}

async function use<V extends WantedApproval>(
  call: ApprovalCall<V>,
  { approvals, reply }: { readonly approvals: ApprovalClient; readonly reply: ApprovalReply },
): Promise<V> {
  const { span, tool, wanted } = call;
  const { rule } = wanted;
  const again = call.decideAgain(reply.edited_arguments ?? wanted.args);
  const isSame = again.policy === wanted.policy && again.policyVersion === wanted.policyVersion;
  if (again.decision === semconv.DecisionName.requireApproval && !isSame) {
    throw new ApprovalPending({
      tool,
      rule: again.rule,
      reason: "the policy changed meanwhile: it has to be asked anew",
    });
  }
  const approvalId = reply.id;
  const used = await approvals.use(reply);
  if (used.outcome !== "used") {
    throw new ApprovalPending({ tool, rule, reason: `the approval can't be used: ${used.reason}`, approvalId });
  }
  if (reply.bypass !== undefined) span.setAttribute(semconv.ATTR_TOLLGATE_APPROVAL_BYPASS, reply.bypass);
  return { ...again, decision: semconv.DecisionName.allow, rule, reason: saidBy(reply, "approved") };
}

function saidBy({ answered_by: by = "", comment = "", bypass }: ApprovalReply, what: string): string {
  const how = bypass === undefined ? "" : ` (bypass ${bypass})`;
  return `${what}${by === "" ? "" : ` by ${by}`}${how}${comment === "" ? "" : `: ${comment}`}`;
}
