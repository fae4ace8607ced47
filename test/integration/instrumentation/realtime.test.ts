/**
 * Realtime sessions through the openai package's own client on `ws`: each response is a call with money of its own, whoever asked
 * for it, and what is charged is what the provider counted.
 */
import type { OpenAIRealtimeWS } from "openai/realtime/ws";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BudgetExceeded } from "../../../instrumentation/src/errors.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { hookFrameworks, KILL } from "../../support/framework-rig.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import type { RealtimeProvider } from "../../support/realtime-provider.ts";

hookFrameworks();
const { OpenAIRealtimeWS: Realtime } = await import("openai/realtime/ws");
// It is built on `ws` too, which has to be loaded after the hooks are in place.
const { COST_NANO_USD, startRealtimeProvider, TRANSCRIPT_NANO_USD } =
  await import("../../support/realtime-provider.ts");

type SentEvent = Parameters<OpenAIRealtimeWS["send"]>[0];
type Received = {
  readonly type: string;
  readonly error?: { readonly code?: string | null; readonly message?: string };
};

const USD = 10n ** 9n;
/** Nobody has said how long the conversation is: its 32,000 tokens as sound cost $1.024, so little is left for an answer. */
const SHORT = 1_100_000_000n;

let provider: RealtimeProvider;
let ledger: MemoryLedger;
let gated: GatedProcess;
let session: OpenAIRealtimeWS;
let events: Received[];

beforeEach(async () => {
  provider = await startRealtimeProvider();
  ledger = new MemoryLedger(100n * USD);
  gated = startGatedProcess({ transport: ledger });
  events = [];
});

afterEach(async () => {
  session.close();
  await gated.stop();
  await provider.close();
});

async function connect(): Promise<void> {
  session = new Realtime({ model: "gpt-realtime", options: { rejectUnauthorized: false } }, openaiClient(provider.url));
  session.on("event", (event) => events.push(event as Received));
  session.on("error", () => {});
  await seen("session.created");
}

async function seen(type: string, count = 1): Promise<void> {
  await expect.poll(() => events.filter((event) => event.type === type).length).toBe(count);
}

const create: SentEvent = { type: "response.create", response: { max_output_tokens: 200 } };
const sound = (audio: string): SentEvent => ({ type: "input_audio_buffer.append", audio });

async function closed(): Promise<void> {
  const ended = new Promise((resolve) => session.socket.once("close", resolve));
  session.close();
  await ended;
}

const attributes = (): readonly Record<string, unknown>[] => gated.spans().map((span) => span.attributes);

