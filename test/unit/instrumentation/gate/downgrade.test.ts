import { describe, expect, it } from "vitest";
import { chatCompletions } from "../../../../instrumentation/src/openai/chat-completions.ts";
import { responses } from "../../../../instrumentation/src/openai/responses.ts";
import { invokeModel } from "../../../../instrumentation/src/bedrock/invoke-model.ts";
import { createPriceBook } from "../../../../instrumentation/src/pricing/cached-price-book.ts";
import { canAsk, downgradedBy, lessEffort, lowered } from "../../../../instrumentation/src/gate/downgrade.ts";
import type { LeaseAction, LeaseBudget } from "../../../../instrumentation/src/protocol.ts";

const budget = (...actions: LeaseAction[]): LeaseBudget => ({
  name: "b",
  measure: "usd",
  mode: "hard",
  unknown_price: "deny",
  limit: "100",
  settled: "80",
  reserved: "0",
  remaining: "20",
  actions,
});

const down = (of: Partial<Extract<LeaseAction, { do: "downgrade" }>>): LeaseAction => ({
  do: "downgrade",
  at_percent: 80,
  fallback: {},
  ...of,
});

describe("a downgrade", () => {
  it("takes the fallbacks one after the other and the lowest of the bounds, over nested budgets", () => {
    const budgets = [
      budget(down({ fallback: { a: "b" }, max_output_tokens: 500, reasoning_effort: "medium" })),
      budget({ do: "notify", at_percent: 10 }),
      budget(down({ fallback: { b: "c" }, max_output_tokens: 900, reasoning_effort: "low" })),
    ];
    expect(downgradedBy(budgets, "a")).toEqual({ model: "c", maxOutputTokens: 500, reasoningEffort: "low" });
    expect(downgradedBy([], "a")).toEqual({ model: "a", maxOutputTokens: undefined, reasoningEffort: undefined });
  });

  it("lowers the bound of a request, also of one that names none, and never raises it", () => {
    const facts = (bound?: number) =>
      chatCompletions.readRequest({ model: "a", messages: [], ...(bound && { max_tokens: bound }) });
    const change = { model: "a", maxOutputTokens: 500, reasoningEffort: undefined };
    expect(lowered(facts(2_000), change).outputBound).toBe(500);
    expect(lowered(facts(), change).outputBound).toBe(500);
    const small = facts(100);
    expect(lowered(small, change)).toBe(small);
  });

  it("lowers effort where the request names one, in either API, and adds none", () => {
    expect(lessEffort("high", "low")).toBe("low");
    expect(lessEffort("minimal", "low")).toBeUndefined();
    expect(lessEffort(undefined, "low")).toBeUndefined();
    const change = { model: "a", outputBound: undefined, reasoningEffort: "low" as const };
    expect(chatCompletions.rewrite({ model: "a", reasoning_effort: "high" }, change)).toMatchObject({
      reasoning_effort: "low",
    });
    expect(chatCompletions.rewrite({ model: "a" }, change)).not.toHaveProperty("reasoning_effort");
    expect(responses.rewrite({ model: "a", reasoning: { effort: "high", summary: "auto" } }, change)).toMatchObject({
      reasoning: { effort: "low", summary: "auto" },
    });
  });

  const at = new Date("2026-11-01");
  const ask = (provider: string, from: string, to: string, { endpoint = chatCompletions, host = "" } = {}) =>
    canAsk(to, {
      endpoint,
      prices: createPriceBook(),
      query: { provider, model: from, at, ...(host !== "" && { host }) },
    });

  it("goes to a model of another provider only where the client can ask for it", () => {
    expect(ask("openai", "gpt-4o", "gpt-4o-mini")).toBe(true);
    expect(ask("openai", "gpt-4o", "claude-haiku-4-5")).toBe(false);
    expect(ask("openai", "gpt-4o", "claude-haiku-4-5", { host: "api.openai.com" })).toBe(false);
    expect(ask("openai", "gpt-4o", "claude-haiku-4-5", { host: "litellm.internal" })).toBe(true);
    expect(ask("openrouter", "openai/gpt-4o", "anthropic/claude-haiku-4.5")).toBe(true);
    expect(ask("aws.bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0")).toBe(true);
    // A name of one's own, and a gateway of one's own: who wrote the budget knows.
    expect(ask("openai", "gpt-4o", "our-fine-model")).toBe(true);
    expect(ask("our_gateway", "big", "claude-haiku-4-5")).toBe(true);
  });

  it("does not send the body of one maker's model to another's", () => {
    const invoke = invokeModel({ modelId: "anthropic.claude-haiku-4-5-20251001-v1:0" }, { isStreamed: false });
    const from = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    expect(ask("aws.bedrock", from, "amazon.nova-lite-v1:0", { endpoint: invoke })).toBe(false);
    expect(ask("aws.bedrock", from, "anthropic.claude-haiku-4-5-20251001-v1:0", { endpoint: invoke })).toBe(true);
  });
});
