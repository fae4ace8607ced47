/** A call that waits for a person, with a processor in memory and a clock that is turned by hand. */
import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { ApprovalClient } from "../../../../instrumentation/src/approval/approval-client.ts";
import type { ApprovalReply } from "../../../../instrumentation/src/protocol.ts";
import { HandClock, quiet } from "../../../support/hand-clock.ts";

const ACT = {
  agent: "a",
  session: "",
  user: "",
  tool: "pay",
  labels: {},
  policy: "p",
  policy_version: "1",
  rule: "require_approval: pay",
  reason: "money",
};

function setUp() {
  const clock = new HandClock();
  let state: ApprovalReply["state"] = "pending";
  let asked = 0;
  const reply = (): ApprovalReply => ({ id: "r1", state, act_digest: "d", arguments_digest: "d", expires_at: "" });
  const transport = {
    ask: async () => ((asked += 1), { kind: "reply", reply: reply() } as const),
    use: async () => ({ kind: "reply", reply: reply() }) as const,
  };
  const client = new ApprovalClient({ transport, clock, processId: "f".repeat(32) });
  return { client, clock, asked: () => asked, answer: (to: ApprovalReply["state"]) => (state = to) };
}

it("leaves nothing on the app's signal, however often it asks again", async () => {
  const { client, clock, asked, answer } = setUp();
  const { signal } = new AbortController();
  const waiting = client.ask(ACT, { waitMs: 60_000, signal, onAsked: () => {} });
  for (let poll = 0; poll < 5; poll += 1) {
    await quiet();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await clock.advance(2_000);
  }
  expect(asked()).toBeGreaterThanOrEqual(5);
  answer("approved");
  client.heard("r1");
  await clock.advance(2_000);
  expect(await waiting).toMatchObject({ outcome: "approved" });
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

it("ends its wait when the app gives the call up, and asks nobody again", async () => {
  const { client, clock, asked } = setUp();
  const controller = new AbortController();
  const waiting = client.ask(ACT, { waitMs: 60_000, signal: controller.signal, onAsked: () => {} });
  await quiet();
  controller.abort();
  expect(await waiting).toMatchObject({ outcome: "pending" });
  const before = asked();
  await clock.advance(10_000);
  expect(asked()).toBe(before);
});
