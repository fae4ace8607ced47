/** Realtime sessions on Node's own `WebSocket`: through the openai package's client for it, and by hand. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { makeGatedSocket } from "../../../instrumentation/src/realtime/patch-websocket.ts";
import { watchWebSocket } from "../../../instrumentation/src/wire/hook-websocket.ts";
import { MemoryLedger } from "../../support/memory-ledger.ts";
import { openaiClient, startGatedProcess, type GatedProcess } from "../../support/gated-process.ts";
import { COST_NANO_USD, startRealtimeProvider, type RealtimeProvider } from "../../support/realtime-provider.ts";

const Bare = globalThis.WebSocket;
watchWebSocket({ loaded: () => {}, make: makeGatedSocket });
const { OpenAIRealtimeWebSocket: Realtime } = await import("openai/realtime/websocket");

type Received = { readonly type: string; readonly error?: { readonly code?: string | null } };

const USD = 10n ** 9n;
const CREATE = { type: "response.create", response: { max_output_tokens: 200 } } as const;

let provider: RealtimeProvider;
let ledger: MemoryLedger;
let gated: GatedProcess;

beforeEach(async () => {
  // The provider's certificate is its own.
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  provider = await startRealtimeProvider();
  ledger = new MemoryLedger(100n * USD);
  gated = startGatedProcess({ transport: ledger });
});

afterEach(async () => {
  delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  await gated.stop();
  await provider.close();
});

async function opened(
  make: typeof WebSocket = WebSocket,
): Promise<{ readonly socket: WebSocket; readonly events: Received[] }> {
  const socket = new make(`${provider.url.replace("https", "wss")}/v1/realtime?model=gpt-realtime`);
  const events: Received[] = [];
  socket.onmessage = ({ data }) => void events.push(JSON.parse(String(data)) as Received);
  await seen(events, "session.created");
  return { socket, events };
}

async function seen(events: readonly Received[], type: string, count = 1): Promise<void> {
  await expect.poll(() => events.filter((event) => event.type === type).length).toBe(count);
}

async function closed(socket: WebSocket): Promise<void> {
  const ended = new Promise((resolve) => socket.addEventListener("close", resolve));
  socket.close();
  await ended;
}

// First of all: the class is patched with the first socket.
it("gates every socket, though the first that was made has a `send` of its own", async () => {
  ledger.limit = 1n;
  class Loud extends WebSocket {
    override send(data: Parameters<WebSocket["send"]>[0]): void {
      super.send(data);
    }
  }
  for (const made of [Loud, WebSocket]) {
    const { socket, events } = await opened(made);
    socket.send(JSON.stringify(CREATE));
    await seen(events, "error");
    await closed(socket);
  }
  expect(provider.received).toEqual([]);
});

it("charges a response that the openai package's client asks for", async () => {
  const events: Received[] = [];
  const client: OpenAIRealtimeWebSocket = new Realtime({ model: "gpt-realtime" }, openaiClient(provider.url));
  client.on("event", (event) => events.push(event as Received));
  await seen(events, "session.created");
  client.send(CREATE);
  await seen(events, "response.done");
  await closed(client.socket as WebSocket);
  expect(gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"])).toEqual([Number(COST_NANO_USD)]);
  await gated.stop();
  expect([ledger.settled, ledger.outstanding]).toEqual([COST_NANO_USD, 0n]);
});

it("sends nothing that no money is left for, in whatever way it is said", async () => {
  ledger.limit = 1n;
  const { socket, events } = await opened();
  const text = JSON.stringify(CREATE);
  const bytes = new TextEncoder().encode(text);
  socket.send(text);
  socket.send(bytes);
  socket.send(bytes.buffer);
  socket.send(new DataView(bytes.buffer));
  socket.send(new Blob([text]));
  WebSocket.prototype.send.call(socket, text);
  await seen(events, "error", 6);
  expect(new Set(events.slice(1).map(({ error }) => error?.code))).toEqual(new Set(["budget_exceeded"]));
  socket.send(JSON.stringify({ type: "conversation.item.delete", item_id: "item_1" }));
  await expect.poll(() => provider.received.length).toBe(1);
  expect(provider.received).toMatchObject([{ type: "conversation.item.delete" }]);
  await closed(socket);
});

it("looks like the bare class, and lets every other socket be", async () => {
  class Own extends WebSocket {}
  const { socket, events } = await opened(Own);
  expect([socket instanceof Own, socket instanceof WebSocket, socket instanceof Bare]).toEqual([true, true, true]);
  const bare = new Bare("ws://127.0.0.1:1");
  bare.onmessage = () => {};
  expect(Reflect.ownKeys(socket)).toEqual(Reflect.ownKeys(bare));
  expect([WebSocket.name, WebSocket.OPEN, WebSocket.prototype]).toEqual([Bare.name, 1, Bare.prototype]);
  ledger.limit = 1n;
  socket.send(JSON.stringify(CREATE));
  await seen(events, "error");
  await closed(socket);
  const other = new WebSocket(provider.url.replace("https", "wss"));
  expect(() => other.send("too early")).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
  await new Promise((resolve) => other.addEventListener("open", resolve));
  other.send(JSON.stringify(CREATE));
  await expect.poll(() => provider.received.length).toBe(1);
  await closed(other);
  expect(() => new WebSocket("nonsense://")).toThrow(expect.objectContaining({ name: "SyntaxError" }));
});

it("sends nothing that no money is left for, however it is spelt", async () => {
  ledger.limit = 1n;
  const { socket, events } = await opened();
  const text = JSON.stringify(CREATE);
  socket.send(text.replace("response.create", String.raw`response\u002ecreate`));
  // Not text, and the class makes text of it.
  socket.send({ toString: () => text } as unknown as string);
  // JSON for those who are less strict.
  socket.send(text.replace("{", '{"temperature":NaN,'));
  socket.send(`\ufeff${text}`);
  await seen(events, "error", 4);
  expect(provider.received).toEqual([]);
  await closed(socket);
});

it("sends what was given, whatever becomes of it while it waits, and in its order", async () => {
  const { socket, events } = await opened();
  const bytes = new TextEncoder().encode(JSON.stringify(CREATE));
  socket.send(new Blob([JSON.stringify({ type: "conversation.item.delete", item_id: "item_1" })]));
  socket.send(bytes);
  bytes.fill(0x20);
  await seen(events, "response.done");
  expect(provider.received.map(({ type }) => type)).toEqual(["conversation.item.delete", "response.create"]);
  await closed(socket);
});

it("keeps the money of a response where another event of the same name is refused", async () => {
  provider.talksOn = true;
  const { socket, events } = await opened();
  socket.send(JSON.stringify({ ...CREATE, event_id: "mine" }));
  socket.send('{ "type": "response.create", "event_id": "mine", ');
  await seen(events, "error");
  await seen(events, "response.created");
  expect(gated.spans()).toEqual([]);
  await closed(socket);
  expect(gated.spans()).toHaveLength(1);
});
