/** How long a held call waits, and what it is told then. */
import { expect, it } from "vitest";
import { StopGate } from "../../../instrumentation/src/stop/stop-gate.ts";
import type { StopAct } from "../../../instrumentation/src/protocol.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import type { Clock } from "../../../instrumentation/src/lease/clock.ts";

const WHO = { agent: "shop", labels: { agent: "shop", team: "a" } };

function gateWith(of: Partial<StopAct>): { readonly gate: StopGate; readonly hand: ManualClock } {
  const hand = new ManualClock();
  const clock: Clock = {
    monotonicMs: () => hand.monotonic(),
    wallMs: () => hand.now(),
    after: (ms, callback) => ({ cancel: hand.setTimer(ms, callback) }),
  };
  const gate = new StopGate({ clock, pauseWaitMs: 60_000, processLabels: () => ({}), openCalls: new Set() });
  const act: StopAct = { id: "1", act: "pause", selector: "team=a", reason: "why", author: "budget b", at: "", ...of };
  gate.onStops({ epoch: "e", revision: 1, acts: [act] });
  return { gate, hand };
}

it("what asks for a person's approval refuses at once, by a code of its own", async () => {
  const { gate } = gateWith({ asks: "approval", wait_ms: 0 });
  await expect(gate.pass(WHO, undefined)).rejects.toMatchObject({
    code: "approval_required",
    agent: "shop",
    reason: "why",
    author: "budget b",
  });
});

it("a pause with a time-out of its own waits for that long, not for the gate's", async () => {
  const { gate, hand } = gateWith({ wait_ms: 5_000 });
  const passed = gate.pass(WHO, undefined).catch((error: unknown) => error);
  hand.advance(5_000);
  expect(await passed).toMatchObject({ code: "agent_paused" });
});

it("a call that waits goes on when the act is lifted", async () => {
  const { gate } = gateWith({ asks: "approval", wait_ms: 600_000 });
  const passed = gate.pass(WHO, undefined);
  gate.onStops({ epoch: "e", revision: 2, acts: [] });
  await expect(passed).resolves.toBeUndefined();
});