it("charges a response that the app asks for by what the provider counted, sound and cache at their own prices", async () => {
  await connect();
  session.send(create);
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
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("has money in hand before sound is sent that the provider may answer by itself, and gives back what it did not need", async () => {
  await connect();
  for (const audio of ["one", "two", "end"]) session.send(sound(audio));
  await seen("response.done");
  session.send(sound("more"));
  await expect.poll(() => provider.received.length).toBe(4);
  expect(provider.received.map(({ audio }) => audio)).toEqual(["one", "two", "end", "more"]);
  await closed();
  expect(attributes().map((span) => span["tollgate.cost.nano_usd"])).toEqual([Number(COST_NANO_USD), 0]);
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("sends neither the question nor the sound that no money is left for, and says so in the API's own way", async () => {
  ledger.limit = 1n;
  await connect();
  session.send(sound("end"));
  session.send(create);
  session.send({ type: "conversation.item.delete", item_id: "item_1" });
  await expect.poll(() => provider.received.length).toBe(1);
  expect(provider.received).toMatchObject([{ type: "conversation.item.delete" }]);
  expect(events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(provider.responses).toBe(0);
});

it("lowers the bound of a response to what is left", async () => {
  ledger.limit = SHORT;
  await connect();
  session.send({ type: "response.create", response: { instructions: "talk" } });
  await seen("response.done");
  const [sent] = provider.received;
  const bound = attributes()[0]?.["gen_ai.request.max_tokens"];
  expect(bound).toBeGreaterThan(0);
  expect(sent).toMatchObject({ response: { instructions: "talk", max_output_tokens: bound } });
  expect(attributes()[0]?.["tollgate.reserved.nano_usd"]).toBeLessThanOrEqual(Number(SHORT));
});

it("needs no money for a session whose voice detection does not answer", async () => {
  ledger.limit = 1n;
  await connect();
  session.send({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: null } } },
  });
  await seen("session.updated");
  session.send(sound("one"));
  await expect.poll(() => provider.received.length).toBe(2);
  expect(events.filter(({ type }) => type === "error")).toEqual([]);
});

it("gives the money back that the provider did not want", async () => {
  provider.refusal = "conversation_already_has_active_response";
  await connect();
  session.send(create);
  await seen("error");
  await closed();
  expect(attributes()).toMatchObject([{ "tollgate.cost.nano_usd": 0, "tollgate.cost.status": "exact" }]);
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
});

it("counts a response that the connection cut off as what was reserved for it", async () => {
  provider.talksOn = true;
  await connect();
  session.send(create);
  await seen("response.output_audio.delta");
  const ended = new Promise((resolve) => session.socket.once("close", resolve));
  provider.hangUp();
  await ended;
  const [span] = attributes();
  expect(span?.["tollgate.cost.status"]).toBe("estimated");
  expect(span?.["tollgate.cost.nano_usd"]).toBe(span?.["tollgate.reserved.nano_usd"]);
  await gated.stop();
  expect(ledger.outstanding).toBe(0n);
});

it("cancels what is being said when the agent is killed, and charges what the provider counts for it", async () => {
  provider.talksOn = true;
  await connect();
  session.send(create);
  await seen("response.output_audio.delta");
  gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
  await seen("response.done");
  expect(provider.received.at(-1)).toMatchObject({ type: "response.cancel", response_id: "resp_1" });
  session.send(create);
  await seen("error");
  expect(events.at(-1)?.error?.code).toBe("agent_killed");
  await closed();
  await gated.stop();
  expect(ledger.settled).toBe(COST_NANO_USD);
});

it.each(["before it opens", "while it is idle"])(
  "sends nothing of a session whose agent was killed %s",
  async (when) => {
    const kill = (): unknown => gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
    if (when === "before it opens") kill();
    await connect();
    if (when === "while it is idle") kill();
    session.send(create);
    session.send(sound("end"));
    await seen("error", 2);
    expect(events.slice(-2).map(({ error }) => error?.code)).toEqual(["agent_killed", "agent_killed"]);
    expect([provider.received, provider.responses]).toEqual([[], 0]);
  },
);

it.each([
  [100n * USD, "admits", undefined],
  [0n, "cancels", "resp_foreign"],
])("with %d nano-dollars, %s a response that nobody here asked for", async (limit, _what, cancelled) => {
  ledger.limit = limit;
  await connect();
  provider.say({ type: "response.created", response: { id: "resp_foreign", status: "in_progress" } });
  await seen("response.created");
  // What is sent after it comes after what the gate says to it.
  session.send({ type: "conversation.item.delete", item_id: "item_1" });
  await expect.poll(() => provider.received.length).toBe(cancelled === undefined ? 1 : 2);
  const [cancel] = provider.received.filter(({ type }) => type === "response.cancel");
  expect(cancel?.["response_id"]).toBe(cancelled);
});

it("gives the money back where the session was closed while a response waited for it", async () => {
  await connect();
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  ledger.intercept = (request) => {
    if (asked++ > 0) return undefined;
    return promise.then(() => ({ kind: "reply", reply: ledger.grant(request) }));
  };
  session.send(create);
  session.send(sound("end"));
  await expect.poll(() => asked).toBe(1);
  await closed();
  resolve();
  await expect.poll(() => attributes().length).toBeGreaterThan(0);
  await gated.stop();
  expect(provider.received).toEqual([]);
  expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
});

it("reads an event that is sent as bytes", async () => {
  ledger.limit = 1n;
  await connect();
  const [socket, bytes] = [session.socket, Buffer.from(JSON.stringify(create))];
  const error = await new Promise((resolve) => socket.send(bytes, { binary: false }, resolve));
  expect(error).toBeInstanceOf(BudgetExceeded);
  expect(provider.received).toEqual([]);
});

it("reads an event that is sent in pieces, or by the class's own method", async () => {
  ledger.limit = 1n;
  await connect();
  const { socket } = session;
  const text = JSON.stringify(create);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  socket.send(text.slice(0, 20), { fin: false }, () => {});
  socket.send(text.slice(20), resolve);
  expect(await promise).toBeInstanceOf(BudgetExceeded);
  (Object.getPrototypeOf(socket) as typeof socket).send.call(socket, [...Buffer.from(text)] as unknown as string, {});
  await seen("error", 2);
  ledger.limit = 100n * USD;
  socket.send(text.slice(0, 20), { fin: false }, () => {});
  socket.send(text.slice(20), () => {});
  await seen("response.done");
  expect(provider.received).toMatchObject([create]);
});

it("reserves for the session's own model and bound, as the app has asked for them last", async () => {
  await connect();
  session.send({ type: "session.update", session: { type: "realtime", max_output_tokens: 20 } });
  await seen("session.updated");
  // The provider has not said yet that it talks longer.
  session.send({ type: "session.update", session: { type: "realtime", max_output_tokens: 2_000 } });
  session.send(sound("end"));
  session.send({ type: "response.create", response: { model: "gpt-4o-mini" } } as SentEvent);
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
  session.send({ type: "session.update", session: { type: "realtime", audio } });
  await seen("session.updated");
}
const WRITTEN = "conversation.item.input_audio_transcription.completed";

it("charges what a session writes down of what it hears by what the provider counted, beside the answer", async () => {
  await connect();
  await transcribe();
  for (const audio of ["one", "end"]) session.send(sound(audio));
  await seen(WRITTEN);
  await closed();
  const costs = attributes().map((span) => [span["gen_ai.request.model"], span["tollgate.cost.nano_usd"]]);
  expect(costs).toEqual([
    ["gpt-realtime", Number(COST_NANO_USD)],
    ["gpt-4o-transcribe", Number(TRANSCRIPT_NANO_USD)],
  ]);
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([COST_NANO_USD + TRANSCRIPT_NANO_USD, 0n]);
});

it("sends no sound to be written down that no money is left for, though nobody would answer it", async () => {
  ledger.limit = 100_000_000n;
  await connect();
  // The sound comes right behind the wish: the provider has not said yet that it writes down.
  const audio = { input: { turn_detection: null, transcription: { model: "gpt-4o-transcribe" } } };
  session.send({ type: "session.update", session: { type: "realtime", audio } });
  session.send(sound("one"));
  await seen("error");
  await seen("session.updated");
  session.send(sound("two"));
  await seen("error", 2);
  expect(events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(provider.received.map(({ type }) => type)).toEqual(["session.update"]);
});

it("needs no money once the session writes nothing down any more", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  session.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: null } } } });
  await seen("session.updated", 2);
  ledger.limit = 1n;
  session.send(sound("one"));
  await expect.poll(() => provider.received.length).toBe(3);
  expect(events.filter(({ type }) => type === "error")).toEqual([]);
});

