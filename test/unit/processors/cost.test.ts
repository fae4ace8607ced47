import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { describe, expect, it } from "vitest";
import { applyCost } from "../../../src/processors/cost/cost.ts";
import { sumSpend } from "../../../src/pipeline/spool/spend-sum.ts";
import { spendOf } from "../../../src/processors/meter/meter.ts";
import { normalise } from "../../../src/processors/normalise/normalise.ts";
import { type SpanWishes, makeSpan } from "../../fixtures/otlp/make-span.ts";

const prices = createPriceBook({
  house: [
    {
      kind: "prices",
      name: "house",
      models: {
        "our-llm": { provider: "openai", input: "3.00", cached_input: "0.30", output: "15.00" },
        "fleet/our-llm": { provider: "openai", input: "30", output: "150" },
        "gpt-4o": { provider: "openai", input: "25", output: "100" },
      },
    },
  ],
});

function costed(wishes: SpanWishes) {
  const span = makeSpan(1, wishes);
  normalise(span);
  applyCost(span, prices);
  span.facts.spend = spendOf(span);
  return { ...span.facts, spend: sumSpend([span])[0] };
}

const CALL = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "our-llm",
  "gen_ai.usage.input_tokens": 1_000n,
  "gen_ai.usage.output_tokens": 100n,
} as const;

