/**
 * What may become of a request: pure, without clock or disk. Promises: an approval is for one act, given by `quorum` people
 * of whom none is barred, for the same arguments; it is used once; a refusal by one is a refusal.
 */
import { createHash } from "node:crypto";
import { canonicalJson } from "@tollgate/instrumentation/policy";
import { type Act, type Answer, type ApprovalRequest, stateAt, type Terms } from "./request.ts";

/** What an approval is bound to: SHA-256 of the canonical call with its agent, session and policy. */
export function actDigest(act: Act): string {
  const { kind, agent, session, tool, argumentsDigest, policy, policyVersion } = act;
  const bound = canonicalJson({ kind, agent, session, tool, arguments: argumentsDigest, policy, policyVersion });
  if (bound === undefined) throw new TypeError("an act has no canonical form");
  return createHash("sha256").update(bound).digest("hex");
}

export function newRequest(
  act: Act,
  options: { readonly id: string; readonly terms: Terms; readonly nowMs: number; readonly stop?: string },
): ApprovalRequest {
  const { id, terms, nowMs, stop } = options;
  return {
    ...act,
    id,
    revision: 1,
    act: actDigest(act),
    state: "pending",
    terms,
    askedAtMs: nowMs,
    expiresAtMs: nowMs + terms.expireAfterMs,
    answers: [],
    ...(stop === undefined ? {} : { stop }),
  };
}

export type AnswerOutcome =
  | { readonly outcome: "answered"; readonly request: ApprovalRequest }
  /** It is no longer open. */
  | { readonly outcome: "ended" }
  /** This person has answered before, and the same. */
  | { readonly outcome: "repeated" }
  /** This person may not answer this one. */
  | { readonly outcome: "barred" }
  /** The arguments are others by now than the person was shown. */
  | { readonly outcome: "other_arguments" };

export interface NewAnswer extends Pick<Answer, "by" | "answer" | "comment" | "via"> {
  /** Canonical arguments that the tool gets instead. What others approved before they do not approve any more. */
  readonly edited?: { readonly json: string; readonly digest: string };
  /** Digest of the arguments that the person was shown; absent: whatever they are. */
  readonly shown?: string;
}

export function answered(request: ApprovalRequest, given: NewAnswer, nowMs: number): AnswerOutcome {
  const { by, answer, comment, via, edited, shown } = given;
  if (stateAt(request, nowMs) !== "pending") return { outcome: "ended" };
  if (shown !== undefined && shown !== currentDigest(request)) return { outcome: "other_arguments" };
  // Anybody may stop it; only whom it is not his own may let it go.
  if (answer === "approve" && request.terms.barred.includes(by)) return { outcome: "barred" };
  const digest = edited?.digest ?? currentDigest(request);
  const before = request.answers.find((each) => each.by === by && each.answer === answer && each.digest === digest);
  if (before !== undefined) return { outcome: "repeated" };
  const answers = [...request.answers, { by, answer, digest, comment, via, atMs: nowMs }];
  const next: ApprovalRequest = {
    ...request,
    revision: request.revision + 1,
    answers,
    ...(edited === undefined ? {} : { edited: { ...edited, by } }),
  };
  if (answer === "deny") return { outcome: "answered", request: { ...next, state: "denied", answeredAtMs: nowMs } };
  const approvers = new Set(
    answers.filter((each) => each.answer === "approve" && each.digest === digest).map((each) => each.by),
  );
  if (approvers.size < request.terms.quorum) return { outcome: "answered", request: next };
  const useUntilMs = nowMs + request.terms.useWithinMs;
  return { outcome: "answered", request: { ...next, state: "approved", answeredAtMs: nowMs, useUntilMs } };
}

export type UseOutcome =
  | { readonly outcome: "used"; readonly request: ApprovalRequest; readonly isNew: boolean }
  /** It was approved for something else. */
  | { readonly outcome: "other_act" }
  | { readonly outcome: "not_approved"; readonly state: ReturnType<typeof stateAt> };

/** The one use. The same `useId` again is the same use, whose answer got lost. */
export function used(
  request: ApprovalRequest,
  use: { readonly act: string; readonly useId: string },
  nowMs: number,
): UseOutcome {
  if (use.act !== request.act) return { outcome: "other_act" };
  if (request.state === "consumed" && request.useId === use.useId) return { outcome: "used", request, isNew: false };
  const state = stateAt(request, nowMs);
  if (state !== "approved") return { outcome: "not_approved", state };
  const next: ApprovalRequest = {
    ...request,
    revision: request.revision + 1,
    state: "consumed",
    consumedAtMs: nowMs,
    useId: use.useId,
  };
  return { outcome: "used", request: next, isNew: true };
}

/** The digest of what the tool will get. */
export function currentDigest(request: ApprovalRequest): string {
  return request.edited?.digest ?? request.argumentsDigest;
}

/** How many more have to approve. */
export function missingApprovals(request: ApprovalRequest): number {
  const digest = currentDigest(request);
  const approvers = request.answers.filter((each) => each.answer === "approve" && each.digest === digest);
  return Math.max(0, request.terms.quorum - new Set(approvers.map((each) => each.by)).size);
}
