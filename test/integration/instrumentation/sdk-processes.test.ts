/**
 * Goal: in a real process that is registered as users do it, in either module system, the libraries that send in ways of their
 * own give the app what the bare ones give, and none gets by. Method: the same program runs bare and registered, and its
 * outputs are compared as text; then with a budget that nothing fits into, where every call has to be refused.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ProviderSimulator } from "../../../src/demo/provider/simulator.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

let simulator: ProviderSimulator;
let urls: readonly string[];
let folder: string;

/** What an app may do with each library; one line of output for each. */
const WORK = String.raw`
const [url, http2Url] = process.argv.slice(2);
const messages = [{ role: "user", content: "say hello" }];
const groq = new Groq({ apiKey: "k", baseURL: url, maxRetries: 0 });
const mistral = new Mistral({ apiKey: "k", serverURL: url + "/mistral" });
const cohere = new CohereClientV2({ token: "k", environment: url });
const cohereV1 = new CohereClient({ token: "k", environment: url });
const ollama = new Ollama({ host: url, headers: { authorization: "Bearer k" } });
const credentials = { accessKeyId: "k", secretAccessKey: "s" };
const bedrock = new bedrockSdk.BedrockRuntimeClient({ region: "us-east-1", endpoint: http2Url, credentials, maxAttempts: 1 });
const toGroq = { model: "llama-3.3-70b-versatile", messages, max_tokens: 60 };
const toMistral = { model: "mistral-small-latest", messages, maxTokens: 60 };
const toCohere = { model: "command-a-03-2025", messages, maxTokens: 60 };
const toOllama = { model: "llama3.2", messages, options: { num_predict: 60 } };
const toNova = { modelId: "amazon.nova-lite-v1:0", messages: [{ role: "user", content: [{ text: "hi" }] }], inferenceConfig: { maxTokens: 60 } };
const all = async (stream) => { const events = []; for await (const event of stream) events.push(event); return events; };
const without = ({ $metadata, ...rest }) => [Object.keys($metadata).length > 0, rest];
const work = {
  "groq": async () => groq.chat.completions.create(toGroq),
  "groq promise": async () => { const promise = groq.chat.completions.create(toGroq); await promise; return promise.constructor.name; },
  "groq withResponse": async () => { const { data, response } = await groq.chat.completions.create(toGroq).withResponse(); return [data, response.status]; },
  "groq asResponse": async () => (await groq.chat.completions.create(toGroq).asResponse()).json(),
  "groq stream": async () => { const stream = await groq.chat.completions.create({ ...toGroq, stream: true }); return [stream.constructor.name, stream.controller instanceof AbortController, await all(stream)]; },
  "groq tee": async () => { const [a, b] = (await groq.chat.completions.create({ ...toGroq, stream: true })).tee(); return [await all(a), await all(b)]; },
  "mistral": async () => mistral.chat.complete(toMistral),
  "mistral stream": async () => { const stream = await mistral.chat.stream(toMistral); return [stream.constructor.name, stream instanceof ReadableStream, await all(stream)]; },
  "mistral embeddings": async () => mistral.embeddings.create({ model: "mistral-embed", inputs: ["a", "b"] }),
  "mistral function": async () => { const { ok, value, error } = await chatComplete(mistral, toMistral); return ok ? [ok, value] : { code: error.code }; },
  "cohere": async () => cohere.chat(toCohere),
  "cohere promise": async () => { const promise = cohere.chat(toCohere); await promise; return promise.constructor.name; },
  "cohere withRawResponse": async () => { const { data, rawResponse } = await cohere.chat(toCohere).withRawResponse(); return [data, rawResponse.status, rawResponse.url.slice(url.length)]; },
  "cohere stream": async () => { const stream = await cohere.chatStream(toCohere); return [stream.constructor.name, await all(stream)]; },
  "cohere embed": async () => cohere.embed({ model: "embed-v4.0", texts: ["a"], inputType: "search_query", embeddingTypes: ["float"] }),
  "cohere v1": async () => cohereV1.chat({ model: "command-a-03-2025", message: "hi", maxTokens: 60 }),
  "cohere v2 of v1": async () => cohereV1.v2.chat(toCohere),
  "ollama": async () => ollama.chat(toOllama),
  "ollama default": async () => ollama.generate({ model: "llama3.2", prompt: "hi", options: { num_predict: 60 } }),
  "ollama stream": async () => { const stream = await ollama.chat({ ...toOllama, stream: true }); return [stream.constructor.name, await all(stream)]; },
  "ollama abort": async () => { const stream = await ollama.chat({ ...toOllama, stream: true }); stream.abort(); return all(stream); },
  "ollama embed": async () => ollama.embed({ model: "llama3.2", input: "a" }),
  "bedrock": async () => without(await bedrock.send(new bedrockSdk.ConverseCommand(toNova))),
  "bedrock callback": async () => new Promise((resolve, reject) => bedrock.send(new bedrockSdk.ConverseCommand(toNova), (error, output) => error ? reject(error) : resolve(without(output)))),
  "bedrock method": async () => without(await new bedrockSdk.BedrockRuntime({ region: "us-east-1", endpoint: http2Url, credentials }).converse(toNova)),
  "bedrock stream": async () => all((await bedrock.send(new bedrockSdk.ConverseStreamCommand(toNova))).stream),
  "bodies": async () => [toGroq, toMistral, toCohere, toNova, toOllama],
};
const times = (key, value) => (key === "created" || key === "created_at" ? undefined : value);
const run = async () => {
  for (const [name, call] of Object.entries(work)) {
    let seen;
    try { seen = await call(); }
    catch (error) { seen = { thrown: error.constructor.name, code: error.code, message: error.message }; }
    console.log(name, JSON.stringify(seen, times));
  }
  bedrock.destroy();
};
run().then(() => process.exit(0));
`;