describe("cost", () => {
  it.each([
    ["our-llm", "our-llm-2026-08-06", {}, 4_500_000n],
    ["our-llm-latest", "our-llm-2411", {}, undefined],
    ["Our-LLM", "our-llm-20260806", {}, 4_500_000n],
    ["our-llm", "our-llm-2026-08-06", { "openai.response.service_tier": "fleet" }, 45_000_000n],
    // Another model, and nobody knows it.
    ["our-llm", "our-llm-mini", {}, 4_500_000n],
    // Another model, and it has a price.
    ["our-llm", "gpt-4o-mini", {}, 210_000n],
    ["our-gpt", "gpt-4o-2024-08-06", {}, 3_500_000n],
    ["gpt-4o", "gpt-4o-2024-08-06", {}, 35_000_000n],
    ["gpt-4o-mini", "gpt-4o-mini-2031-01-31", {}, 210_000n],
  ])("takes the house price of %s for %s, where that is a version of it", (asked, answered, more, nanoUsd) => {
    const names = { "gen_ai.request.model": asked, "gen_ai.response.model": answered };
    const { costNanoUsd, costStatus } = costed({ attributes: { ...CALL, ...names, ...more } });
    expect([costNanoUsd, costStatus]).toEqual(nanoUsd === undefined ? [0n, "unpriced"] : [nanoUsd, "exact"]);
  });

  it("is not certain of an answer by a model without a price, where another one was asked for", () => {
    const names = { "gen_ai.request.model": "gpt-4o-mini", "gen_ai.response.model": "gpt-9-router" };
    const { costNanoUsd, costStatus } = costed({ attributes: { ...CALL, ...names } });
    expect([costNanoUsd, costStatus]).toEqual([210_000n, "estimated"]);
  });

  it("prices a foreign call from the price book, exactly", () => {
    const facts = costed({ attributes: { ...CALL, "gen_ai.usage.cache_read.input_tokens": 400n } });
    // 600 × 3.00 + 400 × 0.30 + 100 × 15.00 USD per million
    expect(facts).toMatchObject({ costNanoUsd: 3_420_000n, costStatus: "exact", priceVersion: "house:house" });
    expect(facts.spend).toMatchObject({ leaseId: "", amounts: { nanoUsd: 3_420_000n, tokens: 1_100n, calls: 1n } });
    const kinds = { inputTokens: 1_000n, outputTokens: 100n, cachedTokens: 400n, reasoningTokens: 0n, toolCalls: 0n };
    expect(facts.spend?.amounts.kinds).toEqual({ ...kinds, unpricedCalls: 0n, unpricedTokens: 0n });
  });

  it("calls a model that nobody knows unpriced, and still counts the call", () => {
    const facts = costed({ attributes: { ...CALL, "gen_ai.request.model": "made-up-model" } });
    expect(facts).toMatchObject({ costNanoUsd: 0n, costStatus: "unpriced" });
    const kinds = { unpricedCalls: 1n, unpricedTokens: 1_100n };
    expect(facts.spend?.amounts).toMatchObject({ nanoUsd: 0n, tokens: 1_100n, calls: 1n, kinds });
  });

  it("calls a call without usage missing", () => {
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "our-llm",
    };
    expect(costed({ attributes })).toMatchObject({ costNanoUsd: 0n, costStatus: "missing" });
  });

  it("gives no cost to agents, workflows and tools, though they carry the sum of their children", () => {
    for (const operation of ["invoke_agent", "invoke_workflow", "execute_tool", "create_agent", "think"]) {
      const facts = costed({ attributes: { ...CALL, "gen_ai.operation.name": operation } });
      expect(facts).toMatchObject({ costNanoUsd: 0n, costStatus: "", spend: undefined });
    }
  });

  it("takes the gate's own figure, because that is what the lease was charged", () => {
    const own = {
      ...CALL,
      "tollgate.lease.id": "lease-1",
      "tollgate.cost.nano_usd": 77n,
      "tollgate.cost.status": "estimated",
      "tollgate.cost.price_version": "house:other",
    };
    const facts = costed({ attributes: own });
    expect(facts).toMatchObject({ costNanoUsd: 77n, costStatus: "estimated", priceVersion: "house:other" });
    expect(facts.spend).toMatchObject({ leaseId: "lease-1", amounts: { nanoUsd: 77n } });
  });

  it("does not believe such a figure from others, or one that is no amount", () => {
    const claim = { "tollgate.cost.nano_usd": 0n, "tollgate.cost.status": "exact" };
    expect(costed({ attributes: { ...CALL, ...claim } }).costNanoUsd).toBe(4_500_000n);
    const scope = "@tollgate/instrumentation";
    for (const nano of [-5n, 2n ** 60n, "5abc", Number.NaN]) {
      const attributes = { ...CALL, "tollgate.cost.nano_usd": nano, "tollgate.cost.status": "exact" };
      expect(costed({ scope, attributes }).costNanoUsd).toBe(4_500_000n);
    }
  });

  it("gives a denied call cost 0, exact, and nothing to meter", () => {
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "made-up-model",
      "tollgate.decision": "deny",
    };
    expect(costed({ attributes })).toMatchObject({ costNanoUsd: 0n, costStatus: "exact", spend: undefined });
  });

  it("prices a batch at half, sound by its own price, and searches by the search", () => {
    const attributes = { ...CALL, "gen_ai.request.model": "gpt-4o-mini" };
    const full = costed({ attributes });
    const batch = costed({ attributes: { ...attributes, "openai.response.service_tier": "batch" } });
    expect(batch).toMatchObject({ costNanoUsd: full.costNanoUsd / 2n, costStatus: "exact" });
    const audio = { ...attributes, "gen_ai.request.model": "gpt-audio" };
    const sound = costed({ attributes: { ...audio, "tollgate.usage.output_audio_tokens": 100n } });
    // 100 tokens of sound at 64 instead of 10 USD per million
    expect(sound.costNanoUsd - costed({ attributes: audio }).costNanoUsd).toBe(100n * 54_000n);
    const searched = costed({ attributes: { ...attributes, "tollgate.usage.web_searches": 2n } });
    expect(searched).toMatchObject({ costNanoUsd: full.costNanoUsd + 20_000_000n, costStatus: "exact" });
  });

  it("calls a cost estimated that lacks a fee, and unpriced what was served at a dearer tier", () => {
    expect(costed({ attributes: { ...CALL, "tollgate.usage.web_searches": 1n } }).costStatus).toBe("estimated");
    expect(costed({ attributes: { ...CALL, "openai.response.service_tier": "priority" } })).toMatchObject({
      costNanoUsd: 0n,
      costStatus: "unpriced",
    });
  });

  it("keeps what the gate charged, and what today's prices say beside it", () => {
    const gated = { ...CALL, "tollgate.lease.id": "lease-1", "tollgate.cost.status": "exact" };
    const span = makeSpan(1, { attributes: { ...gated, "tollgate.cost.nano_usd": 1_000n } });
    normalise(span);
    applyCost(span, prices);
    expect(span.facts).toMatchObject({ costNanoUsd: 1_000n, costStatus: "exact" });
    expect(span.attributes.get("tollgate.cost.repriced_nano_usd")).toBe(4_500_000n);
    expect(span.attributes.get("tollgate.cost.repriced_version")).toBe("house:house");
    const same = makeSpan(2, { attributes: { ...gated, "tollgate.cost.nano_usd": 4_500_000n } });
    normalise(same);
    applyCost(same, prices);
    expect(same.attributes.has("tollgate.cost.repriced_nano_usd")).toBe(false);
  });
});
