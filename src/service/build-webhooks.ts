import type { Api } from "../api/server.ts";
import { WebhookDelivery } from "../approvals/webhook-delivery.ts";
import type { Clock } from "../support/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Config } from "./config-schema.ts";

const TIMEOUT_MS = 10_000;

/** Tells the webhooks of the configuration about requests for approval; not started. */
export function buildWebhooks(options: {
  readonly config: Config;
  readonly api: Pick<Api, "approvals" | "onApproval">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}): WebhookDelivery {
  const { config, api, clock, telemetry } = options;
  const { webhooks, remind_after_ms: remindAfterMs, escalate_after_ms: escalateAfterMs } = config.approvals;
  const delivery = new WebhookDelivery({
    webhooks: webhooks.flatMap(({ name, url, format, secret, on, include_arguments: includesArguments }) =>
      url === undefined ? [] : [{ name, url, format, secret: secret.reveal(), on, includesArguments }],
    ),
    approvals: api.approvals,
    remindAfterMs,
    escalateAfterMs,
    clock,
    post: async (url, { headers, body }) => {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url, { method: "POST", headers, body, redirect: "error", signal });
      await response.body?.cancel();
      return response.status;
    },
    onFailure: (failure) => telemetry.emit("webhook_not_delivered", failure),
  });
  api.onApproval((request) => delivery.onApproval(request));
  return delivery;
}
