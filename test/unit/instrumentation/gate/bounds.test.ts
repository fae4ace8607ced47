/** What a call may cost at the most. The price is the kept book's; requests are made up at random, the seed is printed on failure. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallBounds, usageAmounts } from "../../../../instrumentation/src/gate/call-bound.ts";
import { inputTokensMax } from "../../../../instrumentation/src/gate/input-bound.ts";
import { covers } from "../../../../instrumentation/src/lease/amounts.ts";
import { messages } from "../../../../instrumentation/src/anthropic/messages.ts";
import { pricedName } from "../../../../instrumentation/src/gate/endpoint.ts";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";
import { createPriceBook } from "../../../../instrumentation/src/pricing/index.ts";

const price = createPriceBook().find({ provider: "openai", model: "gpt-4o-mini", at: new Date("2026-11-21") });

function bounds(body: Record<string, unknown>): CallBounds {
  return new CallBounds(chatCompletions.readRequest({ model: "gpt-4o-mini", messages: [], ...body }), price);
}

describe("the bound of the output", () => {
  it.each([
    { n: Number.POSITIVE_INFINITY },
    { n: Number.MAX_SAFE_INTEGER, max_tokens: Number.MAX_SAFE_INTEGER },
    { max_tokens: Number.MAX_SAFE_INTEGER },
  ])("is an amount for requests beyond all counting, which no budget covers and nothing lowered fits: %j", (body) => {
    const { worst } = bounds(body).want();
    // A trillion of tokens at 600 nano-dollars.
    expect(worst.nanoUsd).toBeGreaterThanOrEqual(10n ** 12n * 600n);
    expect(worst.nanoUsd).toBeLessThan(2n ** 63n);
    const rich = { nanoUsd: 10n ** 12n, tokens: 10n ** 12n, calls: 1n };
    expect(bounds({ n: Number.POSITIVE_INFINITY }).outputWithin(rich)).toBeUndefined();
  });
});

describe("the bound of the input", () => {
  it("is never below the bytes of any text in the request, keys included", () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 4 }), (body) => {
        const text = JSON.stringify(body);
        const strings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(
          ([, inner]) => JSON.parse(`"${inner}"`) as string,
        );
        const bytes = strings.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
        expect(inputTokensMax(body, { hasTools: false })).toBeGreaterThanOrEqual(bytes);
      }),
    );
  });

  it("counts what a character costs in bytes", () => {
    const of = (text: string) => inputTokensMax([text], { hasTools: false });
    expect(of("漢".repeat(100)) - of("a".repeat(100))).toBe(200);
  });

  it("ends for a body that holds itself, with the model's whole context", () => {
    const body: Record<string, unknown> = {};
    body["messages"] = [body];
    expect(inputTokensMax(body, { hasTools: false })).toBe(Number.POSITIVE_INFINITY);
    expect(bounds(body).inputTokens).toBe(price?.contextTokens);
  });

  it.each([
    ["a file", { messages: [{ role: "user", content: [{ type: "file", file: { file_id: "f" } }] }] }],
    ["a hosted tool", { tools: [{ type: "web_search" }] }],
    ["an earlier audio answer", { messages: [{ role: "assistant", audio: { id: "a" } }] }],
  ])("is the model's whole context for %s", (_name, body) => {
    expect(bounds(body).inputTokens).toBe(price?.contextTokens);
  });
});

describe("a dearer way of serving", () => {
  it.each([
    ["priority", "priority"],
    ["fast", "fast"],
    ["scale", "scale"],
    ["flex", ""],
    ["auto", ""],
    [null, ""],
  ])("service_tier %s of OpenAI is priced as tier `%s`", (service_tier, tier) => {
    for (const endpoint of [chatCompletions, responses]) {
      expect(endpoint.readRequest({ model: "gpt-5", service_tier }).tier).toBe(tier);
    }
  });

  it.each([
    [{}, ""],
    [{ speed: "fast" }, "fast"],
    [{ inference_geo: "us" }, "us"],
    [{ speed: "fast", inference_geo: "us" }, "fast-us"],
    [{ speed: "standard", inference_geo: "global" }, ""],
  ])("%o of Anthropic is priced as tier `%s`", (body, tier) => {
    expect(messages.readRequest({ model: "claude-opus-4-5", max_tokens: 5, messages: [], ...body }).tier).toBe(tier);
  });

  it("has no price in the kept book, so that a hard limit refuses it", () => {
    for (const [provider, model] of [
      ["openai", "gpt-5"],
      ["anthropic", "claude-opus-4-5"],
    ] as const) {
      const at = new Date("2026-11-21");
      expect(createPriceBook().find({ provider, model, at })).toBeDefined();
      expect(createPriceBook().find({ provider, model: pricedName({ model, tier: "fast" }), at })).toBeUndefined();
    }
  });
});

describe("the worst case of a call", () => {
  it("is not lowered to the context size that the book knows", () => {
    const text = "x".repeat(3 * (price?.contextTokens ?? 0));
    expect(bounds({ messages: [{ role: "user", content: text }] }).inputTokens).toBeGreaterThanOrEqual(text.length);
  });

  it("holds for a model that writes its cache unasked, at a price of its own", () => {
    const model = "gpt-5.6";
    const writes = createPriceBook().find({ provider: "openai", model, at: new Date("2026-11-21") });
    const call = new CallBounds(chatCompletions.readRequest({ model, messages: [], max_tokens: 1 }), writes);
    const input = call.inputTokens;
    const usage = { input, output: 1, cacheRead: 0, cacheWrite: input, cacheWrite1h: 0, reasoning: 0 };
    expect(call.amounts(1).nanoUsd).toBeGreaterThanOrEqual(writes?.cost(usage) ?? 2n ** 62n);
  });

  it("holds where all of an input that can't be counted is sound", () => {
    const model = "gpt-audio";
    const spoken = createPriceBook().find({ provider: "openai", model, at: new Date("2026-11-21") });
    const body = { model, messages: [{ role: "assistant", audio: { id: "a" } }], max_tokens: 1 };
    const call = new CallBounds(chatCompletions.readRequest(body), spoken);
    const input = call.inputTokens;
    const usage = { input, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    const cost = spoken?.cost({ ...usage, audio: { input, cacheRead: 0, output: 0 } });
    expect(cost).toBeGreaterThan(spoken?.cost(usage) ?? 2n ** 62n);
    expect(call.amounts(1).nanoUsd).toBeGreaterThanOrEqual(cost ?? 2n ** 62n);
  });

  it("takes the larger of two bounds, because servers differ in which they obey", () => {
    expect(chatCompletions.readRequest({ model: "m", max_tokens: 900, max_completion_tokens: 10 }).outputBound).toBe(
      900,
    );
  });

  it("fits into what it was lowered to, whatever is left", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 100_000_000 }),
        fc.nat({ max: 100_000 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 16_384 }),
        (nanoUsd, tokens, n, maxTokens) => {
          const call = bounds({ n, max_tokens: maxTokens });
          const available = { nanoUsd: BigInt(nanoUsd), tokens: BigInt(tokens), calls: 1n };
          const output = call.outputWithin(available);
          const most = output ?? 0;
          expect(most).toBeLessThanOrEqual(maxTokens);
          expect(most === 0 || covers(available, call.amounts(most))).toBe(true);
          expect(most === maxTokens || !covers(available, call.amounts(most + 1))).toBe(true);
        },
      ),
    );
  });

  describe.each([
    ["that has a price", price],
    ["without a price", undefined],
  ])("of a model %s, where kinds of tokens are counted", (_what, itsPrice) => {
    const call = (max_tokens: number): CallBounds =>
      new CallBounds(chatCompletions.readRequest({ model: "gpt-4o-mini", messages: [], max_tokens }), itsPrice, {
        tellsKinds: true,
      });

    it("tells each kind", () => {
      const { inputTokens, ...bound } = call(100);
      const input = BigInt(inputTokens);
      expect(bound.price).toBe(itsPrice);
      expect(call(100).amounts(100).kinds).toEqual({
        inputTokens: input,
        outputTokens: 100n,
        cachedTokens: input,
        reasoningTokens: 100n,
        toolCalls: 0n,
        unpricedCalls: itsPrice === undefined ? 1n : 0n,
        unpricedTokens: itsPrice === undefined ? input + 100n : 0n,
      });
    });

    it("fits into what it was lowered to, whatever is left of each", () => {
      const left = fc.bigInt({ min: 0n, max: 2_000n });
      const kinds = fc.record({
        inputTokens: left,
        outputTokens: left,
        cachedTokens: left,
        reasoningTokens: left,
        toolCalls: fc.constant(0n),
        unpricedCalls: fc.bigInt({ min: 0n, max: 1n }),
        unpricedTokens: left,
      });
      fc.assert(
        fc.property(kinds, left, fc.integer({ min: 1, max: 1_500 }), (itsKinds, tokens, maxTokens) => {
          const available = { nanoUsd: 10n ** 12n, tokens, calls: 1n, kinds: itsKinds };
          const most = call(maxTokens).outputWithin(available) ?? 0;
          expect(most).toBeLessThanOrEqual(maxTokens);
          expect(most === 0 || covers(available, call(maxTokens).amounts(most))).toBe(true);
          expect(most === maxTokens || !covers(available, call(maxTokens).amounts(most + 1))).toBe(true);
        }),
      );
    });
  });

  it("multiplies by the number of choices", () => {
    const [one, three] = [bounds({ max_tokens: 100 }), bounds({ n: 3, max_tokens: 100 })];
    expect(three.amounts(100).tokens - BigInt(three.inputTokens)).toBe(
      3n * (one.amounts(100).tokens - BigInt(one.inputTokens)),
    );
  });

  it("takes the model's own maximum when the app sets none, and an explicit bound when that is unknown too", () => {
    expect(bounds({})).toMatchObject({ outputAsked: price?.maxOutputTokens, mustSetOutput: false });
    expect(new CallBounds(chatCompletions.readRequest({ model: "x", messages: [] }), undefined).mustSetOutput).toBe(
      true,
    );
  });

  it("is refused without a call left in a budget of calls", () => {
    expect(bounds({}).outputWithin({ nanoUsd: 10n ** 12n, tokens: 10n ** 12n, calls: 0n })).toBeUndefined();
  });
});

it("bounds a conversation that several models read by all of their readings", () => {
  const facts = chatCompletions.readRequest({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello." }] });
  const one = new CallBounds(facts, price);
  const three = new CallBounds({ ...facts, readings: 3 }, price);
  expect(three.inputTokens).toBe(3 * one.inputTokens);
  expect(three.want().worst.nanoUsd).toBeGreaterThan(one.want().worst.nanoUsd);
});

describe("what an answer used", () => {
  const usage = { input: 70, output: 5, cacheRead: 30, cacheWrite: 0, cacheWrite1h: 0, reasoning: 2 };

  it("is its money, all of its tokens and one call", () => {
    expect(usageAmounts(usage, 9n, { tellsKinds: false, price })).toEqual({ nanoUsd: 9n, tokens: 75n, calls: 1n });
  });

  it.each([
    ["with a price", price, { unpricedCalls: 0n, unpricedTokens: 0n }],
    ["without one", undefined, { unpricedCalls: 1n, unpricedTokens: 75n }],
  ])("tells each kind where they are counted: of a model %s", (_what, itsPrice, unpriced) => {
    expect(usageAmounts(usage, 9n, { tellsKinds: true, price: itsPrice })).toEqual({
      nanoUsd: 9n,
      tokens: 75n,
      calls: 1n,
      kinds: {
        inputTokens: 70n,
        outputTokens: 5n,
        cachedTokens: 30n,
        reasoningTokens: 2n,
        toolCalls: 0n,
        ...unpriced,
      },
    });
  });
});

describe("the estimate of an answer without a count", () => {
  const seen = { bytes: 40, isAbandoned: true, input: undefined };

  it("is what was seen, with room for what was on its way, and never above the bounds", () => {
    const call = bounds({ max_tokens: 1_000 });
    expect(call.estimate(seen, 1_000)).toMatchObject({ input: call.inputTokens, output: 40 + 256 });
    expect(call.estimate({ ...seen, isAbandoned: false }, 1_000).output).toBe(40);
    expect(call.estimate(seen, 50).output).toBe(50);
    // What may have been cached was, for as long as is dearest.
    const facts = chatCompletions.readRequest({ model: "gpt-4o-mini", messages: [] });
    const cached = new CallBounds({ ...facts, cacheWrites: true }, price).estimate(seen, 50);
    expect([cached.cacheWrite, cached.cacheWrite1h]).toEqual([cached.input, cached.input]);
  });

  it("is the whole bound where output may be billed unseen", () => {
    expect(bounds({ model: "o3", max_tokens: 1_000 }).estimate(seen, 1_000).output).toBe(1_000);
  });
});
