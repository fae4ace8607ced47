/** `/v1/approvals`: agents ask and use, people look and answer. Who answers comes from authentication, never from the body. */
import { canonicalArguments, compilePolicy, parsePolicy } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import type { ApprovalDesk } from "../approvals/approval-desk.ts";
import type { Act, ApprovalRequest } from "../approvals/request.ts";
import type { AnswerOutcome, NewAnswer } from "../approvals/rules.ts";
import { durationMs } from "../budget/duration.ts";
import type { RecordChange } from "../changes/change-log.ts";
import { labelOrderOf } from "../policy/decider.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import { AppendLogError } from "../support/append-log.ts";
import { vouchesFor } from "./access.ts";
import { callerLabels } from "./caller-labels.ts";
import {
  answerRequest,
  APPROVAL_STATES,
  approvalId,
  answeredRow,
  approvalRow,
  askReply,
  askRequest,
  bypassRequest,
  bypassRow,
  toApprovalRow,
  toAskReply,
  toBypassRow,
  useRequest,
} from "./approval-schemas.ts";
import { ApiProblem } from "./problem.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import type { StopDesk } from "./stop-desk.ts";
import { narrowed, type Tenancy, type Tenant, tenantOfSelector } from "./tenancy.ts";

const ROWS_MAX = 1_000;

export interface ApprovalRoutesOptions {
  readonly approvals: ApprovalDesk;
  readonly registry: AgentRegistry;
  readonly desk: StopDesk;
  readonly clock: Clock;
  readonly recordChange: RecordChange;
  readonly tenancy: Tenancy;
  /** Remembers which process waits for which request. */
  readonly onAsked: (id: string, processId: string) => void;
}

export function approvalRoutes(options: ApprovalRoutesOptions): readonly AnyRoute[] {
  return [
    ask(options),
    use(options),
    list(options),
    show(options),
    answer(options, "approve"),
    answer(options, "deny"),
    ...bypassRoutes(options),
  ];
}

function ask({ approvals, registry, desk, clock, onAsked }: ApprovalRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/approvals",
    summary: "Ask for an approval of one act; the same act asked for again is the same request",
    access: "agent",
    body: askRequest,
    query: NOTHING,
    params: NOTHING,
    reply: askReply,
    problems: ["forbidden", "agent_killed", "too_many_approvals", "not_stored"],
    handle: async ({ body, caller }) => {
      vouchesFor(caller, body.agent);
      const labels = callerLabels({
        registry,
        caller,
        agent: body.agent,
        claimed: { ...body.labels, ...(body.session && { session: body.session }) },
      });
      desk.refuseKilled(labels);
      const outcome = await stored(() => approvals.ask(actOf(body), labels));
      if (outcome.outcome === "too_many") throw new ApiProblem("too_many_approvals");
      if (body.process_id !== undefined) onAsked(outcome.request.id, body.process_id);
      return toAskReply(outcome.request, clock.now());
    },
  });
}

function use({ approvals, registry, desk, clock, recordChange, tenancy }: ApprovalRoutesOptions): AnyRoute {
  return route({
    method: "POST",
    url: "/v1/approvals/:id/use",
    summary: "Use an approval, once, right before the act",
    access: "agent",
    body: useRequest,
    query: NOTHING,
    params: approvalId,
    reply: askReply,
    problems: ["not_found", "forbidden", "agent_killed", "approval_not_given", "approval_other_act", "not_stored"],
    handle: async ({ body, params: { id }, caller }) => {
      const request = await lookedUp(approvals, id);
      vouchesFor(caller, request.agent);
      desk.refuseKilled(registry.labels(request.agent, request.session === "" ? {} : { session: request.session }));
      if (!isPolicyInForce(request, registry)) {
        throw new ApiProblem("approval_other_act", "the policy that asked for it has changed since: ask again");
      }
      const outcome = await stored(() => approvals.use(id, { act: body.act_digest, useId: body.use_id }));
      if (outcome === undefined) throw unknown(id);
      if (outcome.outcome === "other_act") throw new ApiProblem("approval_other_act");
      if (outcome.outcome === "not_approved") throw new ApiProblem("approval_not_given", `it is ${outcome.state}`);
      if (outcome.isNew) {
        await recordChange({
          author: `agent ${request.agent}`,
          action: "approval.use",
          subject: id,
          tenant: tenancy.ofAgent(request.agent),
          after: { act: request.act, answered_by: request.answers.map(({ by }) => by) },
        });
      }
      return toAskReply(outcome.request, clock.now());
    },
  });
}

