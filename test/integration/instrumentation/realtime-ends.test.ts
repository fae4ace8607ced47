/** A realtime session over the end of its budget, and of the lease that its money is from: what is being said goes on and is charged, nothing else begins. */
import type { OpenAIRealtimeWS } from "openai/realtime/ws";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { hookFrameworks } from "../../support/framework-rig.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import type { RealtimeProvider } from "../../support/realtime-provider.ts";

hookFrameworks();
const { OpenAIRealtimeWS: Realtime } = await import("openai/realtime/ws");
// It is built on `ws` too, which has to be loaded after the hooks are in place.
const { COST_NANO_USD, startRealtimeProvider, USAGE } = await import("../../support/realtime-provider.ts");

type SentEvent = Parameters<OpenAIRealtimeWS["send"]>[0];
type Received = { readonly type: string; readonly error?: { readonly code?: string | null } };

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

it("lets what is being said end where the budget ends in its midst, and begins nothing after it", async () => {
  provider.talksOn = true;
  // Enough for one.
  ledger.limit = SHORT;
  await connect();
  session.send(create);
  await seen("response.output_audio.delta");
  session.send(create);
  await seen("error");
  session.send(sound("end"));
  await seen("error", 2);
  expect(events.filter(({ type }) => type === "error").map(({ error }) => error?.code)).toEqual([
    "budget_exceeded",
    "budget_exceeded",
  ]);
  expect(provider.responses).toBe(1);
  provider.say({ type: "response.done", response: { id: "resp_1", status: "completed", usage: USAGE } });
  await seen("response.done");
  await closed();
  expect(attributes().map((span) => [span["tollgate.cost.nano_usd"], span["error.type"]])).toEqual([
    [0, "budget_exceeded"],
    [0, "budget_exceeded"],
    [Number(COST_NANO_USD), undefined],
  ]);
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("charges what was being said when its lease ended, and says that nothing more can be asked for meanwhile", async () => {
  provider.talksOn = true;
  // In hand for as good as no time.
  ledger.intercept = (request) =>
    ledger.isDown ? undefined : { kind: "reply", reply: { ...ledger.grant(request), ttl_ms: 1 } };
  await connect();
  session.send(create);
  await seen("response.output_audio.delta");
  ledger.isDown = true;
  session.send(create);
  await seen("error");
  expect(events.at(-1)?.error?.code).toBe("gate_unavailable");
  expect(provider.responses).toBe(1);
  ledger.isDown = false;
  provider.say({ type: "response.done", response: { id: "resp_1", status: "completed", usage: USAGE } });
  await seen("response.done");
  provider.talksOn = false;
  session.send(create);
  await seen("response.done", 2);
  await closed();
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([2n * COST_NANO_USD, 0n]);
});
