/**
 * `POST /v1/approvals/webhooks/{name}`: answers from outside, by who holds the webhook's secret. Promise: a message counts only
 * with a fresh signature over its very bytes, and once; who answers is whom the configuration names for the sender's id, and
 * the answer is for the arguments that the person was shown.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { readWebhookAnswer } from "../approvals/webhook-body.ts";
import { SIGNATURE_AGE_SECONDS_MAX, verifiedSignature } from "../approvals/webhook-signature.ts";
import { z } from "zod";
import type { Clock } from "../support/clock.ts";
import { type ApprovalRoutesOptions, giveAnswer } from "./approvals.ts";
import { APPROVAL_STATES } from "./approval-schemas.ts";
import { ApiProblem } from "./problem.ts";
import { NOTHING, route } from "./route.ts";

export interface AnsweringWebhook {
  readonly name: string;
  readonly format: "generic" | "slack" | "teams";
  readonly secret: string;
  /** Ids over there, and the names that answers are written down under. */
  readonly approvers: Readonly<Record<string, string>>;
}

export interface AnsweringOptions extends Pick<ApprovalRoutesOptions, "approvals" | "recordChange" | "tenancy"> {
  readonly webhooks: readonly AnsweringWebhook[];
  readonly clock: Clock;
}

/** Far more than people can answer while a signature is good. */
const SEEN_MAX = 100_000;

/** For the description of the API: its body is read by the webhook's format, after its signature. */
export const answeringRoute = route({
  method: "POST",
  url: "/v1/approvals/webhooks/:name",
  summary:
    "An answer from outside, signed with the webhook's secret (`tollgate-signature: t=<unix seconds>,v1=<hex HMAC-SHA-256 of t.body>`; Slack: as its buttons send it; Teams: as its outgoing webhooks do)",
  access: "anyone",
  body: z.object({
    id: z.string().describe("Of the request: apr_…"),
    answer: z.enum(["approve", "deny"]),
    by: z.string().describe("Who, as the webhook's `approvers` has the id."),
    arguments_digest: z.string().describe("Of the arguments that the person was shown."),
    comment: z.string().optional(),
    arguments: z.unknown().optional().describe("What the tool is to get instead."),
  }),
  query: NOTHING,
  params: z.object({ name: z.string() }),
  reply: z.object({ id: z.string(), state: z.enum(APPROVAL_STATES) }),
  problems: [
    "unauthorized",
    "forbidden",
    "not_found",
    "approval_own",
    "approval_ended",
    "approval_other_act",
    "webhook_replayed",
    "too_many_approvals",
    "not_stored",
  ],
  handle: async () => {
    throw new ApiProblem("not_found");
  },
});

export class AnsweringWebhooks {
  readonly #options: AnsweringOptions;
  /** Signatures that were taken, and until when they would be. */
  readonly #seen = new Map<string, number>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  addTo(app: FastifyInstance): void {
    // Of its own, because a signature is over bytes: the rest of the API takes parsed JSON only.
    void app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        ["application/json", "application/x-www-form-urlencoded"],
        { parseAs: "string" },
        (_request, body, done) => done(null, body),
      );
      scope.post("/v1/approvals/webhooks/:name", (request: FastifyRequest<{ Params: { name: string } }>) =>
        this.#take(request),
      );
    });
  }

  async #take({ params, headers, body }: FastifyRequest<{ Params: { name: string } }>): Promise<object> {
    const { webhooks, approvals, clock, recordChange, tenancy } = this.#options;
    const webhook = webhooks.find(({ name }) => name === params.name);
    const text = typeof body === "string" ? body : "";
    const nowMs = clock.now();
    // One that does not exist says the same as one whose secret is not known.
    const signed =
      webhook === undefined
        ? undefined
        : verifiedSignature({ format: webhook.format, secret: webhook.secret, headers, body: text, nowMs });
    if (webhook === undefined || signed === undefined) {
      throw new ApiProblem("unauthorized", "the message is not signed with the webhook's secret, or is too old");
    }
    this.#remember(signed, nowMs);
    const answer = readWebhookAnswer(webhook.format, text);
    if (answer === undefined) throw new ApiProblem("invalid_request", "body: not an answer in the webhook's format");
    const by = Object.hasOwn(webhook.approvers, answer.by) ? webhook.approvers[answer.by] : undefined;
    if (by === undefined) throw new ApiProblem("forbidden", "the sender's id is not among the webhook's `approvers`");
    const { id, comment, edited, shown } = answer;
    const via = `webhook ${webhook.name}`;
    const given = { by, answer: answer.answer, comment, via, shown, ...(edited === undefined ? {} : { edited }) };
    const { request, isRepeated } = await giveAnswer({ approvals, recordChange, tenancy }, id, given);
    const state = approvals.stateOf(request);
    const said = isRepeated ? `${id} is ${state}: you had answered this before` : `${id} is ${state}`;
    // Teams shows the text of a message as the reply.
    return webhook.format === "teams" ? { id, state, type: "message", text: said } : { id, state };
  }

  #remember(signed: string, nowMs: number): void {
    for (const [known, untilMs] of this.#seen) {
      if (untilMs > nowMs) break;
      this.#seen.delete(known);
    }
    if (this.#seen.has(signed)) throw new ApiProblem("webhook_replayed");
    if (this.#seen.size >= SEEN_MAX) throw new ApiProblem("too_many_approvals");
    // A message from a clock that is ahead is good for longer.
    this.#seen.set(signed, nowMs + 2 * SIGNATURE_AGE_SECONDS_MAX * 1_000);
  }
}
