/**
 * Realtime sessions through the openai package's own client on `ws`: each response is a call with money of its own, whoever asked
 * for it, and what is charged is what the provider counted.
 */
import { expect, it } from "vitest";
import { BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { KILL } from "../../support/framework-rig.ts";
import { create, type SentEvent, SHORT, sound, USD, useRealtime } from "../../support/realtime-session.ts";

// Built on `ws`, which has to be loaded after the hooks are in place.
const { COST_NANO_USD, TRANSCRIPT_NANO_USD } = await import("../../support/realtime-provider.ts");

const talk = useRealtime();
const { connect, seen, closed, attributes } = talk;

it("charges a response that the app asks for by what the provider counted, sound and cache at their own prices", async () => {
  await connect();
  talk.session.send(create);
  await seen("response.done");
  await closed();
  expect(attributes()).toEqual([
    expect.objectContaining({
      "gen_ai.request.model": "gpt-realtime",
      "gen_ai.response.id": "resp_1",
      "tollgate.cost.status": "exact",
      "tollgate.cost.nano_usd": Number(COST_NANO_USD),
    }),
  ]);
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("has money in hand before sound is sent that the provider may answer by itself, and gives back what it did not need", async () => {
  await connect();
  for (const audio of ["one", "two", "end"]) talk.session.send(sound(audio));
  await seen("response.done");
  talk.session.send(sound("more"));
  await expect.poll(() => talk.provider.received.length).toBe(4);
  expect(talk.provider.received.map(({ audio }) => audio)).toEqual(["one", "two", "end", "more"]);
  await closed();
  expect(attributes().map((span) => span["tollgate.cost.nano_usd"])).toEqual([Number(COST_NANO_USD), 0]);
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("sends neither the question nor the sound that no money is left for, and says so in the API's own way", async () => {
  talk.ledger.limit = 1n;
  await connect();
  talk.session.send(sound("end"));
  talk.session.send(create);
  talk.session.send({ type: "conversation.item.delete", item_id: "item_1" });
  await expect.poll(() => talk.provider.received.length).toBe(1);
  expect(talk.provider.received).toMatchObject([{ type: "conversation.item.delete" }]);
  expect(talk.events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(talk.provider.responses).toBe(0);
});

it("lowers the bound of a response to what is left", async () => {
  talk.ledger.limit = SHORT;
  await connect();
  talk.session.send({ type: "response.create", response: { instructions: "talk" } });
  await seen("response.done");
  const [sent] = talk.provider.received;
  const bound = attributes()[0]?.["gen_ai.request.max_tokens"];
  expect(bound).toBeGreaterThan(0);
  expect(sent).toMatchObject({ response: { instructions: "talk", max_output_tokens: bound } });
  expect(attributes()[0]?.["tollgate.reserved.nano_usd"]).toBeLessThanOrEqual(Number(SHORT));
});

it("needs no money for a session whose voice detection does not answer", async () => {
  talk.ledger.limit = 1n;
  await connect();
  talk.session.send({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: null } } },
  });
  await seen("session.updated");
  talk.session.send(sound("one"));
  await expect.poll(() => talk.provider.received.length).toBe(2);
  expect(talk.events.filter(({ type }) => type === "error")).toEqual([]);
});

it("gives the money back that the provider did not want", async () => {
  talk.provider.refusal = "conversation_already_has_active_response";
  await connect();
  talk.session.send(create);
  await seen("error");
  await closed();
  expect(attributes()).toMatchObject([{ "tollgate.cost.nano_usd": 0, "tollgate.cost.status": "exact" }]);
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([0n, 0n]);
});

it("counts a response that the connection cut off as what was reserved for it", async () => {
  talk.provider.talksOn = true;
  await connect();
  talk.session.send(create);
  await seen("response.output_audio.delta");
  const ended = new Promise((resolve) => talk.session.socket.once("close", resolve));
  talk.provider.hangUp();
  await ended;
  const [span] = attributes();
  expect(span?.["tollgate.cost.status"]).toBe("estimated");
  expect(span?.["tollgate.cost.nano_usd"]).toBe(span?.["tollgate.reserved.nano_usd"]);
  await talk.gated.stop();
  expect(talk.ledger.outstanding).toBe(0n);
});

it("cancels what is being said when the agent is killed, and charges what the provider counts for it", async () => {
  talk.provider.talksOn = true;
  await connect();
  talk.session.send(create);
  await seen("response.output_audio.delta");
  talk.gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
  await seen("response.done");
  expect(talk.provider.received.at(-1)).toMatchObject({ type: "response.cancel", response_id: "resp_1" });
  talk.session.send(create);
  await seen("error");
  expect(talk.events.at(-1)?.error?.code).toBe("agent_killed");
  await closed();
  await talk.gated.stop();
  expect(talk.ledger.settled).toBe(COST_NANO_USD);
});

it.each(["before it opens", "while it is idle"])(
  "sends nothing of a session whose agent was killed %s",
  async (when) => {
    const kill = (): unknown => talk.gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
    if (when === "before it opens") kill();
    await connect();
    if (when === "while it is idle") kill();
    talk.session.send(create);
    talk.session.send(sound("end"));
    await seen("error", 2);
    expect(talk.events.slice(-2).map(({ error }) => error?.code)).toEqual(["agent_killed", "agent_killed"]);
    expect([talk.provider.received, talk.provider.responses]).toEqual([[], 0]);
  },
);

it.each([
  [100n * USD, "admits", undefined],
  [0n, "cancels", "resp_foreign"],
])("with %d nano-dollars, %s a response that nobody here asked for", async (limit, _what, cancelled) => {
  talk.ledger.limit = limit;
  await connect();
  talk.provider.say({ type: "response.created", response: { id: "resp_foreign", status: "in_progress" } });
  await seen("response.created");
  // What is sent after it comes after what the gate says to it.
  talk.session.send({ type: "conversation.item.delete", item_id: "item_1" });
  await expect.poll(() => talk.provider.received.length).toBe(cancelled === undefined ? 1 : 2);
  const [cancel] = talk.provider.received.filter(({ type }) => type === "response.cancel");
  expect(cancel?.["response_id"]).toBe(cancelled);
});

it("gives the money back where the session was closed while a response waited for it", async () => {
  await connect();
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  talk.ledger.intercept = (request) => {
    if (asked++ > 0) return undefined;
    return promise.then(() => ({ kind: "reply", reply: talk.ledger.grant(request) }));
  };
  talk.session.send(create);
  talk.session.send(sound("end"));
  await expect.poll(() => asked).toBe(1);
  await closed();
  resolve();
  await expect.poll(() => attributes().length).toBeGreaterThan(0);
  await talk.gated.stop();
  expect(talk.provider.received).toEqual([]);
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([0n, 0n]);
});

it("reads an event that is sent as bytes", async () => {
  talk.ledger.limit = 1n;
  await connect();
  const [socket, bytes] = [talk.session.socket, Buffer.from(JSON.stringify(create))];
  const error = await new Promise((resolve) => socket.send(bytes, { binary: false }, resolve));
  expect(error).toBeInstanceOf(BudgetExceeded);
  expect(talk.provider.received).toEqual([]);
});

it("reads an event that is sent in pieces, or by the class's own method", async () => {
  talk.ledger.limit = 1n;
  await connect();
  const { socket } = talk.session;
  const text = JSON.stringify(create);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  socket.send(text.slice(0, 20), { fin: false }, () => {});
  socket.send(text.slice(20), resolve);
  expect(await promise).toBeInstanceOf(BudgetExceeded);
  (Object.getPrototypeOf(socket) as typeof socket).send.call(socket, [...Buffer.from(text)] as unknown as string, {});
  await seen("error", 2);
  talk.ledger.limit = 100n * USD;
  socket.send(text.slice(0, 20), { fin: false }, () => {});
  socket.send(text.slice(20), () => {});
  await seen("response.done");
  expect(talk.provider.received).toMatchObject([create]);
});

it("reserves for the session's own model and bound, as the app has asked for them last", async () => {
  await connect();
  talk.session.send({ type: "session.update", session: { type: "realtime", max_output_tokens: 20 } });
  await seen("session.updated");
  // The provider has not said yet that it talks longer.
  talk.session.send({ type: "session.update", session: { type: "realtime", max_output_tokens: 2_000 } });
  talk.session.send(sound("end"));
  talk.session.send({ type: "response.create", response: { model: "gpt-4o-mini" } } as SentEvent);
  await seen("response.done", 2);
  await closed();
  expect(attributes()).toMatchObject([
    { "gen_ai.request.model": "gpt-realtime", "gen_ai.request.max_tokens": 2_000 },
    { "gen_ai.request.model": "gpt-realtime", "gen_ai.request.max_tokens": 2_000 },
  ]);
});

const detection = { type: "server_vad", create_response: true } as const;

/** `gpt-4o-transcribe` is reserved with its whole context and answer: 16,000 tokens at $2.50 or $6, 16,384 at $10. */
async function transcribe(input: { readonly turn_detection?: null } = {}): Promise<void> {
  const audio = { input: { turn_detection: detection, ...input, transcription: { model: "gpt-4o-transcribe" } } };
  talk.session.send({ type: "session.update", session: { type: "realtime", audio } });
  await seen("session.updated");
}
const WRITTEN = "conversation.item.input_audio_transcription.completed";

it("charges what a session writes down of what it hears by what the provider counted, beside the answer", async () => {
  await connect();
  await transcribe();
  for (const audio of ["one", "end"]) talk.session.send(sound(audio));
  await seen(WRITTEN);
  await closed();
  const costs = attributes().map((span) => [span["gen_ai.request.model"], span["tollgate.cost.nano_usd"]]);
  expect(costs).toEqual([
    ["gpt-realtime", Number(COST_NANO_USD)],
    ["gpt-4o-transcribe", Number(TRANSCRIPT_NANO_USD)],
  ]);
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([COST_NANO_USD + TRANSCRIPT_NANO_USD, 0n]);
});

it("sends no sound to be written down that no money is left for, though nobody would answer it", async () => {
  talk.ledger.limit = 100_000_000n;
  await connect();
  // The sound comes right behind the wish: the provider has not said yet that it writes down.
  const audio = { input: { turn_detection: null, transcription: { model: "gpt-4o-transcribe" } } };
  talk.session.send({ type: "session.update", session: { type: "realtime", audio } });
  talk.session.send(sound("one"));
  await seen("error");
  await seen("session.updated");
  talk.session.send(sound("two"));
  await seen("error", 2);
  expect(talk.events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(talk.provider.received.map(({ type }) => type)).toEqual(["session.update"]);
});

it("needs no money once the session writes nothing down any more", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  talk.session.send({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: null } } },
  });
  await seen("session.updated", 2);
  talk.ledger.limit = 1n;
  talk.session.send(sound("one"));
  await expect.poll(() => talk.provider.received.length).toBe(3);
  expect(talk.events.filter(({ type }) => type === "error")).toEqual([]);
});

