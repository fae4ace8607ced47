/** A realtime session over the end of its budget, and of the lease that its money is from: what is being said goes on and is charged, nothing else begins. */
import { expect, it } from "vitest";
import { create, SHORT, sound, useRealtime } from "../../support/realtime-session.ts";

// Built on `ws`, which has to be loaded after the hooks are in place.
const { COST_NANO_USD, USAGE } = await import("../../support/realtime-provider.ts");

const talk = useRealtime();
const { connect, seen, closed, attributes } = talk;

it("lets what is being said end where the budget ends in its midst, and begins nothing after it", async () => {
  talk.provider.talksOn = true;
  // Enough for one.
  talk.ledger.limit = SHORT;
  await connect();
  talk.session.send(create);
  await seen("response.output_audio.delta");
  talk.session.send(create);
  await seen("error");
  talk.session.send(sound("end"));
  await seen("error", 2);
  expect(talk.events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(talk.provider.responses).toBe(1);
  talk.provider.say({ type: "response.done", response: { id: "resp_1", status: "completed", usage: USAGE } });
  await seen("response.done");
  await closed();
  expect(attributes().map((span) => [span["tollgate.cost.nano_usd"], span["error.type"]])).toEqual([
    [0, "budget_exceeded"],
    [0, "budget_exceeded"],
    [Number(COST_NANO_USD), undefined],
  ]);
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("charges what was being said when its lease ended, and says that nothing more can be asked for meanwhile", async () => {
  talk.provider.talksOn = true;
  // In hand for as good as no time.
  talk.ledger.intercept = (request) =>
    talk.ledger.isDown ? undefined : { kind: "reply", reply: { ...talk.ledger.grant(request), ttl_ms: 1 } };
  await connect();
  talk.session.send(create);
  await seen("response.output_audio.delta");
  talk.ledger.isDown = true;
  talk.session.send(create);
  await seen("error");
  expect(talk.events.at(-1)?.error?.code).toBe("gate_unavailable");
  expect(talk.provider.responses).toBe(1);
  talk.ledger.isDown = false;
  talk.provider.say({ type: "response.done", response: { id: "resp_1", status: "completed", usage: USAGE } });
  await seen("response.done");
  talk.provider.talksOn = false;
  talk.session.send(create);
  await seen("response.done", 2);
  await closed();
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([2n * COST_NANO_USD, 0n]);
});
