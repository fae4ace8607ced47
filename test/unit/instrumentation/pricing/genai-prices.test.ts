/**
 * Goal: our exact costs are what the price book's own arithmetic says, for every text model it knows.
 * Method: each model of each provider is priced by both, at several sizes and moments; floats may differ by one nano-dollar.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { createPriceBook, GENAI_PRICES_VERSION } from "../../../../instrumentation/src/pricing/index.ts";
import type { TokenUsage } from "../../../../instrumentation/src/pricing/index.ts";

/** The library as the instrumentation has it, and as much of its face as is compared. */
interface Library {
  calcPrice(
    usage: Readonly<Record<string, number>>,
    model: string,
    options: { readonly providerId: string; readonly timestamp: Date },
  ): { readonly total_price: number; readonly model_price: Readonly<Record<string, unknown>> } | null;
  findProvider(options: { readonly providerId: string }): Provider | undefined;
}
interface Provider {
  readonly models: readonly { readonly id: string }[];
}
const MANIFEST = new URL("../../../../instrumentation/package.json", import.meta.url);
const library = createRequire(MANIFEST)("@pydantic/genai-prices") as Library;

const PROVIDERS = (
  "anthropic aws azure cerebras cohere deepseek google groq mistral " +
  "moonshotai openai openrouter perplexity together x-ai zai zhipuai cloudflare minimax ovhcloud voyageai"
).split(" ");
const EMBEDS = /embed|^voyage-|bge-(?:\w+-en|m3|multilingual)/i;
const MOMENTS = [
  "2024-01-01T00:00:00Z",
  "2025-06-11T03:04:05.678Z",
  // Some have prices by the time of day.
  "2025-06-11T16:45:00Z",
  "2025-06-12T00:15:00Z",
  "2026-08-01T16:45:00Z",
  "2026-11-21T12:00:00Z",
];
const SIZES: readonly TokenUsage[] = [
  { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 },
  { input: 12_345, output: 678, cacheRead: 5000, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 },
  { input: 200_000, output: 31, cacheRead: 20, cacheWrite: 1000, cacheWrite1h: 300, reasoning: 11 },
  { input: 200_001, output: 31, cacheRead: 20, cacheWrite: 1000, cacheWrite1h: 1000, reasoning: 31 },
  { input: 272_000, output: 9999, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 },
  { input: 900_000, output: 9999, cacheRead: 450_000, cacheWrite: 1, cacheWrite1h: 0, reasoning: 5 },
];

function providerOf(id: string): Provider {
  const provider = library.findProvider({ providerId: id });
  if (provider === undefined) throw new Error(`the book has no provider ${id}`);
  return provider;
}

function bookCost(provider: string, model: string, call: { readonly usage: TokenUsage; readonly at: Date }) {
  const { usage, at } = call;
  return library.calcPrice(
    {
      input_tokens: usage.input,
      output_tokens: usage.output,
      cache_read_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite,
      cache_write_1h_tokens: usage.cacheWrite1h,
      output_reasoning_tokens: usage.reasoning,
    },
    model,
    { providerId: provider, timestamp: at },
  );
}

