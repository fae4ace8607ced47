/**
 * `POST /v1/decisions`: what the fleet's policies say of a tool call, for agents in any language. The same pure engine as
 * in the gate decides, on the arguments' canonical form. It only answers: the caller has to act on it, and nothing is
 * recorded here; the caller's span carries the decision. `require_approval` comes with the request for approval that it made;
 * the same call decided on again, once it is approved, is allowed: that uses the approval up.
 */
import { compilePolicy, type CompiledPolicy, decide, parsePolicy } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import { vouchesFor } from "./access.ts";
import { labelsSchema } from "./lease-schemas.ts";
import type { ApprovedDecision, WantedDecision } from "./decision-approval.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { type StopDesk, stoppedText } from "./stop-desk.ts";

const TOOL_LABELS_MAX = 64;

const decisionRequest = z.strictObject({
  agent: z.string().min(1).max(200),
  session: z.string().max(512).optional(),
  tool: z.string().max(1_024),
  arguments: z.unknown().optional().describe("As the tool will get them: the object, or the list, of its arguments."),
  labels: labelsSchema.default({}).describe("What the agent says of itself; the registry wins."),
  tool_labels: z
    .array(z.string().max(512))
    .max(TOOL_LABELS_MAX)
    .default([])
    .describe("For conditions on `tool.labels`."),
  model: z.string().max(512).optional(),
  destination: z.string().max(2_048).optional(),
});

const decisionReply = z.object({
  decision: z
    .enum(["allow", "deny", "forbid", "require_approval"])
    .describe("Anything but `allow`: don't run the tool."),
  rule: z.string(),
  reason: z.string(),
  policy: z.string().describe("Empty: no policy decided."),
  policy_version: z.string(),
  arguments_digest: z
    .string()
    .describe(
      "SHA-256 of the arguments' canonical JSON (RFC 8785), for `tollgate.tool.arguments_digest`; may be empty.",
    ),
  approval_id: z.string().optional().describe("Of the request for approval: ask again to learn what became of it."),
  arguments: z.unknown().optional().describe("Where an approver edited them: what the tool is to get instead."),
});

export interface DecisionsOptions {
  readonly registry: AgentRegistry;
  readonly clock: Clock;
  readonly desk: StopDesk;
  readonly approve: (wanted: WantedDecision) => Promise<ApprovedDecision>;
}

const STOPPED = { policy: "", policy_version: "", arguments_digest: "" } as const;

export function decisionsRoute({ registry, clock, desk, approve }: DecisionsOptions): AnyRoute {
  const compiled = new Map<unknown, CompiledPolicy | undefined>();
  return route({
    method: "POST",
    url: "/v1/decisions",
    summary: "What the policies say of a tool call",
    access: "agent",
    body: decisionRequest,
    query: NOTHING,
    params: NOTHING,
    reply: decisionReply,
    example: {
      body: { agent: "checkout", session: "s-17", tool: "db_drop_table", arguments: { table: "orders" } },
      reply: {
        decision: "forbid",
        rule: "forbid: db_drop_*",
        reason: "the policy forbids it",
        policy: "everyone",
        policy_version: "1",
        arguments_digest: "7a4c1d…",
      },
    },
    problems: ["forbidden", "too_many_approvals", "not_stored"],
    handle: async ({ body, caller }) => {
      vouchesFor(caller, body.agent);
      const labels = registry.labels(body.agent, { ...body.labels, ...(body.session && { session: body.session }) });
      const stop = desk.actOn(labels);
      // What a person stopped comes before every policy, and no approval lifts it.
      if (stop !== undefined)
        return { decision: "forbid" as const, rule: stop.act, reason: stoppedText(stop), ...STOPPED };
      const policies = registry.policies(body.agent).map((document) => {
        if (!compiled.has(document)) compiled.set(document, compile(document));
        return compiled.get(document);
      });
      const readable = policies.filter((policy) => policy !== undefined);
      const { agent: name, team, role, autonomy, environment } = labels;
      const decision = decide(
        readable,
        {
          tool: { name: body.tool, labels: body.tool_labels },
          args: body.arguments,
          agent: { ...(name && { name }), ...(team && { team }), ...(role && { role }), ...(autonomy && { autonomy }) },
          ...(environment && { environment }),
          ...(body.model && { model: body.model }),
          ...(body.destination && { destination: body.destination }),
          now: new Date(clock.now()),
        },
        // A policy that can't be read must not open what it was meant to close.
        { requirePolicy: registry.requirePolicy || readable.length < policies.length },
      );
      const reply = {
        decision: decision.decision,
        rule: decision.rule,
        reason: decision.reason,
        policy: decision.policy,
        policy_version: decision.policyVersion,
        arguments_digest: decision.arguments?.digest ?? "",
      };
      if (decision.decision !== "require_approval") return reply;
      return { ...reply, ...(await approve({ body, labels, decision })) };
    },
  });
}

function compile(document: unknown): CompiledPolicy | undefined {
  const parsed = parsePolicy(document);
  return parsed.ok ? compilePolicy(parsed.policy) : undefined;
}
