/**
 * Goal: sound, images, searches and batches cost what the book and the providers' pages say, and a worst case with media
 * stays above every cost. Method: the library's own arithmetic as the second opinion, and seeded random usages.
 */
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPriceBook, priceAtTier } from "../../../../instrumentation/src/pricing/index.ts";
import type { TokenUsage } from "../../../../instrumentation/src/pricing/index.ts";

const MANIFEST = new URL("../../../../instrumentation/package.json", import.meta.url);
const library = createRequire(MANIFEST)("@pydantic/genai-prices") as {
  calcPrice(
    usage: Readonly<Record<string, number>>,
    model: string,
    options: { readonly providerId: string; readonly timestamp: Date },
  ): { readonly total_price: number } | null;
};
const at = new Date("2026-11-21T12:00:00Z");
const TEXT: TokenUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
const book = createPriceBook({
  house: [
    {
      kind: "prices",
      name: "house",
      models: {
        "our-llm": { provider: "openai", input: "3.00", output: "15.00", audio_input: "30", per_web_search: "0.01" },
        "batch/our-llm": { provider: "openai", input: "1.00", output: "4.00" },
        "priority/our-llm": { provider: "openai", input: "6.00", output: "30.00" },
      },
    },
  ],
});

function priceOf(provider: string, model: string) {
  const price = book.find({ provider, model, at });
  if (price === undefined) throw new Error(`no price for ${model}`);
  return price;
}