function list({ approvals, clock, tenancy }: ApprovalRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/approvals",
    summary: "Requests for approval, newest first",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: z.object({
      state: z.enum([...APPROVAL_STATES, "all"]).default("pending"),
      agent: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(ROWS_MAX).default(100),
    }),
    params: NOTHING,
    reply: z.object({ approvals: z.array(approvalRow), bypasses: z.array(bypassRow) }),
    problems: [],
    handle: async ({ query: { state, agent, limit }, tenant }) => {
      await approvals.look();
      const meant = approvals
        .all()
        .filter((request) => isTheirs(request, { tenancy, tenant }))
        .filter((request) => state === "all" || approvals.stateOf(request) === state)
        .filter((request) => agent === undefined || request.agent === agent);
      return {
        approvals: meant
          .slice(-limit)
          .reverse()
          .map((request) => toApprovalRow(request, clock.now())),
        bypasses: approvals
          .bypasses()
          .filter(({ selector }) => tenancy.seesSelector(tenant, selector))
          .map(toBypassRow),
      };
    },
  });
}

function show({ approvals, clock, tenancy }: ApprovalRoutesOptions): AnyRoute {
  return route({
    method: "GET",
    url: "/v1/approvals/:id",
    summary: "One request, with the arguments of the call",
    access: "viewer",
    tenants: "own",
    body: NOTHING,
    query: NOTHING,
    params: approvalId,
    reply: approvalRow,
    problems: ["not_found"],
    handle: async ({ params: { id }, tenant }) => {
      const request = await lookedUp(approvals, id);
      if (!isTheirs(request, { tenancy, tenant })) throw unknown(id);
      return toApprovalRow(request, clock.now());
    },
  });
}

function answer(options: ApprovalRoutesOptions, verdict: "approve" | "deny"): AnyRoute {
  const { clock } = options;
  return route({
    method: "POST",
    url: `/v1/approvals/:id/${verdict}`,
    summary: verdict === "approve" ? "Approve, as asked or with other arguments" : "Deny",
    access: "approver",
    tenants: "own",
    body: answerRequest,
    query: NOTHING,
    params: approvalId,
    reply: answeredRow,
    problems: ["not_found", "approval_own", "approval_ended", "approval_other_act", "not_stored"],
    handle: async ({ body, params: { id }, person, tenant }) => {
      if (!isTheirs(await lookedUp(options.approvals, id), { tenancy: options.tenancy, tenant })) throw unknown(id);
      const { comment, arguments: edited, arguments_digest: shown } = body;
      const looked = shown === undefined ? {} : { shown };
      const given = { by: person, answer: verdict, comment, via: "api", edited, ...looked };
      const { request, isRepeated } = await giveAnswer(options, id, given);
      return { ...toApprovalRow(request, clock.now()), repeated: isRepeated };
    },
  });
}

/** What came of an answer; one that is repeated changes nothing. */
interface GivenAnswer {
  readonly request: ApprovalRequest;
  readonly isRepeated: boolean;
}

/** Answers for a person whom authentication has shown. Throws `ApiProblem`. */
export async function giveAnswer(
  { approvals, recordChange, tenancy }: Pick<ApprovalRoutesOptions, "approvals" | "recordChange" | "tenancy">,
  id: string,
  given: Omit<NewAnswer, "edited"> & { readonly edited?: unknown },
): Promise<GivenAnswer> {
  const request = await lookedUp(approvals, id);
  const { edited, ...rest } = given;
  const isEdited = edited !== undefined && given.answer === "approve";
  if (isEdited && request.kind === "budget") {
    throw new ApiProblem("invalid_request", "body.arguments: a budget has none");
  }
  const changed = isEdited ? { edited: canonical(edited) } : {};
  const outcome = await stored(() => approvals.answer(id, { ...rest, ...changed }));
  const next = requestOf(outcome, { approvals, id });
  if (outcome?.outcome === "answered") {
    await recordChange({
      author: given.by,
      action: `approval.${given.answer}`,
      subject: id,
      tenant: tenancy.ofAgent(request.agent),
      before: { state: request.state, arguments_digest: request.edited?.digest ?? request.argumentsDigest },
      after: {
        state: next.state,
        arguments_digest: next.edited?.digest ?? next.argumentsDigest,
        comment: given.comment,
        via: given.via,
      },
    });
  }
  return { request: next, isRepeated: outcome?.outcome === "repeated" };
}

function requestOf(
  outcome: AnswerOutcome | undefined,
  { approvals, id }: { readonly approvals: ApprovalDesk; readonly id: string },
): ApprovalRequest {
  const request = found(approvals, id);
  switch (outcome?.outcome) {
    case "answered":
      return outcome.request;
    case "repeated":
      return request;
    case "barred":
      throw new ApiProblem("approval_own", "duties are separate here: somebody else has to approve it");
    case "other_arguments":
      throw new ApiProblem("approval_other_act", "the arguments were edited since they were shown");
    case "ended":
    case undefined:
      throw new ApiProblem("approval_ended", `it is ${approvals.stateOf(request)}`);
  }
}

