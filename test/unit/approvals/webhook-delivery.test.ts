import { expect, it } from "vitest";
import { ApprovalDesk } from "../../../src/approvals/approval-desk.ts";
import type { Act, ApprovalRequest } from "../../../src/approvals/request.ts";
import { webhookBody } from "../../../src/approvals/webhook-body.ts";
import { type Webhook, WebhookDelivery } from "../../../src/approvals/webhook-delivery.ts";
import { SIGNATURE_HEADER, verifiedSignature } from "../../../src/approvals/webhook-signature.ts";
import { governanceStores } from "../../support/governance-stores.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const SECRET = "a-secret-of-the-webhook";
const ACT: Act = {
  kind: "tool",
  agent: "editor",
  session: "",
  user: "",
  tool: "write_file",
  argumentsJson: '{"path":"<!channel> *a*"}',
  argumentsDigest: "d".repeat(64),
  policy: "files",
  policyVersion: "1",
  rule: "require_approval: write_*",
  reason: "writes are asked for",
};

interface Sent {
  readonly event: string;
  readonly id: string;
  readonly isSigned: boolean;
}

function world(on: Webhook["on"], statuses: number[] = []) {
  const clock = new ManualClock();
  const { approvals: store } = governanceStores(clock);
  const sent: Sent[] = [];
  const failures: string[] = [];
  const desk = new ApprovalDesk({
    store,
    clock,
    termsOf: () => ({ quorum: 1, expireAfterMs: 60_000, useWithinMs: 30_000, barred: [] }),
    onChange: (request) => delivery.onApproval(request),
  });
  const delivery = new WebhookDelivery({
    webhooks: [{ name: "ours", url: "http://x", format: "generic", secret: SECRET, on, includesArguments: false }],
    approvals: desk,
    remindAfterMs: 10_000,
    escalateAfterMs: 20_000,
    clock,
    post: async (_url, { headers, body }) => {
      const { event, id } = JSON.parse(body) as { event: string; id: string };
      const signed = verifiedSignature({ format: "generic", secret: SECRET, headers, body, nowMs: clock.now() });
      sent.push({ event, id, isSigned: signed !== undefined && headers[SIGNATURE_HEADER] !== undefined });
      return statuses.shift() ?? 200;
    },
    onFailure: ({ reason }) => void failures.push(reason),
  });
  return { clock, desk, delivery, sent, failures };
}

/** Lets what was started and does not wait for the clock come to its end. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function ask(desk: ApprovalDesk): Promise<ApprovalRequest> {
  const asked = await desk.ask(ACT, { agent: "editor" });
  if (asked.outcome === "too_many") throw new Error("too many");
  return asked.request;
}

it("asks, reminds once and escalates once, each signed, and stops when somebody answers", async () => {
  const { clock, desk, delivery, sent } = world(["asked", "reminder", "escalation", "answered"]);
  const { id } = await ask(desk);
  for (const ms of [9_999, 1, 5_000, 5_000, 1_000]) {
    clock.advance(ms);
    await delivery.look();
    await settle();
  }
  expect(sent.map(({ event }) => event)).toEqual(["asked", "reminder", "escalation"]);
  await desk.answer(id, { by: "alice", answer: "deny", comment: "", via: "api" });
  await settle();
  clock.advance(30_000);
  await delivery.look();
  expect(sent.map(({ event }) => event)).toEqual(["asked", "reminder", "escalation", "answered"]);
  expect(sent.every((each) => each.isSigned && each.id === id)).toBe(true);
});

it("tries again when the other side is away, and not when it refuses", async () => {
  const away = world(["asked"], [503, 503]);
  await ask(away.desk);
  for (const ms of [0, 1_000, 5_000]) {
    away.clock.advance(ms);
    await settle();
  }
  expect([away.sent.length, away.failures]).toEqual([3, []]);
  const refusing = world(["asked"], [404]);
  await ask(refusing.desk);
  await settle();
  refusing.clock.advance(600_000);
  await settle();
  expect([refusing.sent.length, refusing.failures]).toEqual([1, ["it answers 404"]]);
});

it("shows arguments only where that is set, and never as more than plain text", async () => {
  const { desk, clock } = world([]);
  const request = await ask(desk);
  for (const format of ["generic", "slack", "teams"] as const) {
    const options = { event: "asked", format, request, nowMs: clock.now() } as const;
    expect(JSON.stringify(webhookBody({ ...options, includesArguments: false }))).not.toContain("channel");
    const text = JSON.stringify(webhookBody({ ...options, includesArguments: true }));
    expect(text).toContain("channel");
    expect(text).not.toContain("mrkdwn");
  }
});
