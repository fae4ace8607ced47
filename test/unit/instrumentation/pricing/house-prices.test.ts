import { describe, expect, it } from "vitest";
import { createPriceBook, isPricesDocument, validatePrices } from "../../../../instrumentation/src/pricing/index.ts";
import type { PricesDocument, TokenUsage } from "../../../../instrumentation/src/pricing/index.ts";
import { nanoFromDecimal } from "../../../../instrumentation/src/pricing/decimal.ts";

const USAGE: TokenUsage = {
  input: 1_000_000,
  output: 1_000_000,
  cacheRead: 100_000,
  cacheWrite: 200_000,
  cacheWrite1h: 50_000,
  reasoning: 300_000,
};

const house = (model: PricesDocument["models"][string], name = "house"): PricesDocument => ({
  kind: "prices",
  name,
  models: { "our-llm": model },
});
const at = new Date("2026-11-21T12:00:00Z");

describe("house prices", () => {
  it("are read exactly and win over the kept book", () => {
    const book = createPriceBook({
      house: [
        {
          kind: "prices",
          name: "ours",
          models: { "gpt-4o": { provider: "openai", input: "0.000000001", output: "0.1" } },
        },
      ],
    });
    const price = book.find({ provider: "openai", model: "GPT-4o", at });
    expect(price?.version).toBe("house:ours");
    expect(price?.cost({ ...USAGE, output: 0, reasoning: 0 })).toBe(1n);
  });

  it("price each kind of token by its own price, or by the wider kind's", () => {
    const all = {
      input: "3.00",
      cached_input: "0.30",
      cache_write: "3.75",
      cache_write_1h: "6",
      output: "15.00",
      reasoning: "20",
      per_call: "0.01",
    };
    const full = createPriceBook({
      house: [house({ provider: "openai", ...all, max_output_tokens: 4096, context_tokens: 128_000 })],
    });
    const price = full.find({ provider: "openai", model: "our-llm", at });
    // 0.7 × 3 + 0.1 × 0.30 + 0.15 × 3.75 + 0.05 × 6 + 0.7 × 15 + 0.3 × 20 + 0.01
    expect(price?.cost(USAGE)).toBe(19_502_500_000n);
    expect([price?.maxOutputTokens, price?.contextTokens]).toEqual([4096, 128_000]);
    const bare = createPriceBook({ house: [house({ provider: "openai", input: "3", output: "15" })] });
    expect(bare.find({ provider: "openai", model: "our-llm", at })?.cost(USAGE)).toBe(18_000_000_000n);
  });

  it("hold from their date on, and the later document wins on a tie", () => {
    const old = house({ provider: "openai", input: "1", output: "1" }, "old");
    const now = house({ provider: "openai", input: "2", output: "2", valid_from: "2026-01-01" }, "new");
    const book = createPriceBook({ house: [now, old] });
    const versionAt = (moment: string) =>
      book.find({ provider: "openai", model: "our-llm", at: new Date(moment) })?.version;
    expect([versionAt("2025-12-31T23:59:59.999Z"), versionAt("2026-01-01T00:00:00Z")]).toEqual([
      "house:old",
      "house:new",
    ]);
    const tie = createPriceBook({ house: [old, { ...old, name: "newer" }] });
    expect(tie.find({ provider: "openai", model: "our-llm", at })?.version).toBe("house:newer");
  });

  it("before their date leave the kept book in force", () => {
    const book = createPriceBook({
      house: [
        {
          kind: "prices",
          name: "x",
          models: { "gpt-4o": { provider: "openai", input: "1", output: "1", valid_from: "2030-01-01" } },
        },
      ],
    });
    expect(book.find({ provider: "openai", model: "gpt-4o", at })?.version).toMatch(/^genai-prices/);
  });

  it("are free only when they say 0", () => {
    const book = createPriceBook({ house: [house({ provider: "openai", input: "0", output: "0" })] });
    const price = book.find({ provider: "openai", model: "our-llm", at });
    expect(price?.cost(USAGE)).toBe(0n);
    expect(price?.worstCase({ inputTokens: 5, outputTokens: 7, cacheWrites: true })).toBe(0n);
  });

  it.each([
    ["audio_input", "7", 7_000_000_000n + 2_000_000_000n],
    ["audio_output", "7", 1_000_000_000n + 7_000_000_000n],
  ])("may say %s alone of what sound costs", (name, dollars, cost) => {
    const book = createPriceBook({ house: [house({ provider: "openai", input: "1", output: "2", [name]: dollars })] });
    const spoken = { ...USAGE, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
    const audio = { input: spoken.input, cacheRead: 0, output: spoken.output };
    expect(book.find({ provider: "openai", model: "our-llm", at })?.cost({ ...spoken, audio })).toBe(cost);
  });

  it("of the model that was asked for are those of its versions, and of no other that answers", () => {
    const book = createPriceBook({ house: [house({ provider: "openai", input: "1", output: "2" })] });
    const versionOf = (model: string): string | undefined =>
      book.find({ provider: "openai", model, asked: "our-llm", at })?.version;
    expect(["our-llm-2026-08-06", "our-llm-001", "our-llm"].map(versionOf)).toEqual(Array(3).fill("house:house"));
    expect(["our-llm-large", "another-2026-08-06", "-001"].map(versionOf)).toEqual(Array(3).fill(undefined));
    expect(versionOf("gpt-4o-2024-08-06")).toMatch(/^genai-prices/);
  });

  it("of another provider are not taken", () => {
    const book = createPriceBook({ house: [house({ provider: "azure.ai.openai", input: "1", output: "1" })] });
    expect(book.find({ provider: "openai", model: "our-llm", at })).toBeUndefined();
    expect(book.find({ provider: "azure", model: "our-llm", at })).toBeDefined();
  });

  it.each([
    [null, ""],
    [[], ""],
    [{ kind: "price", name: "a", models: {} }, "kind"],
    [{ kind: "prices", models: {} }, "name"],
    [{ kind: "prices", name: "a" }, "models"],
    [{ kind: "prices", name: "a", models: {}, extra: 1 }, "extra"],
    [house({ provider: "openai", input: "1" } as never), "models.our-llm.output"],
    [house({ provider: "openai", input: "5abc", output: "1" }), "models.our-llm.input"],
    [house({ provider: "openai", input: "-1", output: "1" }), "models.our-llm.input"],
    [house({ provider: "openai", input: Number.NaN, output: "1" }), "models.our-llm.input"],
    [house({ provider: "openai", input: "1e3", output: "1" }), "models.our-llm.input"],
    [house({ provider: "openai", input: "0.0000000001", output: "1" }), "models.our-llm.input"],
    [house({ provider: "", input: "1", output: "1" }), "models.our-llm.provider"],
    [house({ provider: "openai", input: "1", output: "1", valid_from: "soon" }), "models.our-llm.valid_from"],
    [house({ provider: "openai", input: "1", output: "1", max_output_tokens: 0 }), "models.our-llm.max_output_tokens"],
    [house({ provider: "openai", input: "1", output: "1", inputs: "1" } as never), "models.our-llm.inputs"],
  ])("say where they are wrong: %j", (document, path) => {
    expect(validatePrices(document).map((problem) => problem.path)).toEqual([path]);
    expect(isPricesDocument(document)).toBe(false);
    expect(() => createPriceBook({ house: [document as PricesDocument] })).toThrow(RangeError);
  });

  it("name every problem, not the first", () => {
    expect(validatePrices({ kind: "x", models: { a: { input: "x" } } })).toHaveLength(5);
  });
});

describe("a price in text", () => {
  it.each([
    ["3", 3_000_000_000n],
    ["0.000000001", 1n],
    ["0.0000000005", 1n],
    ["0.08333333333333334", 83_333_333n],
    [0.1, 100_000_000n],
    [1.25e-7, 125n],
    [5e-9, 5n],
  ])("%s is read digit by digit", (text, nano) => {
    expect(nanoFromDecimal(text)).toBe(nano);
  });

  it.each(["", "1.", ".5", "1,5", "0x10", " 1", "Infinity", "1e21", "--1"])("%j is none", (text) => {
    expect(nanoFromDecimal(text)).toBeUndefined();
  });
});
