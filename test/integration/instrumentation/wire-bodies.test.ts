/** How an app may read the body of an answer that is gated on the wire: it finds what `fetch` gives without the gate. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { registerWire, Wire } from "../../../instrumentation/src/wire/wire.ts";
import { openaiClient, startGatedProcess } from "../../support/gated-process.ts";
import type { GatedProcess } from "../../support/gated-process.ts";
import { chatCompletion, chatEvents, startScriptedProvider } from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const USAGE = { input: 12, output: 5 };
const COST = 12 * 150 + 5 * 600;

let provider: ScriptedProvider;
let gated: GatedProcess;

useWireHooks();

beforeEach(async () => {
  provider = await startScriptedProvider(({ body }) =>
    body["stream"] === true ? { events: chatEvents(["hel", "lo"], USAGE) } : { json: chatCompletion(USAGE) },
  );
  gated = startGatedProcess({ env: { TOLLGATE_BUDGET: "$1", TOLLGATE_PROVIDERS: `openai=${provider.url}` } });
});

afterEach(async () => {
  registerWire(undefined);
  await gated.stop();
  await provider.close();
});

async function ask(stream: boolean, options: object = { stream_options: { include_usage: true } }): Promise<Response> {
  const usage = stream ? options : {};
  const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50, stream, ...usage };
  const headers = { "content-type": "application/json" };
  return fetch(`${provider.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(chat) });
}

async function readInto(response: Response, room: number): Promise<string> {
  const reader = response.body?.getReader({ mode: "byob" });
  const pieces: Buffer[] = [];
  for (;;) {
    const read = await reader?.read(new Uint8Array(room));
    if (read === undefined || read.done) return Buffer.concat(pieces).toString("utf8");
    expect(read.value.byteLength).toBeLessThanOrEqual(room);
    pieces.push(Buffer.from(read.value));
  }
}

it.each([
  [false, 7],
  [false, 65_536],
  [true, 7],
  [true, 65_536],
])("is read into buffers of the app's own; streamed: %s, %i bytes each", async (stream, room) => {
  const bare = await (await ask(stream)).text();
  registerWire(new Wire(gated.gate));
  expect(await readInto(await ask(stream), room)).toBe(bare);
  expect(gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"])).toEqual([COST]);
});

it("has a copy that says of itself what the answer says", async () => {
  const facts = (one: Response): readonly unknown[] => [one.url, one.status, one.statusText, one.redirected, one.type];
  const bare = await ask(false);
  registerWire(new Wire(gated.gate));
  const answer = await ask(false);
  const copy = answer.clone();
  const again = copy.clone();
  expect([facts(answer), facts(copy), facts(again)]).toEqual([facts(bare), facts(bare), facts(bare)]);
  expect(await copy.text()).toBe(await bare.text());
  await again.text();
  await answer.text();
  expect(gated.spans()).toHaveLength(1);
});

/** What a proxy in between may say of a stream of events. */
const KINDS = ["text/event-stream", "text/plain; charset=utf-8", "application/octet-stream", "application/json", ""];

it.each(KINDS)("shows nothing that only the gate asked for, whatever the stream is said to be: '%s'", async (kind) => {
  provider.script = () => ({ headers: { "content-type": kind }, events: chatEvents(["hel", "lo"], USAGE) });
  registerWire(new Wire(gated.gate));
  const shown = await (await ask(true, {})).text();
  expect(provider.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
  expect(shown).toContain('"content":"lo"');
  expect(shown).not.toContain("usage");
  const client = openaiClient(provider.url);
  const request = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "hi" }], stream: true as const };
  const raw = await client.chat.completions.create(request).asResponse();
  expect(await raw.text()).toBe(shown);
  expect(gated.spans().map(({ attributes }) => attributes["tollgate.cost.nano_usd"])).toEqual([COST, COST]);
});

it("leaves a streamed answer as it is that is no stream of events, byte for byte", async () => {
  const bytes = Buffer.from([0, 0, 0, 0x80, 0xff, 0xfe, 0x64, 0x61, 0x74, 0x61, 0x3a, 0x0a, 0x0a, 0xc3]);
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.end(request.url === "/v1/responses" ? "da" : bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const send = async (path: string): Promise<Buffer> => {
    const body = JSON.stringify({ model: "gpt-4o-mini", input: "hi", messages: [], stream: true });
    return Buffer.from(await (await fetch(`${url}${path}`, { method: "POST", body })).arrayBuffer());
  };
  registerWire(new Wire(gated.gate));
  expect(await send("/chat/completions")).toEqual(bytes);
  expect(await send("/responses")).toEqual(Buffer.from("da"));
  await new Promise((resolve) => server.close(resolve));
  expect(gated.spans()).toHaveLength(2);
});