it("charges two utterances of one piece of sound", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  talk.session.send(sound("ends"));
  await seen(WRITTEN, 2);
  talk.session.send(sound("end"));
  await seen(WRITTEN, 3);
  await closed();
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([3n * TRANSCRIPT_NANO_USD, 0n]);
});

it("charges nothing for what could not be written down", async () => {
  talk.provider.transcribed = {
    type: "conversation.item.input_audio_transcription.failed",
    error: { code: "unintelligible" },
  };
  await connect();
  await transcribe({ turn_detection: null });
  talk.session.send(sound("end"));
  await seen("conversation.item.input_audio_transcription.failed");
  await closed();
  await talk.gated.stop();
  expect([talk.ledger.settled, talk.ledger.outstanding]).toEqual([0n, 0n]);
});

it.each([
  ["that was not written down yet", undefined],
  ["that nobody has counted", { type: WRITTEN }],
])("counts sound %s as what was reserved for it", async (_what, transcribed) => {
  talk.provider.transcribed = transcribed;
  await connect();
  await transcribe({ turn_detection: null });
  talk.session.send(sound("end"));
  await seen("input_audio_buffer.committed");
  await closed();
  await expect.poll(() => attributes().length).toBe(1);
  const [span] = attributes();
  expect(span?.["tollgate.cost.status"]).toBe("estimated");
  expect(span?.["tollgate.cost.nano_usd"]).toBe(span?.["tollgate.reserved.nano_usd"]);
  await talk.gated.stop();
  expect(talk.ledger.settled).toBeGreaterThan(200_000_000n);
  expect(talk.ledger.outstanding).toBe(0n);
});

it("stops the sound of a killed agent that is only written down", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  talk.session.send(sound("one"));
  await expect.poll(() => talk.provider.received.length).toBe(2);
  talk.gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
  talk.session.send(sound("two"));
  await seen("error");
  expect(talk.events.at(-1)?.error?.code).toBe("agent_killed");
  expect(talk.provider.received).toHaveLength(2);
});

it("gates a session that does nothing but write down, before anybody has named its model", async () => {
  talk.ledger.limit = 1n;
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(`${talk.provider.url.replace("https", "wss")}/v1/realtime?intent=transcription`, {
    rejectUnauthorized: false,
  });
  const told: string[] = [];
  socket.on("message", (data: Buffer) => told.push(data.toString("utf8")));
  await new Promise((resolve) => socket.once("message", resolve));
  socket.send(JSON.stringify(sound("end")));
  await expect.poll(() => told.length).toBe(2);
  expect(JSON.parse(told[1] ?? "")).toMatchObject({ type: "error", error: { type: "tollgate_error" } });
  expect(talk.provider.received).toEqual([]);
  socket.terminate();
});
