/**
 * Tells people that they are asked: signed, tried again, bounded. Promise: a webhook that is slow or away delays nobody else,
 * and what could not be delivered is said; the request waits for its answer all the same, and is sent again as a reminder,
 * also after a restart.
 */
import type { Clock } from "../support/clock.ts";
import { type CancelTimer, delay, every } from "../support/clock.ts";
import type { ApprovalDesk } from "./approval-desk.ts";
import type { ApprovalRequest } from "./request.ts";
import { noticeBody, webhookBody, type WebhookEvent, type WebhookNotice } from "./webhook-body.ts";
import { signature, SIGNATURE_HEADER } from "./webhook-signature.ts";

export interface Webhook {
  readonly name: string;
  readonly url: string;
  readonly format: "generic" | "slack" | "teams";
  readonly secret: string;
  readonly on: readonly (WebhookEvent | WebhookNotice["event"])[];
  readonly includesArguments: boolean;
}

export interface WebhookDeliveryOptions {
  readonly webhooks: readonly Webhook[];
  readonly approvals: Pick<ApprovalDesk, "all" | "stateOf" | "mark">;
  readonly remindAfterMs: number;
  readonly escalateAfterMs: number;
  readonly clock: Clock;
  /** Sends; throws, or answers with a status. */
  readonly post: (
    url: string,
    request: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  ) => Promise<number>;
  readonly onFailure: (failure: { readonly webhook: string; readonly id: string; readonly reason: string }) => void;
}

interface Message {
  readonly id: string;
  readonly body: (nowMs: number) => unknown;
}

const LOOK_INTERVAL_MS = 1_000;
const QUEUE_MAX = 1_000;
const RETRY_MS = [1_000, 5_000, 30_000, 120_000] as const;

export class WebhookDelivery {
  readonly #options: WebhookDeliveryOptions;
  readonly #waiting = new Map<string, number>();
  #cancel: CancelTimer = () => {};
  #isStopped = false;

  constructor(options: WebhookDeliveryOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#cancel = every(this.#options.clock, LOOK_INTERVAL_MS, () => {
      // A disk that refuses the mark is said by everything else that is refused then.
      void this.look().catch(() => {});
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
  }

  /** A request was made, or changed. */
  onApproval(request: ApprovalRequest): void {
    if (request.bypass !== undefined) return;
    if (request.revision === 1) this.#tell("asked", request);
    else if (request.state === "approved" || request.state === "denied") this.#tell("answered", request);
  }

  /** Reminds of what waits too long, and escalates what waits longer; each once. */
  async look(): Promise<void> {
    const { approvals, remindAfterMs, escalateAfterMs, clock } = this.#options;
    const now = clock.now();
    for (const request of approvals.all()) {
      if (approvals.stateOf(request) !== "pending") continue;
      const ageMs = now - request.askedAtMs;
      if (request.escalatedAtMs === undefined && ageMs >= escalateAfterMs) {
        if (await approvals.mark(request.id, "escalatedAtMs")) this.#tell("escalation", request);
      } else if (request.remindedAtMs === undefined && ageMs >= remindAfterMs) {
        if (await approvals.mark(request.id, "remindedAtMs")) this.#tell("reminder", request);
      }
    }
  }

  #tell(event: WebhookEvent, request: ApprovalRequest): void {
    for (const webhook of this.#options.webhooks) {
      if (!webhook.on.includes(event)) continue;
      const { format, includesArguments } = webhook;
      const body = (nowMs: number): unknown => webhookBody({ event, format, request, nowMs, includesArguments });
      void this.#deliver(webhook, { id: request.id, body });
    }
  }

  /** Something else happened. */
  tell(notice: WebhookNotice): void {
    for (const webhook of this.#options.webhooks) {
      if (!webhook.on.includes(notice.event)) continue;
      void this.#deliver(webhook, { id: notice.id, body: () => noticeBody(webhook.format, notice) });
    }
  }

  /** Never rejects. */
  async #deliver(webhook: Webhook, message: Message): Promise<void> {
    const { clock, onFailure } = this.#options;
    const { name } = webhook;
    const { id } = message;
    const waiting = this.#waiting.get(name) ?? 0;
    if (waiting >= QUEUE_MAX) return onFailure({ webhook: name, id, reason: "too many messages wait for it" });
    this.#waiting.set(name, waiting + 1);
    let reason = "";
    for (const retryMs of [...RETRY_MS, undefined]) {
      const outcome = await this.#post(webhook, message);
      if (outcome === "delivered") break;
      reason = outcome.reason;
      if (outcome.isFinal || retryMs === undefined || this.#isStopped) {
        onFailure({ webhook: name, id, reason });
        break;
      }
      await delay(clock, retryMs);
    }
    this.#waiting.set(name, (this.#waiting.get(name) ?? 1) - 1);
  }

  async #post(
    { url, secret }: Webhook,
    message: Message,
  ): Promise<"delivered" | { readonly reason: string; readonly isFinal: boolean }> {
    const { clock, post } = this.#options;
    const nowMs = clock.now();
    const body = JSON.stringify(message.body(nowMs));
    const headers = {
      "content-type": "application/json",
      [SIGNATURE_HEADER]: signature({ secret, unixSeconds: Math.floor(nowMs / 1_000), body }),
    };
    try {
      const status = await post(url, { headers, body });
      if (status >= 200 && status < 300) return "delivered";
      return { reason: `it answers ${status}`, isFinal: status < 500 && status !== 408 && status !== 429 };
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error), isFinal: false };
    }
  }
}