describe("tokens that are not text", () => {
  it.each([
    ["openai", "gpt-audio"],
    ["openai", "gpt-realtime"],
    ["google", "gemini-2.5-flash"],
  ])("cost what the library says for %s %s", (provider, model) => {
    const usage = {
      ...TEXT,
      input: 5_000,
      output: 700,
      cacheRead: 900,
      audio: { input: 2_000, cacheRead: 300, output: 400 },
    };
    const theirs = library.calcPrice(
      {
        input_tokens: 5_000,
        output_tokens: 700,
        cache_read_tokens: 900,
        input_audio_tokens: 2_000,
        cache_audio_read_tokens: 300,
        output_audio_tokens: 400,
      },
      model,
      { providerId: provider, timestamp: at },
    );
    const ours = Number(priceOf(provider, model).cost(usage)) / 1e9;
    expect(ours).toBeCloseTo(theirs?.total_price ?? Number.NaN, 8);
  });

  it("cost what text costs where the book has no other price, which is certain only of those who say where it differs", () => {
    const text = { ...TEXT, input: 100, output: 10 };
    const usage = { ...text, audio: { input: 60, cacheRead: 0, output: 5 } };
    for (const [provider, model, isGuessed] of [
      ["openai", "gpt-4o-mini", true],
      ["mistral", "voxtral-small-24b-2507", true],
      ["google", "gemini-2.5-pro-tts", false],
    ] as const) {
      const price = priceOf(provider, model);
      expect(price.cost(usage)).toBe(price.cost(text));
      expect([price.lacksPrice(usage), price.lacksPrice(text)]).toEqual([isGuessed, false]);
      expect(price.lacksPrice({ ...usage, audio: { input: 0, cacheRead: 0, output: 0 } })).toBe(false);
    }
  });

  it.each([
    ["openai", "gpt-4o-audio-preview", 40, 80],
    ["openai", "gpt-4o-audio-preview-2025-06-03", 40, 80],
    ["openai", "gpt-4o-audio-preview-2024-10-01", 100, 200],
    ["openai", "gpt-4o-mini-audio-preview", 10, 20],
    ["openrouter", "openai/gpt-audio", 32, 64],
    ["openrouter", "openai/gpt-audio-mini", 10, 20],
  ])(
    "cost what OpenAI says for %s %s, which the book does not, and not for certain",
    (provider, model, input, output) => {
      const price = priceOf(provider, model);
      const heard = { ...TEXT, input: 1_000, audio: { input: 1_000, cacheRead: 0, output: 0 } };
      const spoken = { ...TEXT, output: 1_000, audio: { input: 0, cacheRead: 0, output: 1_000 } };
      expect([price.cost(heard), price.cost(spoken)]).toEqual([
        BigInt(input) * 1_000_000n,
        BigInt(output) * 1_000_000n,
      ]);
      expect([price.lacksPrice(heard), price.lacksPrice(spoken), price.lacksPrice(TEXT)]).toEqual([true, true, false]);
      const bound = { inputTokens: 1_000, outputTokens: 1_000, cacheWrites: false };
      expect(price.worstCase({ ...bound, media: true })).toBe(price.cost(heard) + price.cost(spoken));
    },
  );

  it("never cost more than the worst case of a call that may have them", () => {
    const price = priceOf("openai", "gpt-realtime");
    const tokens = fc.integer({ min: 0, max: 200_000 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(tokens, tokens, share, share, share, (input, output, audioIn, cached, audioOut) => {
        const cacheRead = Math.floor(input * cached);
        const audio = {
          input: Math.floor((input - cacheRead) * audioIn),
          cacheRead: 0,
          output: Math.floor(output * audioOut),
        };
        const worst = price.worstCase({ inputTokens: input, outputTokens: output, cacheWrites: false, media: true });
        expect(price.cost({ ...TEXT, input, output, cacheRead, audio }) <= worst).toBe(true);
      }),
    );
  });

  it("do not make the worst case of a text call dearer", () => {
    const bound = { inputTokens: 1_000, outputTokens: 100, cacheWrites: false };
    const price = priceOf("openai", "gpt-audio");
    expect(price.worstCase({ ...bound, media: true })).toBeGreaterThan(price.worstCase(bound));
  });

  it("can have a house price", () => {
    const usage = { ...TEXT, input: 1_000, output: 0, audio: { input: 400, cacheRead: 0, output: 0 } };
    expect(priceOf("openai", "our-llm").cost(usage)).toBe(600n * 3_000n + 400n * 30_000n);
  });
});

describe("searches that the provider makes", () => {
  it("cost their fee, ten dollars for a thousand on Anthropic's models", () => {
    const price = priceOf("anthropic", "claude-3-5-sonnet");
    const usage = { ...TEXT, hostedCalls: { webSearches: 3, fileSearches: 0 } };
    expect([price.cost(usage), price.lacksPrice(usage)]).toEqual([30_000_000n, false]);
  });

  it("are told to lack a price where nobody knows it", () => {
    const price = priceOf("openai", "our-llm");
    expect(price.lacksPrice({ ...TEXT, hostedCalls: { webSearches: 1, fileSearches: 0 } })).toBe(false);
    expect(price.lacksPrice({ ...TEXT, hostedCalls: { webSearches: 0, fileSearches: 1 } })).toBe(true);
    expect(price.lacksPrice(TEXT)).toBe(false);
  });
});

describe("a tier", () => {
  const usage = { ...TEXT, input: 1_001, output: 100, cacheRead: 100 };
  const costAt = (provider: string, model: string, tier: string) => {
    const found = priceAtTier(book, { provider, model, tier, at });
    return found === undefined ? undefined : [found.price.cost(usage), found.isCertain];
  };

  it("of a batch costs half of the model's price, rounded once", () => {
    const [full] = costAt("openai", "gpt-4o-mini", "") ?? [];
    const [half, isCertain] = costAt("openai", "gpt-4o-mini", "batch") ?? [];
    expect(isCertain).toBe(true);
    expect([(full as bigint) / 2n, ((full as bigint) + 1n) / 2n]).toContain(half);
    expect(costAt("anthropic", "claude-3-5-sonnet", "BATCH")?.[1]).toBe(true);
  });

  it("that has a house price of its own costs that", () => {
    expect(costAt("openai", "our-llm", "batch")).toEqual([1_001n * 1_000n + 100n * 4_000n, true]);
    expect(costAt("openai", "our-llm", "priority")).toEqual([1_001n * 6_000n + 100n * 30_000n, true]);
  });

  it("that is dearer has no price without one", () => {
    expect(costAt("openai", "gpt-4o-mini", "priority")).toBeUndefined();
  });

  it("that nobody has heard of is priced as usual, and not for certain", () => {
    const [full] = costAt("openai", "gpt-4o-mini", "default") ?? [];
    expect(costAt("openai", "gpt-4o-mini", "moonlight")).toEqual([full, false]);
  });

  it("does not share out the fees by the call", () => {
    const price = priceAtTier(book, { provider: "anthropic", model: "claude-3-5-sonnet", tier: "batch", at })?.price;
    expect(price?.cost({ ...TEXT, hostedCalls: { webSearches: 1, fileSearches: 0 } })).toBe(10_000_000n);
  });
});
