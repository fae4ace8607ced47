/**
 * `POST /v1/approvals/webhooks/{name}`: answers from outside, by who holds the webhook's secret. Promise: a message counts only
 * with a fresh signature over its very bytes, and once; who answers is whom the configuration names for the sender's id, and
 * the answer is for the arguments that the person was shown.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { currentDigest } from "../approvals/rules.ts";
import { readWebhookAnswer } from "../approvals/webhook-body.ts";
import { SIGNATURE_AGE_SECONDS_MAX, verifiedSignature } from "../approvals/webhook-signature.ts";
import type { Clock } from "../support/clock.ts";
import { type ApprovalRoutesOptions, giveAnswer } from "./approvals.ts";
import { ApiProblem } from "./problem.ts";

export interface AnsweringWebhook {
  readonly name: string;
  readonly format: "generic" | "slack" | "teams";
  readonly secret: string;
  /** Ids over there, and the names that answers are written down under. */
  readonly approvers: Readonly<Record<string, string>>;
}

export interface AnsweringOptions extends Pick<ApprovalRoutesOptions, "approvals" | "recordChange"> {
  readonly webhooks: readonly AnsweringWebhook[];
  readonly clock: Clock;
}

/** Far more than people can answer while a signature is good. */
const SEEN_MAX = 100_000;

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
    const { webhooks, approvals, clock, recordChange } = this.#options;
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
    await approvals.look();
    const request = approvals.get(answer.id);
    if (request !== undefined && answer.shown !== currentDigest(request)) {
      throw new ApiProblem("approval_other_act", "the arguments were edited since they were shown");
    }
    const { id, comment, edited } = answer;
    const via = `webhook ${webhook.name}`;
    const given = { by, answer: answer.answer, comment, via, ...(edited === undefined ? {} : { edited }) };
    const next = await giveAnswer({ approvals, recordChange }, id, given);
    return { id, state: approvals.stateOf(next) };
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