it("charges two utterances of one piece of sound", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  session.send(sound("ends"));
  await seen(WRITTEN, 2);
  session.send(sound("end"));
  await seen(WRITTEN, 3);
  await closed();
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([3n * TRANSCRIPT_NANO_USD, 0n]);
});

it("charges nothing for what could not be written down", async () => {
  provider.transcribed = {
    type: "conversation.item.input_audio_transcription.failed",
    error: { code: "unintelligible" },
  };
  await connect();
  await transcribe({ turn_detection: null });
  session.send(sound("end"));
  await seen("conversation.item.input_audio_transcription.failed");
  await closed();
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([0n, 0n]);
});

it.each([
  ["that was not written down yet", undefined],
  ["that nobody has counted", { type: WRITTEN }],
])("counts sound %s as what was reserved for it", async (_what, transcribed) => {
  provider.transcribed = transcribed;
  await connect();
  await transcribe({ turn_detection: null });
  session.send(sound("end"));
  await seen("input_audio_buffer.committed");
  await closed();
  await expect.poll(() => attributes().length).toBe(1);
  const [span] = attributes();
  expect(span?.["tollgate.cost.status"]).toBe("estimated");
  expect(span?.["tollgate.cost.nano_usd"]).toBe(span?.["tollgate.reserved.nano_usd"]);
  await gated.stop();
  expect(ledger.settled).toBeGreaterThan(200_000_000n);
  expect(ledger.outstanding).toBe(0n);
});

it("stops the sound of a killed agent that is only written down", async () => {
  await connect();
  await transcribe({ turn_detection: null });
  session.send(sound("one"));
  await expect.poll(() => provider.received.length).toBe(2);
  gated.gate.stops.onStops({ epoch: "e", revision: 1, acts: [KILL] });
  session.send(sound("two"));
  await seen("error");
  expect(events.at(-1)?.error?.code).toBe("agent_killed");
  expect(provider.received).toHaveLength(2);
});

it("gates a session that does nothing but write down, before anybody has named its model", async () => {
  ledger.limit = 1n;
  const { WebSocket } = await import("ws");
  const socket = new WebSocket(`${provider.url.replace("https", "wss")}/v1/realtime?intent=transcription`, {
    rejectUnauthorized: false,
  });
  const told: string[] = [];
  socket.on("message", (data: Buffer) => told.push(data.toString("utf8")));
  await new Promise((resolve) => socket.once("message", resolve));
  socket.send(JSON.stringify(sound("end")));
  await expect.poll(() => told.length).toBe(2);
  expect(JSON.parse(told[1] ?? "")).toMatchObject({ type: "error", error: { type: "tollgate_error" } });
  expect(provider.received).toEqual([]);
  socket.terminate();
});
