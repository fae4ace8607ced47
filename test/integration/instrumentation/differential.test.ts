/**
 * Goal: an app sees of a gated SDK exactly what it sees of the bare one. Method: the same program runs in two processes, bare
 * and registered, against the same scripts; each prints what it saw, and the two outputs are compared as text.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  chatCompletion,
  chatEvents,
  message,
  messageEvents,
  responsesAnswer,
  responsesEvents,
  startScriptedProvider,
} from "../../support/scripted-provider.ts";
import type { ScriptedProvider } from "../../support/scripted-provider.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

let provider: ScriptedProvider;
let folder: string;

beforeAll(async () => {
  provider = await startScriptedProvider(({ path, body, headers }) => {
    const fault = headers["x-fault"];
    if (fault === "400") return { status: 400, json: { error: { message: "bad", code: "nope", type: "invalid" } } };
    if (fault === "cut") return { cutAfter: 0 };
    if (fault === "garbage") return { text: "{ nonsense" };
    const isStreamed = body["stream"] === true;
    const cut = fault === "cut-stream" ? { cutAfter: 2 } : {};
    const common = { headers: { "x-request-id": "req_1", "request-id": "req_1" }, ...cut };
    const usage = { input: 9, output: 4 };
    if (path.endsWith("/v1/messages")) {
      return isStreamed
        ? { ...common, events: messageEvents(["a", "b"], usage) }
        : { ...common, json: message({ input_tokens: 9, output_tokens: 4 }) };
    }
    if (path.endsWith("/responses")) {
      return isStreamed
        ? { ...common, events: responsesEvents(["a", "b"], usage) }
        : { ...common, json: responsesAnswer(usage) };
    }
    const options = body["stream_options"] as { include_usage?: boolean } | undefined;
    return isStreamed
      ? { ...common, events: chatEvents(["a", "b"], options?.include_usage === true ? usage : undefined) }
      : { ...common, json: chatCompletion(usage) };
  });
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-differential-"));
  writeFileSync(join(folder, "app.mjs"), APP);
});

afterAll(async () => {
  await provider.close();
  rmSync(folder, { recursive: true });
});

/** Prints one line for each thing that an app may do with an SDK. */
const APP = String.raw`
import OpenAI, { APIPromise } from "openai";
import Anthropic from "@anthropic-ai/sdk";
const url = process.argv[2];
const openai = new OpenAI({ apiKey: "k", baseURL: url + "/v1", maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: "k", baseURL: url, maxRetries: 0 });
const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50 };
const msg = { model: "claude-haiku-4-5", max_tokens: 50, messages: chat.messages };
const rsp = { model: "gpt-4o-mini", input: "hi", max_output_tokens: 50 };
const fault = (name) => ({ headers: { "x-fault": name } });
const all = async (stream) => { const events = []; for await (const event of stream) events.push(event); return events; };
const show = async (name, work) => {
  let seen;
  try { seen = await work(); }
  catch (error) {
    seen = { thrown: error.constructor.name, status: error.status, code: error.code, message: error.message, cause: error.cause?.constructor.name };
  }
  console.log(name, JSON.stringify(seen));
};
const operations = {
  chat: (more, options) => openai.chat.completions.create({ ...chat, ...more }, options),
  responses: (more, options) => openai.responses.create({ ...rsp, ...more }, options),
  messages: (more, options) => anthropic.messages.create({ ...msg, ...more }, options),
};
for (const [name, call] of Object.entries(operations)) {
  await show(name, () => call());
  await show(name + " promise", async () => { const p = call(); const kind = [p.constructor.name, p instanceof Promise]; await p; return kind; });
  await show(name + " own keys", async () => Reflect.ownKeys(await call()));
  await show(name + " request id", async () => (await call())._request_id);
  await show(name + " withResponse", async () => { const r = await call().withResponse(); return [r.data, r.request_id, r.response.status, r.response.bodyUsed]; });
  await show(name + " asResponse", async () => { const r = await call().asResponse(); return [r instanceof Response, r.status, r.ok, r.url.slice(url.length), r.bodyUsed, await r.json(), r.bodyUsed]; });
  await show(name + " clone", async () => { const r = await call().asResponse(); const c = r.clone(); return [await c.json(), await r.text()]; });
  await show(name + " stream", async () => all(await call({ stream: true })));
  await show(name + " stream object", async () => { const s = await call({ stream: true }); const seen = [s.constructor.name, s.controller instanceof AbortController]; await all(s); return seen; });
  await show(name + " tee", async () => { const [a, b] = (await call({ stream: true })).tee(); return [await all(a), await all(b)]; });
  await show(name + " toReadableStream", async () => new Response((await call({ stream: true })).toReadableStream()).text());
  await show(name + " break", async () => { const s = await call({ stream: true }); for await (const e of s) break; return [s.controller.signal.aborted]; });
  await show(name + " twice", async () => { const s = await call({ stream: true }); await all(s); return all(s); });
  await show(name + " raw stream", async () => { const r = await call({ stream: true }).asResponse(); return [r.headers.get("content-type"), await r.text()]; });
  await show(name + " abort", async () => { const c = new AbortController(); const p = call({}, { signal: c.signal }); c.abort(); return p; });
  await show(name + " aborted before", async () => call({}, { signal: AbortSignal.abort() }));
  await show(name + " abort in stream", async () => { const s = await call({ stream: true }); const seen = []; for await (const e of s) { seen.push(e); s.controller.abort(); } return seen.length > 0; });
  for (const kind of ["400", "cut", "garbage"]) await show(name + " " + kind, () => call({}, fault(kind)));
  await show(name + " asResponse 400", () => call({}, fault("400")).asResponse());
  await show(name + " withResponse 400", () => call({}, fault("400")).withResponse());
  await show(name + " cut in stream", async () => all(await call({ stream: true }, fault("cut-stream"))));
}
await show("chat helper", () => openai.chat.completions.stream(chat).finalChatCompletion());
await show("chat helper usage", () => openai.chat.completions.stream({ ...chat, stream_options: { include_usage: true } }).totalUsage());
await show("chat parse", () => openai.chat.completions.parse(chat));
await show("responses helper", () => openai.responses.stream(rsp).finalResponse());
await show("messages helper", () => anthropic.messages.stream(msg).finalMessage());
await show("messages helper 400", () => anthropic.messages.stream(msg, fault("400")).finalMessage());
await show("post", () => openai.post("/chat/completions", { body: chat }));
await show("bodies", async () => [chat, rsp, msg]);
`;

async function run(isGated: boolean): Promise<readonly string[]> {
  const preload = isGated ? ["--import", "@tollgate/instrumentation/register"] : [];
  const child = spawn(process.execPath, [...preload, join(folder, "app.mjs"), provider.url], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", TOLLGATE_BUDGET: "$10" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code).toBe(0);
  return output.trimEnd().split("\n");
}

describe("a gated SDK", () => {
  it("gives the app what the bare one gives", async () => {
    const bare = await run(false);
    const gated = await run(true);
    expect(bare.length).toBeGreaterThan(60);
    expect(gated).toEqual(bare);
  });
});
