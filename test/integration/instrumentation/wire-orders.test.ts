/** Paths of known providers that are paid for though no answer of a model comes back, or under a word that is free elsewhere. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, it } from "vitest";
import { findTollgateError } from "../../../instrumentation/src/errors.ts";
import { useGatedWire } from "../../support/wire-hooks.ts";

const wire = useGatedWire(() => ({ json: {} }));

function start(name?: string): void {
  const env = {
    TOLLGATE_BUDGET: "$1",
    ...(name !== undefined && { TOLLGATE_PROVIDERS: `${name}=${wire.provider.url}` }),
  };
  wire.start({ env });
}

async function send(method: string, path: string, body: object): Promise<unknown> {
  return sendBytes(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

async function sendBytes(path: string, init: RequestInit): Promise<unknown> {
  return fetch(wire.provider.url + path, init).then(
    async (response) => response.text(),
    (problem: unknown) => problem,
  );
}

it.each([
  ["openai", "POST", "/v1/live/sessions", { session: { model: "gpt-4o-mini" } }],
  ["openai", "POST", "/v1/agents/sessions", { input: "hi" }],
  ["openai", "POST", "/v1/containers", { name: "c" }],
  ["openai", "POST", "/v1/fine_tuning/jobs", { model: "gpt-4o-mini-2024-07-18", training_file: "f" }],
  ["anthropic", "POST", "/v1/sessions", { agent: "a", initial_events: [] }],
  ["mistral_ai", "POST", "/v1/moderations", { input: "hi" }],
  ["mistral_ai", "POST", "/v1/batch/jobs", { model: "mistral-small-latest", input_files: ["f"] }],
  ["mistral_ai", "POST", "/v1/fine_tuning/jobs", { model: "open-mistral-7b", training_files: [] }],
  ["gcp.gemini", "POST", "/v1beta/cachedContents", { model: "models/gemini-2.5-flash", ttl: "31536000s" }],
  ["gcp.gemini", "PATCH", "/v1beta/cachedContents/c1", { ttl: "31536000s" }],
  ["gcp.vertex_ai", "POST", "/v1/projects/p/locations/l/batchPredictionJobs", { model: "gemini-2.5-flash" }],
])("refuses work without a price that a request only orders: %s %s %s", async (name, method, path, body) => {
  start(name);
  expect(findTollgateError(await send(method, path, body))?.code).toBe("unpriced_model");
  expect(wire.provider.requests).toHaveLength(0);
});

it("charges an answer of Mistral's where a conversation is kept", async () => {
  start("mistral_ai");
  const usage = { prompt_tokens: 12, completion_tokens: 5, total_tokens: 17 };
  wire.provider.script = () => ({
    json: { object: "conversation.response", conversation_id: "c", outputs: [], usage },
  });
  await send("POST", "/v1/conversations", { model: "mistral-small-latest", inputs: "hi" });
  expect(wire.gated.spans()).toHaveLength(1);
  expect(wire.gated.spans()[0]?.attributes).toMatchObject({
    "gen_ai.request.model": "mistral-small-latest",
    "gen_ai.usage.input_tokens": 12,
    "tollgate.cost.status": "exact",
  });
});

it.each([
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
])("knows a call of a model on any host, though it is packed: %s", async (encoding, pack) => {
  start();
  const chat = { model: "no-such-model", max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
  const headers = { "content-type": "application/json", "content-encoding": encoding };
  const body = new Uint8Array(pack(JSON.stringify(chat)));
  const error = await sendBytes("/gateway/v1/chat/completions", { method: "POST", headers, body });
  expect(findTollgateError(error)?.code).toBe("unpriced_model");
  expect(wire.provider.requests).toHaveLength(0);
});

it("does not unpack what is longer than any prompt", async () => {
  start();
  const headers = { "content-type": "application/json", "content-encoding": "gzip" };
  const body = new Uint8Array(gzipSync(Buffer.alloc(80 * 1024 * 1024)));
  await sendBytes("/gateway/v1/chat/completions", { method: "POST", headers, body });
  expect(wire.gated.spans()).toHaveLength(0);
});

it.each([
  ["/v1/completions", { prompt: "hi" }],
  ["/v1/completions", { prompt: ["hi"] }],
  ["/v1/images/generations", { prompt: "a cat" }],
  ["/v1/audio/speech", { input: "hi", voice: "alloy" }],
])("knows other calls of a model on any host by their path and their body: %s", async (path, body) => {
  start();
  expect(findTollgateError(await send("POST", path, { model: "no-such-model", ...body }))?.code).toBe("unpriced_model");
  expect(await send("POST", path, { order: 1 })).toBe("{}");
});