describe("the kept price book", () => {
  const book = createPriceBook();

  it.each(PROVIDERS)("costs what the library says, to the nano-dollar, for every model of %s", (provider) => {
    let compared = 0;
    for (const { id } of providerOf(provider).models) {
      for (const moment of MOMENTS) {
        const at = new Date(moment);
        const price = book.find({ provider, model: id, at });
        if (price === undefined) continue;
        for (const size of SIZES) {
          // The book has no price for the output of embeddings, nor for an hour of a Claude's cache on a cloud; ours does.
          const hasHour =
            !id.includes("claude") ||
            "cache_write_1h_mtok" in (bookCost(provider, id, { usage: size, at })?.model_price ?? {});
          const known = hasHour ? size : { ...size, cacheWrite1h: 0 };
          const usage = EMBEDS.test(id) ? { ...known, output: 0, reasoning: 0 } : known;
          const theirs = bookCost(provider, id, { usage, at });
          const difference = Math.abs(Number(price.cost(usage)) - (theirs?.total_price ?? Number.NaN) * 1e9);
          expect(difference, `${provider} ${id} at ${moment}: ${JSON.stringify(usage)}`).toBeLessThanOrEqual(1);
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(0);
  });

  it.each(PROVIDERS)("never prices a model of %s without prices for input and output", (provider) => {
    const at = new Date("2026-11-21T12:00:00Z");
    const priced = providerOf(provider)
      .models.map(({ id }) => id)
      .filter((id) => !EMBEDS.test(id) && book.find({ provider, model: id, at }) !== undefined)
      .map((id) => library.calcPrice({}, id, { providerId: provider, timestamp: at })?.model_price ?? {});
    expect(priced.every((prices) => "input_mtok" in prices && "output_mtok" in prices)).toBe(true);
  });

  it.each([
    ["voyageai", "voyage-3.5", 60n],
    ["cloudflare", "@cf/baai/bge-m3", 12n],
    // Its output has no price that anybody has said.
    ["cloudflare", "@cf/baai/bge-reranker-base", undefined],
  ])("prices embeddings whose name does not say so: %s %s", (provider, model, nanoUsd) => {
    const usage = { input: 1, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    expect(book.find({ provider, model, at: new Date("2026-11-21T12:00:00Z") })?.cost(usage)).toBe(nanoUsd);
  });

  it.each([
    ["anthropic", "claude-haiku-4-5", 2_000n],
    ["aws.bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", 2_200n],
    ["gcp.vertex_ai", "projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5", 6_000n],
    ["openrouter", "anthropic/claude-sonnet-4.5", 6_000n],
    // Of others nobody has said more than that it is written.
    ["openai", "gpt-4o-mini", 150n],
  ])("knows what an hour in the cache costs: %s %s", (provider, model, nanoUsd) => {
    const usage = { input: 1, output: 0, cacheRead: 0, cacheWrite: 1, cacheWrite1h: 1, reasoning: 0 };
    const at = new Date("2026-11-21T12:00:00Z");
    expect(book.find({ provider, model, at })?.cost(usage)).toBe(nanoUsd);
  });

  it("takes the price that holds at the moment of the call", () => {
    const usage = { input: 1_000_000, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    const before = book.find({ provider: "openai", model: "o3", at: new Date("2025-06-09T23:59:59Z") });
    const after = book.find({ provider: "openai", model: "o3", at: new Date("2025-06-10T00:00:00Z") });
    expect([before?.cost(usage), after?.cost(usage)]).toEqual([10_000_000_000n, 2_000_000_000n]);
  });

  it.each([
    ["openai", "gpt-4o-mini", 16_384],
    ["openai", "gpt-4o-mini-2024-07-18", 16_384],
    ["openai", "gpt-5.4", 128_000],
    ["openai", "gpt-5-pro", 272_000],
    ["openai", "gpt-4-1106-preview", 4096],
    ["anthropic", "claude-sonnet-4-5-20250929", 64_000],
    ["anthropic", "claude-opus-4-20250514", 32_000],
    ["anthropic", "claude-opus-4.6", 128_000],
    ["aws.bedrock", "us.anthropic.claude-opus-4-6-v1", 128_000],
  ])("knows the longest output of %s %s", (provider, model, tokens) => {
    expect(book.find({ provider, model, at: new Date(0) })?.maxOutputTokens).toBe(tokens);
  });

  it("bounds a model that its table of outputs does not have by the context window", () => {
    const price = book.find({ provider: "mistral", model: "mistral-large-latest", at: new Date() });
    expect(price?.maxOutputTokens).toBe(price?.contextTokens);
  });

  it.each([
    ["openai", "gpt-made-up"],
    ["acme", "gpt-4o"],
    ["my-openai-proxy", "gpt-4o"],
    ["google", "gemma-3"],
    ["openai", ""],
    ["openai", "x".repeat(10_000)],
    ["__proto__", "constructor"],
  ])("has no price for %s %s rather than a guess or zero", (provider, model) => {
    expect(book.find({ provider, model, at: new Date("2026-11-21") })).toBeUndefined();
  });

  it("has no price at a moment that is none", () => {
    expect(book.find({ provider: "openai", model: "o3", at: new Date(Number.NaN) })).toBeUndefined();
  });

  it.each(["azure.ai.openai", "azure.ai.inference", "azure"])("finds OpenAI's models under %s", (provider) => {
    expect(book.find({ provider, model: "gpt-4o", at: new Date() })?.provider).toBe("azure");
  });

  it("names the version of its data, which is the version that is installed", () => {
    const { dependencies } = JSON.parse(readFileSync(MANIFEST, "utf8")) as { dependencies: Record<string, string> };
    expect(GENAI_PRICES_VERSION).toBe(`genai-prices@${dependencies["@pydantic/genai-prices"]}`);
    expect(book.find({ provider: "openai", model: "gpt-4o", at: new Date() })?.version).toBe(GENAI_PRICES_VERSION);
  });

  it("forgets the oldest names when a sender makes up new ones, and still finds the known", () => {
    const small = createPriceBook();
    for (let index = 0; index < 5000; index += 1)
      small.find({ provider: "", model: `made-up-${index}`, at: new Date(0) });
    expect(small.find({ provider: "openai", model: "gpt-4o", at: new Date() })).toBeDefined();
  });
});