const ESM = `
import Groq from "groq-sdk";
import { Mistral } from "@mistralai/mistralai";
import { chatComplete } from "@mistralai/mistralai/funcs/chatComplete.js";
import { CohereClient, CohereClientV2 } from "cohere-ai";
import { Ollama } from "ollama";
import * as bedrockSdk from "@aws-sdk/client-bedrock-runtime";
${WORK}`;

const COMMON_JS = `
const Groq = require("groq-sdk");
const { Mistral } = require("@mistralai/mistralai");
const { chatComplete } = require("@mistralai/mistralai/funcs/chatComplete.js");
const { CohereClient, CohereClientV2 } = require("cohere-ai");
const { Ollama } = require("ollama");
const bedrockSdk = require("@aws-sdk/client-bedrock-runtime");
${WORK}`;

beforeAll(async () => {
  simulator = new ProviderSimulator({ outputTokens: { min: 20, max: 40 } });
  urls = [await simulator.start(), await simulator.startHttp2()];
  folder = mkdtempSync(join(ROOT, "node_modules", ".tollgate-sdks-"));
  writeFileSync(join(folder, "app.mjs"), ESM);
  writeFileSync(join(folder, "app.cjs"), COMMON_JS);
});

afterAll(async () => {
  await simulator.stop();
  rmSync(folder, { recursive: true });
});

async function run(file: string, env?: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const preload = env === undefined ? [] : ["--import", "@tollgate/instrumentation/register"];
  const child = spawn(process.execPath, [...preload, join(folder, file), ...urls], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], TOLLGATE_ENDPOINT: "off", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  return output.trimEnd().split("\n");
}

describe.each(["app.mjs", "app.cjs"])("a registered process (%s)", (file) => {
  it("sees of every library what a bare one sees", async () => {
    const bare = await run(file);
    expect(bare.length).toBeGreaterThan(25);
    expect(await run(file, {})).toEqual(bare);
  });

  it("is refused every call that does not fit the budget, in the gate's own words", async () => {
    const before = simulator.count().calls;
    const lines = await run(file, { TOLLGATE_BUDGET: "$0.000000001" });
    const passed = lines.filter(
      (line) => !line.startsWith("bodies") && !/"code":"(?:budget_exceeded|unpriced_model)"/.test(line),
    );
    expect(passed).toEqual([]);
    expect(simulator.count().calls).toBe(before);
  });
});
