/**
 * Goal: a name that is written another way costs what the model costs, and never less than it can. Each row: who the
 * sender says served, the name as senders write it, and the provider and name whose price it must have.
 */
import { describe, expect, it } from "vitest";
import { createPriceBook } from "../../../../instrumentation/src/pricing/index.ts";
import type { ModelPrice, NanoUsd, TokenUsage } from "../../../../instrumentation/src/pricing/index.ts";

const AT = new Date("2026-11-22T00:00:00Z");
const USAGE: TokenUsage = { input: 12_345, output: 678, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
const BOUND = { inputTokens: 12_345, outputTokens: 678, cacheWrites: true };

const book = createPriceBook();

function find(provider: string, model: string, host?: string): ModelPrice | undefined {
  return book.find({ provider, model, host, at: AT });
}

function priced(provider: string, model: string): ModelPrice {
  const price = find(provider, model);
  if (price === undefined) throw new Error(`${model} of ${provider} has no price`);
  return price;
}

const BEDROCK = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const VERTEX = "projects/p/locations/global/publishers";

describe("names of models", () => {
  it.each([
    ["gcp.gemini", "models/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["gcp.gemini", "gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["gcp.vertex_ai", "google/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["gcp.vertex_ai", `${VERTEX}/google/models/gemini-2.5-flash@001`, "google", "gemini-2.5-flash"],
    ["gcp.vertex_ai", `${VERTEX}/anthropic/models/claude-sonnet-4-5@20250929`, "google", "claude-sonnet-4-5"],
    ["vertex_ai", "vertex_ai/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["azure.ai.openai", "azure/gpt-4o", "azure", "gpt-4o"],
    ["azure.ai.openai", "GPT-4o-2024-08-06", "azure", "gpt-4o"],
    ["aws.bedrock", `bedrock/${BEDROCK}`, "aws", BEDROCK],
    ["aws.bedrock", `arn:aws:bedrock:us-east-1:1:inference-profile/${BEDROCK}`, "aws", BEDROCK],
    ["aws.bedrock", "apac.anthropic.claude-sonnet-4-20250514-v1:0", "aws", "anthropic.claude-sonnet-4-20250514-v1:0"],
    ["bedrock", BEDROCK, "aws", BEDROCK],
    ["openrouter", "openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"],
    ["groq.chat", "groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"],
    ["xai", "xai/grok-4", "x-ai", "grok-4"],
    ["mistralai", "mistral/mistral-large-latest", "mistral", "mistral-large-latest"],
    ["litellm", "azure/gpt-4o", "azure", "gpt-4o"],
    ["litellm", `bedrock/${BEDROCK}`, "aws", BEDROCK],
    ["litellm", "litellm_proxy/vertex_ai/gemini-2.5-flash", "google", "gemini-2.5-flash"],
  ])("%s, %s: the price of %s's %s, for certain", (provider, model, served, plain) => {
    const price = priced(provider, model);
    expect(price).toMatchObject({ provider: served, isEstimate: false });
    expect(price.cost(USAGE)).toBe(priced(served, plain).cost(USAGE));
    expect(price.worstCase(BOUND)).toBe(priced(served, plain).worstCase(BOUND));
  });

  it.each([
    ["openai", "azure/gpt-4o", "azure", "gpt-4o"],
    ["openai", `bedrock/${BEDROCK}`, "aws", BEDROCK],
    ["anthropic", BEDROCK, "aws", BEDROCK],
    ["openai", "models/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["litellm", "gpt-4o", "openai", "gpt-4o"],
    ["", "gpt-4o", "openai", "gpt-4o"],
    ["", "command-r-plus", "cohere", "command-r-plus"],
    ["", `bedrock/${BEDROCK}`, "aws", BEDROCK],
    ["", "models/gemini-2.5-flash", "google", "gemini-2.5-flash"],
  ])("%s, %s: the price of %s's %s, as an estimate", (provider, model, served, plain) => {
    const price = priced(provider, model);
    expect(price).toMatchObject({ provider: served, isEstimate: true });
    expect(price.cost(USAGE)).toBe(priced(served, plain).cost(USAGE));
  });

  it.each([
    ["openai", "openai/gpt-4o", "openai", "gpt-4o"],
    ["", "openai/gpt-4o", "openai", "gpt-4o"],
    ["litellm", "anthropic/claude-sonnet-4.5", "anthropic", "claude-sonnet-4.5"],
    ["gateway", "google/gemini-2.5-flash", "google", "gemini-2.5-flash"],
    ["openai", "deepseek/deepseek-chat", "deepseek", "deepseek-chat"],
  ])("%s, %s is %s's or OpenRouter's: the dearer price holds", (provider, model, maker, plain) => {
    const price = priced(provider, model);
    const [own, routed] = [priced(maker, plain), priced("openrouter", model)];
    expect(price.isEstimate).toBe(true);
    const dearer = (left: NanoUsd, right: NanoUsd): NanoUsd => (left > right ? left : right);
    expect(price.cost(USAGE)).toBe(dearer(own.cost(USAGE), routed.cost(USAGE)));
    expect(price.worstCase(BOUND)).toBe(dearer(own.worstCase(BOUND), routed.worstCase(BOUND)));
    const largest = (key: "maxOutputTokens" | "contextTokens") => Math.max(own[key] ?? 0, routed[key] ?? 0);
    expect([price.maxOutputTokens, price.contextTokens]).toEqual([
      largest("maxOutputTokens"),
      largest("contextTokens"),
    ]);
    const within = price.outputTokensWithin(price.worstCase(BOUND), BOUND);
    expect(price.worstCase({ ...BOUND, outputTokens: within })).toBeLessThanOrEqual(price.worstCase(BOUND));
    expect(price.atShareOf(2n).cost(USAGE) * 2n).toBeGreaterThanOrEqual(price.cost(USAGE) - 2n);
  });

  it.each([
    ["together", "openai/gpt-4o"],
    ["openrouter", "openai/gpt-4o-mini:nitro"],
    ["azure.ai.openai", "my-deployment"],
    ["openai", "azure/eu/gpt-4o"],
    ["aws.bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"],
    ["openai", "ft:gpt-4.1-2025-04-14:org::id"],
    ["openai", "models/gpt-4o-but-ours"],
    ["gcp.vertex_ai", "projects/p/locations/l/endpoints/123456"],
    ["nobody", "gpt-4o"],
    ["openai", "openai/openai/openai/openai/gpt-4o"],
    ["litellm", "litellm_proxy/litellm_proxy/litellm_proxy/gpt-4o"],
    ["openai", `gpt-4o-${"x".repeat(512)}`],
    ["anthropic", `claude-sonnet-4-5-${"2".repeat(512)}`],
  ])("%s, %s stays without a price: nobody says what it is", (provider, model) => {
    expect(find(provider, model)).toBeUndefined();
  });

  it("goes by the host that was called, where one provider's SDK speaks to another", () => {
    expect(find("openai", "openai/gpt-4o", "openrouter.ai")).toMatchObject({
      provider: "openrouter",
      isEstimate: false,
    });
    expect(find("openai", "llama-3.3-70b-versatile", "api.groq.com")).toMatchObject({ provider: "groq" });
    expect(find("openai", "gpt-4o", "us.openai.azure.com")).toMatchObject({ provider: "azure", isEstimate: false });
    expect(find("openai", "gpt-4o", "api.openai.com")).toMatchObject({ provider: "openai", isEstimate: false });
    // Somebody's own server: what the name and the SDK say is all there is.
    expect(find("openai", "gpt-4o", "llm.internal")).toMatchObject({ provider: "openai", isEstimate: false });
    // At a host whose prices do not name the model, the maker's is a guess.
    expect(find("openai", "text-embedding-ada-002", "us.openai.azure.com")).toMatchObject({ isEstimate: true });
    // Who says that Azure served is not overruled by a host.
    expect(find("azure.ai.openai", "gpt-4o", "openrouter.ai")).toMatchObject({ provider: "azure" });
  });

  it.each([
    ["openai", "gpt-5.4", "eu.api.openai.com"],
    ["openai", "gpt-6-sol", "us.api.openai.com"],
    ["openai", "gpt-realtime-2", "eu.api.openai.com"],
    ["gcp.vertex_ai", "claude-sonnet-4-5@20250929", "us-east5-aiplatform.googleapis.com"],
    ["gcp.vertex_ai", "claude-opus-4-6", "aiplatform.eu.rep.googleapis.com"],
    ["anthropic", "claude-haiku-4-5@20251001", "europe-west1-aiplatform.googleapis.com"],
    ["gcp.vertex_ai", "gemini-3-pro-preview", "us-central1-aiplatform.googleapis.com"],
    ["gcp.vertex_ai", "projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-6", undefined],
    // Nobody says in which region.
    ["vertex_ai", "claude-opus-4-6", undefined],
  ])("%s, %s at %s costs a tenth more, and may not", (provider, model, host) => {
    const price = find(provider, model, host);
    const name = model.slice(model.lastIndexOf("/") + 1);
    const usual = priced(provider === "openai" ? "openai" : "gcp.gemini", name);
    expect(price?.isEstimate).toBe(true);
    expect((price?.cost(USAGE) ?? 0n) * 10n).toBe(usual.cost(USAGE) * 11n);
    expect((price?.worstCase(BOUND) ?? 0n) * 10n).toBe(usual.worstCase(BOUND) * 11n);
    expect((price?.atShareOf(2n).cost(USAGE) ?? 0n) * 20n).toBe(usual.cost(USAGE) * 11n);
    const bound = { ...BOUND, outputTokens: price?.outputTokensWithin(usual.worstCase(BOUND), BOUND) ?? 0 };
    expect(price?.worstCase(bound)).toBeLessThanOrEqual(usual.worstCase(BOUND));
  });

  it.each([
    ["openai", "gpt-5.4", "api.openai.com"],
    ["openai", "gpt-5.4", undefined],
    ["openai", "gpt-5-mini-2025-08-07", "eu.api.openai.com"],
    ["openai", "gpt-5.3-codex", "eu.api.openai.com"],
    ["openai", "gpt-4o-2024-08-06", "us.api.openai.com"],
    ["openai", "o4-mini", "eu.api.openai.com"],
    ["gcp.vertex_ai", "claude-opus-4-6", "aiplatform.googleapis.com"],
    ["gcp.vertex_ai", "projects/p/locations/global/publishers/anthropic/models/claude-opus-4-6", undefined],
    ["gcp.vertex_ai", "claude-3-5-haiku@20241022", "us-east5-aiplatform.googleapis.com"],
    ["gcp.vertex_ai", "gemini-2.5-pro", "us-central1-aiplatform.googleapis.com"],
    ["gcp.gemini", "gemini-3-pro-preview", "generativelanguage.googleapis.com"],
    ["aws.bedrock", BEDROCK, "bedrock-runtime.us-east-1.amazonaws.com"],
  ])("%s, %s at %s costs what the book says, for certain", (provider, model, host) => {
    const price = find(provider, model, host);
    expect(price?.isEstimate).toBe(false);
    const name = provider === "aws.bedrock" ? model : model.slice(model.lastIndexOf("/") + 1);
    expect(price?.cost(USAGE)).toBe(priced(provider === "gcp.vertex_ai" ? "gcp.gemini" : provider, name).cost(USAGE));
  });

  it("takes a house price for what a model costs wherever it is served", () => {
    const models = { "gpt-6-sol": { provider: "openai", input: "1", output: "2" } };
    const house = createPriceBook({ house: [{ kind: "prices", name: "h", models }] });
    const price = house.find({ provider: "openai", model: "gpt-6-sol", host: "eu.api.openai.com", at: AT });
    expect(price).toMatchObject({ version: "house:h", isEstimate: false });
    expect(price?.cost(USAGE)).toBe(13_701_000n);
  });

  it("takes a house price for the model under all of its names", () => {
    const house = createPriceBook({
      house: [
        { kind: "prices", name: "h", models: { "gpt-4o": { provider: "azure.ai.openai", input: "1", output: "2" } } },
        { kind: "prices", name: "r", models: { "openai/gpt-4o": { provider: "openai", input: "7", output: "8" } } },
      ],
    });
    expect(house.find({ provider: "litellm", model: "azure/gpt-4o", at: AT })?.version).toBe("house:h");
    expect(house.find({ provider: "azure_openai", model: "gpt-4o", at: AT })?.version).toBe("house:h");
    const routed = { provider: "openai", model: "openai/gpt-4o", host: "openrouter.ai", at: AT };
    expect(house.find(routed)?.version).toBe("house:r");
  });
});