function bypassRoutes({ approvals, recordChange }: ApprovalRoutesOptions): readonly AnyRoute[] {
  return [
    route({
      method: "POST",
      url: "/v1/approvals/bypasses",
      summary: "For a while, approve what these agents ask for without asking anybody",
      access: "admin",
      tenants: "own",
      body: bypassRequest,
      query: NOTHING,
      params: NOTHING,
      reply: bypassRow,
      status: 201,
      problems: ["not_stored"],
      handle: async ({ body, person, tenant }) => {
        const { tools, reason } = body;
        const selector = narrowed(tenant, body.selector);
        const forMs = durationMs(body.for);
        const bypass = await stored(() => approvals.bypass({ selector, tools, reason, author: person, forMs }));
        const after = toBypassRow(bypass);
        await recordChange({ author: person, action: "approval.bypass", subject: bypass.id, tenant, after });
        return after;
      },
    }),
    route({
      method: "POST",
      url: "/v1/approvals/bypasses/:id/end",
      summary: "End a bypass before its time",
      access: "operator",
      tenants: "own",
      body: z.strictObject({}),
      query: NOTHING,
      params: z.object({ id: z.string().max(64) }),
      reply: bypassRow,
      problems: ["not_found", "not_stored"],
      handle: async ({ params: { id }, person, tenant }) => {
        await approvals.look();
        const named = approvals.bypasses().find((bypass) => bypass.id === id);
        const isOurs = tenant === undefined || (named !== undefined && tenantOfSelector(named.selector) === tenant);
        const ended = isOurs ? await stored(() => approvals.endBypass(id)) : undefined;
        if (ended === undefined) throw new ApiProblem("not_found", `no bypass with the id \`${id}\` is in force`);
        const before = toBypassRow(ended);
        await recordChange({ author: person, action: "approval.bypass_end", subject: id, tenant, before });
        return before;
      },
    }),
  ];
}

function isTheirs(
  { kind, agent }: ApprovalRequest,
  { tenancy, tenant }: { readonly tenancy: Tenancy; readonly tenant: Tenant },
): boolean {
  // Of a budget it is the selector of those whom it holds.
  return kind === "budget" ? tenancy.seesSelector(tenant, agent) : tenancy.seesAgent(tenant, agent);
}

function actOf(body: z.output<typeof askRequest>): Act {
  const args = body.arguments === undefined ? { json: "", digest: "" } : canonical(body.arguments);
  const { agent, session, user, tool, policy, policy_version: policyVersion, rule, reason } = body;
  return {
    kind: "tool",
    agent,
    session,
    user,
    tool,
    argumentsJson: args.json,
    argumentsDigest: args.digest,
    policy,
    policyVersion,
    rule,
    reason,
  };
}

/** False when the fleet's policy that asked is another version now. Policies of the process itself are known only there. */
function isPolicyInForce({ agent, policy, policyVersion }: Act, registry: AgentRegistry): boolean {
  const labels = labelOrderOf(registry);
  const versions = registry.policies(agent).flatMap((document) => {
    const parsed = parsePolicy(document, { labels });
    return parsed.ok && parsed.policy.name === policy ? [compilePolicy(parsed.policy, { labels }).version] : [];
  });
  return versions.length === 0 || versions.includes(policyVersion);
}

function canonical(value: unknown): { readonly json: string; readonly digest: string } {
  const outcome = canonicalArguments(value);
  if (!outcome.ok) throw new ApiProblem("invalid_request", `body.arguments: ${outcome.reason}`);
  const { json, digest } = outcome.arguments;
  return { json, digest };
}

/** Another processor of the fleet may have taken it. */
async function lookedUp(approvals: ApprovalDesk, id: string): Promise<ApprovalRequest> {
  await approvals.look();
  return found(approvals, id);
}

function found(approvals: ApprovalDesk, id: string): ApprovalRequest {
  const request = approvals.get(id);
  if (request === undefined) throw unknown(id);
  return request;
}

function unknown(id: string): ApiProblem {
  return new ApiProblem("not_found", `no request for approval has the id \`${id}\`, or it is forgotten`);
}

/** What the disk refuses is no approval; what a person wrote wrong is said. */
async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppendLogError) throw new ApiProblem("not_stored", error.message);
    if (error instanceof RangeError) throw new ApiProblem("invalid_request", `body.${error.message}`);
    throw error;
  }
}
