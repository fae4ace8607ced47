/** What `/v1/approvals` takes and answers. */
import { z } from "zod";
import { type ApprovalRequest, stateAt } from "../approvals/request.ts";
import { currentDigest, missingApprovals } from "../approvals/rules.ts";
import type { Bypass } from "../approvals/bypass.ts";
import { agentName } from "./agent-name.ts";
import { labelsSchema } from "./lease-schemas.ts";

const text = z.string().max(1_024);

export const approvalId = z.object({ id: z.string().regex(/^apr_[0-9a-f]{16}$/, { error: "expected apr_…" }) });

export const APPROVAL_STATES = ["pending", "approved", "denied", "consumed", "withdrawn", "expired"] as const;

export const askRequest = z.strictObject({
  agent: agentName,
  session: z.string().max(512).default(""),
  user: z.string().max(512).default(""),
  tool: text,
  arguments: z.unknown().optional().describe("As the tool will get them."),
  labels: labelsSchema.default({}),
  policy: text,
  policy_version: text,
  rule: text,
  reason: z.string().max(4_096),
  process_id: z.string().max(64).optional().describe("Told on its control stream when it is answered."),
});

/** What an agent is told. */
export const askReply = z.object({
  id: z.string(),
  state: z.enum(APPROVAL_STATES),
  act_digest: z.string().describe("What an approval is bound to: agent, session, tool, arguments, policy and version."),
  arguments_digest: z.string(),
  expires_at: z.string(),
  bypass: z.string().optional(),
  comment: z.string().optional().describe("Of the last answer."),
  answered_by: z.string().optional(),
  edited_arguments: z.unknown().optional().describe("What the tool is to get instead; absent: as asked."),
});

export type AskReply = z.output<typeof askReply>;

export const useRequest = z.strictObject({
  act_digest: z.string().regex(/^[0-9a-f]{64}$/),
  use_id: z.string().min(16).max(64).describe("Random, made for this use: the same one again is the same use."),
});

const answerRow = z.object({
  by: z.string(),
  answer: z.enum(["approve", "deny"]),
  arguments_digest: z.string(),
  comment: z.string(),
  at: z.string(),
  via: z.string(),
});

export const approvalRow = z.object({
  id: z.string(),
  kind: z.enum(["tool", "budget"]),
  state: z.enum(APPROVAL_STATES),
  agent: z.string(),
  session: z.string(),
  user: z.string(),
  tool: z.string().describe("The tool, or the budget."),
  arguments: z.unknown().optional(),
  arguments_digest: z.string(),
  edited_arguments: z.unknown().optional(),
  current_digest: z
    .string()
    .describe("Of the arguments that an approval is for now: the edited ones, else those asked for."),
  policy: z.string(),
  policy_version: z.string(),
  rule: z.string(),
  reason: z.string(),
  act_digest: z.string(),
  asked_at: z.string(),
  expires_at: z.string(),
  answered_at: z.string().nullable(),
  use_until: z.string().nullable().describe("Approved and not used by then, it is over."),
  used_at: z.string().nullable(),
  quorum: z.int(),
  missing: z.int().describe("How many more have to approve."),
  barred: z.array(z.string()).describe("Who may not approve it."),
  answers: z.array(answerRow),
  bypass: z.string().nullable(),
  reminded_at: z.string().nullable(),
  escalated_at: z.string().nullable(),
});

export type ApprovalRow = z.output<typeof approvalRow>;

export const answeredRow = approvalRow.extend({
  repeated: z.boolean().describe("This person had said the same before, so nothing came of it."),
});

export type AnsweredRow = z.output<typeof answeredRow>;

export const answerRequest = z.strictObject({
  comment: z.string().trim().max(1_000).default(""),
  arguments: z.unknown().optional().describe("Of an approval: what the tool is to get instead. It makes a new digest."),
  arguments_digest: z
    .string()
    .max(128)
    .optional()
    .describe(
      "`current_digest` as it was when the person looked: refused where somebody has edited the arguments since.",
    ),
});

export const bypassRow = z.object({
  id: z.string(),
  selector: z.string(),
  tools: z.string(),
  author: z.string(),
  reason: z.string(),
  since: z.string(),
  until: z.string(),
});

export type BypassRow = z.output<typeof bypassRow>;

export const bypassRequest = z.strictObject({
  selector: z.string(),
  tools: z.string().min(1).max(256).default("*"),
  for: z.string().max(16).describe("At most `24h`."),
  reason: z.string().trim().min(1, "a bypass needs a reason").max(1_000),
});

export function toAskReply(request: ApprovalRequest, nowMs: number): AskReply {
  const last = request.answers.at(-1);
  const { edited, bypass } = request;
  return {
    id: request.id,
    state: stateAt(request, nowMs),
    act_digest: request.act,
    arguments_digest: edited?.digest ?? request.argumentsDigest,
    expires_at: iso(request.expiresAtMs),
    ...(bypass === undefined ? {} : { bypass }),
    ...(last === undefined ? {} : { comment: last.comment, answered_by: last.by }),
    ...(edited === undefined ? {} : { edited_arguments: JSON.parse(edited.json) as unknown }),
  };
}

export function toApprovalRow(request: ApprovalRequest, nowMs: number): ApprovalRow {
  const { argumentsJson, edited, terms } = request;
  return {
    id: request.id,
    kind: request.kind,
    state: stateAt(request, nowMs),
    agent: request.agent,
    session: request.session,
    user: request.user,
    tool: request.tool,
    ...(argumentsJson === "" ? {} : { arguments: JSON.parse(argumentsJson) as unknown }),
    arguments_digest: request.argumentsDigest,
    ...(edited === undefined ? {} : { edited_arguments: JSON.parse(edited.json) as unknown }),
    current_digest: currentDigest(request),
    policy: request.policy,
    policy_version: request.policyVersion,
    rule: request.rule,
    reason: request.reason,
    act_digest: request.act,
    asked_at: iso(request.askedAtMs),
    expires_at: iso(request.expiresAtMs),
    answered_at: isoOrNull(request.answeredAtMs),
    use_until: isoOrNull(request.useUntilMs),
    used_at: isoOrNull(request.consumedAtMs),
    quorum: terms.quorum,
    missing: request.state === "pending" ? missingApprovals(request) : 0,
    barred: [...terms.barred],
    answers: request.answers.map(({ by, answer, digest, comment, atMs, via }) => ({
      by,
      answer,
      arguments_digest: digest,
      comment,
      at: iso(atMs),
      via,
    })),
    bypass: request.bypass ?? null,
    reminded_at: isoOrNull(request.remindedAtMs),
    escalated_at: isoOrNull(request.escalatedAtMs),
  };
}

export function toBypassRow({ id, selector, tools, author, reason, sinceMs, untilMs }: Bypass): BypassRow {
  return { id, selector, tools, author, reason, since: iso(sinceMs), until: iso(untilMs) };
}

function iso(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

function isoOrNull(unixMs: number | undefined): string | null {
  return unixMs === undefined ? null : iso(unixMs);
}
