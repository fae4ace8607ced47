/**
 * `POST /v1/decisions`: what the fleet's policies say of a tool call, for agents in any language. The same pure engine as
 * in the gate decides, on the arguments' canonical form. It only answers: the caller has to act on it, and the decision is
 * not recorded here (the caller's span carries it), only, where a policy asks, what the session did by it (decision-sessions.ts). `require_approval` comes with the request for approval that it made;
 * the same call decided on again, once it is approved, is allowed: that uses the approval up.
 */
import { type Decision, placesOf, REVERSIBILITIES, TOOL_ACTIONS } from "@tollgate/instrumentation/policy";
import { z } from "zod";
import { Decider } from "../policy/decider.ts";
import type { AgentRegistry } from "../policy/registry.ts";
import type { Clock } from "../support/clock.ts";
import { vouchesFor } from "./access.ts";
import { callerLabels } from "./caller-labels.ts";
import { agentName } from "./agent-name.ts";
import { DecisionKeys, digestOfParts } from "./decision-keys.ts";
import { idempotencyKeyOf } from "./idempotency-key.ts";
import { labelsSchema } from "./lease-schemas.ts";
import type { DecisionSessions } from "./decision-sessions.ts";
import type { ApprovedDecision, WantedDecision } from "./decision-approval.ts";
import { type AnyRoute, NOTHING, route } from "./route.ts";
import { type StopDesk, stoppedText } from "./stop-desk.ts";

const TOOL_LABELS_MAX = 64;
const MATCHED_MAX = 100;

const decisionRequest = z.strictObject({
  agent: agentName,
  session: z.string().max(512).optional(),
  tool: z.string().max(1_024),
  arguments: z.unknown().optional().describe("As the tool will get them: the object, or the list, of its arguments."),
  labels: labelsSchema.default({}).describe("What the agent says of itself; the registry wins."),
  tool_labels: z
    .array(z.string().max(512))
    .max(TOOL_LABELS_MAX)
    .optional()
    .describe("Labels of the data that the tool reads or sends, beside those that its document has."),
  tool_actions: z.array(z.enum(TOOL_ACTIONS)).optional().describe("What the tool does."),
  tool_systems: z.array(z.string().max(512)).max(TOOL_LABELS_MAX).optional().describe("Systems that it touches."),
  tool_reversibility: z.enum(REVERSIBILITIES).optional().describe("Whether what it does can be undone."),
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
  destinations: z
    .array(z.string())
    .optional()
    .describe(
      "Where the call goes, for `tollgate.tool.destinations` of its span: hosts and mail domains, no addresses.",
    ),
  matched: z
    .array(z.object({ policy: z.string(), rule: z.string(), effect: z.string(), error: z.string().optional() }))
    .optional()
    .describe(
      `All rules that say the same (${MATCHED_MAX} at most); with \`error\`, ones whose condition failed, and so denied.`,
    ),
  shadow: z
    .array(
      z.object({
        decision: z.string(),
        rule: z.string(),
        reason: z.string(),
        policy: z.string(),
        policy_version: z.string(),
      }),
    )
    .optional()
    .describe(
      "What policies that are not enforced would have decided; first, what was decided of an agent that only observes.",
    ),
  approval_id: z.string().optional().describe("Of the request for approval: ask again to learn what became of it."),
  arguments: z.unknown().optional().describe("Where an approver edited them: what the tool is to get instead."),
});

export interface DecisionsOptions {
  readonly registry: AgentRegistry;
  readonly clock: Clock;
  readonly desk: StopDesk;
  readonly sessions: DecisionSessions;
  readonly approve: (wanted: WantedDecision) => Promise<ApprovedDecision>;
}

const STOPPED = { policy: "", policy_version: "", arguments_digest: "" } as const;

export function decisionsRoute({ registry, clock, desk, sessions, approve }: DecisionsOptions): AnyRoute {
  const decider = new Decider(registry);
  const keys = new DecisionKeys();
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
    isKeyed: true,
    problems: ["forbidden", "too_many_approvals", "not_stored", "idempotency_key_reused"],
    handle: async ({ body, caller, headers }) => {
      vouchesFor(caller, body.agent);
      const key = idempotencyKeyOf(headers["idempotency-key"]);
      const useId = key === undefined ? undefined : digestOfParts(caller.id, body.agent, key);
      const labels = callerLabels({
        registry,
        caller,
        agent: body.agent,
        claimed: { ...body.labels, ...(body.session && { session: body.session }) },
      });
      const stop = desk.actOn(labels);
      // What a person stopped comes before every policy, and no approval lifts it.
      if (stop !== undefined)
        return { decision: "forbid" as const, rule: stop.act, reason: stoppedText(stop), ...STOPPED };
      const declaration = {
        labels: body.tool_labels,
        actions: body.tool_actions,
        systems: body.tool_systems,
        reversibility: body.tool_reversibility,
      };
      const tool = decider.toolFacts(body.tool, declaration);
      const asked = (args: unknown) => (body.session ? { labels, session: body.session, args } : undefined);
      const decideOn = (args: unknown): Decision => {
        const session = asked(args);
        const reach = sessions.goingOf({ args, tool, destination: body.destination });
        return decider.decide(labels, {
          tool: body.tool,
          declaration,
          args,
          ...(session && { session: sessions.factsOf(session) }),
          ...(body.model && { model: body.model }),
          expansion: sessions.expansionsOf(labels, reach),
          destinations: reach.destinations,
          now: new Date(clock.now()),
        });
      };
      const decision = decideOn(body.arguments);
      const call = digestOfParts(body.session ?? "", body.tool, decision.arguments?.digest ?? "");
      if (useId !== undefined) keys.check(useId, call);
      const { destinations } = sessions.goingOf({ args: body.arguments, tool, destination: body.destination });
      const reply = replyOf(decision, destinations);
      const made =
        decision.decision === "require_approval"
          ? { ...reply, ...(await approve({ body, labels, decision, decideOn, useId })) }
          : reply;
      const args = "arguments" in made ? made.arguments : body.arguments;
      const did = asked(args);
      const reach = sessions.goingOf({ args, tool, destination: body.destination });
      const isAgain = useId !== undefined && keys.hasLeft(useId, { call, decision: made.decision });
      if (made.decision === "allow" && !reach.isDryRun) await sessions.went(labels, reach);
      if (did && !isAgain) await sessions.record({ ...did, decision: made.decision, tool, reach });
      return made;
    },
  });
}

function replyOf(made: Decision, destinations: readonly string[]) {
  const { decision, rule, reason, policy, policyVersion, matched, shadow, arguments: args } = made;
  const places = placesOf(destinations);
  return {
    decision,
    rule,
    reason,
    policy,
    policy_version: policyVersion,
    arguments_digest: args?.digest ?? "",
    ...(places.length > 0 && { destinations: [...places] }),
    matched: matched.slice(0, MATCHED_MAX),
    shadow: shadow.map(({ policyVersion: version, ...would }) => ({ ...would, policy_version: version })),
  };
}
