/** What clouds serve of a maker's models, asked by hand: as the provider's own books have it, or refused. */
import { AnthropicVertex } from "@anthropic-ai/vertex-sdk";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Stage } from "../../support/libraries/stage.ts";
import { useWireHooks } from "../../support/wire-hooks.ts";

const stage = new Stage();
beforeAll(() => stage.open([]));
afterAll(() => stage.close());
useWireHooks();
beforeEach(() => stage.reset());
afterEach(() => stage.leave());

async function post(path: string, body: object): Promise<string> {
  const headers = { authorization: "Bearer test", "content-type": "application/json" };
  const response = await fetch(stage.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.text();
}

describe("a Claude on Vertex AI", () => {
  const MODEL = "claude-haiku-4-5@20251001";
  const PATH = `/v1/projects/p/locations/us-east5/publishers/anthropic/models/${MODEL}`;
  const body = { anthropic_version: "vertex-2023-10-16", messages: [{ role: "user", content: "hi" }] };
  beforeEach(() => stage.play({ provider: "gcp.vertex_ai" }));

  it.each([
    ["rawPredict", { ...body, max_tokens: 100 }],
    ["streamRawPredict", { ...body, max_tokens: 100, stream: true }],
    ["streamRawPredict", { ...body, max_tokens: 100 }],
  ])("is charged what was billed, by `:%s`, and answers as it does bare", async (method, request) => {
    const bare = await post(`${PATH}:${method}`, request);
    const { seen, billed } = await stage.billedFor(() => post(`${PATH}:${method}`, request));
    expect(seen).toBe(bare);
    expect(billed).toBeGreaterThan(0n);
    expect(stage.ledger.settled).toBe(billed);
    expect(stage.spans.map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.provider.name": "gcp.vertex_ai", "gen_ai.request.model": MODEL, "tollgate.cost.status": "exact" },
    ]);
  });

  it("gets a bound that the budget holds", async () => {
    stage.reset(1_000_000n);
    const { seen, billed } = await stage.billedFor(() => post(`${PATH}:rawPredict`, { ...body, max_tokens: 60_000 }));
    expect(JSON.parse(String(seen))).toMatchObject({ type: "message" });
    expect(stage.ledger.settled).toBe(billed);
    expect(stage.spans[0]?.attributes["gen_ai.request.max_tokens"]).toBeLessThan(200);
  });

  it("has its tokens counted for nothing", async () => {
    stage.reset(0n);
    stage.startGate();
    const authClient = { getRequestHeaders: async () => new Headers({ authorization: "Bearer t" }) } as never;
    const client = new AnthropicVertex({ baseURL: stage.url, region: "us-east5", projectId: "p", authClient });
    // The simulator has no such API: its own answer is what the app gets.
    const counted = client.messages.countTokens({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
    await expect(counted).rejects.toMatchObject({ status: 404 });
    expect(stage.spans).toEqual([]);
  });
});

describe("embeddings of Google's", () => {
  const MODEL = "gemini-embedding-001";
  const content = (text: string) => ({ parts: [{ text }] });
  const GEMINI = `/v1beta/models/${MODEL}`;
  const VERTEX = `/v1/projects/p/locations/l/publishers/google/models/${MODEL}`;

  it.each([
    ["gcp.gemini", `${GEMINI}:embedContent`, { content: content("a toll gate") }],
    [
      "gcp.gemini",
      `${GEMINI}:batchEmbedContents`,
      { requests: [{ content: content("a") }, { content: content("b") }] },
    ],
    ["gcp.vertex_ai", `${VERTEX}:predict`, { instances: [{ content: "a toll gate" }, { content: "b" }] }],
    // A gateway, on a host that nobody has listed.
    ["nobody", `${GEMINI}:batchEmbedContents`, { requests: [{ content: content("a") }] }],
  ])("are charged what was billed: %s %s", async (provider, path, request) => {
    if (provider === "nobody") stage.playUnlisted();
    else stage.play({ provider });
    const bare = await post(path, request);
    const { seen, billed } = await stage.billedFor(() => post(path, request));
    expect(seen).toBe(bare);
    expect(billed).toBeGreaterThan(0n);
    expect(stage.ledger.settled).toBe(billed);
    expect(stage.spans.map(({ attributes }) => attributes)).toMatchObject([
      { "gen_ai.request.model": MODEL, "gen_ai.operation.name": "embeddings", "tollgate.cost.status": "exact" },
    ]);
  });
});
