/**
 * Goal: what a call may cost is never below what it costs (I2 of the design).
 * Method: made-up price lists with tiers in any order of dearness, and any usage within a bound, by fast-check.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidUsage, nanoUsd } from "../../../../instrumentation/src/pricing/index.ts";
import type { TokenUsage } from "../../../../instrumentation/src/pricing/index.ts";
import { RatedModelPrice } from "../../../../instrumentation/src/pricing/rates.ts";
import type { PriceFacts } from "../../../../instrumentation/src/pricing/rates.ts";

const price = fc.bigInt(0n, 200_000_000_000n);
const rates = fc.record({
  input: price,
  cacheRead: price,
  cacheWrite: price,
  cacheWrite1h: price,
  output: price,
  reasoning: price,
});

const modelPrice = fc
  .record({
    tiers: fc.array(rates, { minLength: 1, maxLength: 3 }),
    starts: fc.uniqueArray(fc.integer({ min: 1, max: 3000 }), { minLength: 2, maxLength: 2 }),
    perCall: price,
  })
  .map(({ tiers, starts, perCall }) => {
    const above = [0, ...starts.toSorted((left, right) => left - right)];
    const [first, ...rest] = tiers.map((tier, index) => ({ ...tier, above: above[index] ?? 0 }));
    if (first === undefined) throw new Error("no tier");
    return new RatedModelPrice({
      provider: "p",
      model: "m",
      version: "v",
      maxOutputTokens: undefined,
      contextTokens: undefined,
      rates: [first, ...rest],
      perCall,
    });
  });

/** All or nothing as often as a part: what is dear shows where it is all there is. */
const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const tokens = fc.integer({ min: 0, max: 4000 });
const pieces = fc.integer({ min: 1, max: 9 });

/** A usage whose parts fit their wholes. */
const usageWithin = (most: { input: number; output: number; cacheWrites: boolean }) =>
  fc
    .tuple(share, share, share, share, share, share)
    .map(([input, read, write, hour, output, reasoning]): TokenUsage => {
      const all = Math.floor(most.input * input);
      const cacheRead = Math.floor(all * read);
      const cacheWrite = most.cacheWrites ? Math.floor((all - cacheRead) * write) : 0;
      const out = Math.floor(most.output * output);
      const parts = {
        cacheRead,
        cacheWrite,
        cacheWrite1h: Math.floor(cacheWrite * hour),
        reasoning: Math.floor(out * reasoning),
      };
      return { input: all, output: out, ...parts };
    });

const FREE: Omit<PriceFacts, "perCall"> = {
  provider: "p",
  model: "m",
  version: "v",
  maxOutputTokens: undefined,
  contextTokens: undefined,
  rates: [{ above: 0, input: 0n, cacheRead: 0n, cacheWrite: 0n, cacheWrite1h: 0n, output: 0n, reasoning: 0n }],
};
const NONE: TokenUsage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };

describe("a model's price", () => {
  it.each(["input", "cacheRead", "cacheWrite", "cacheWrite1h", "output", "reasoning"] as const)(
    "has a worst case that covers a call of nothing but its dearest kind: %s",
    (kind) => {
      const [cheap] = FREE.rates;
      const model = new RatedModelPrice({ ...FREE, perCall: 0n, rates: [{ ...cheap, [kind]: 2_000_000n }] });
      const isOutput = kind === "output" || kind === "reasoning";
      const all = isOutput ? { output: 10 } : { input: 10, ...(kind === "cacheWrite1h" && { cacheWrite: 10 }) };
      const bound = { inputTokens: isOutput ? 0 : 10, outputTokens: isOutput ? 10 : 0, cacheWrites: true };
      expect(model.cost({ ...NONE, ...all, [kind]: 10 })).toBe(20n);
      expect(model.worstCase(bound)).toBe(20n);
    },
  );

  it("has a worst case that no usage within the bound exceeds", () => {
    const cases = fc
      .tuple(modelPrice, tokens, tokens, fc.boolean(), pieces)
      .chain(([model, input, output, cacheWrites, most]) =>
        fc.record({
          model: fc.constant(model),
          bound: fc.constant({ input, output, cacheWrites, most }),
          usage: usageWithin({ input, output, cacheWrites }),
          made: fc.option(fc.integer({ min: 0, max: most }), { nil: undefined }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ model, bound, usage, made }) => {
        const worst = model.worstCase({
          inputTokens: bound.input,
          outputTokens: bound.output,
          cacheWrites: bound.cacheWrites,
          pieces: bound.most,
        });
        expect(worst).toBeGreaterThanOrEqual(model.cost({ ...usage, ...(made !== undefined && { pieces: made }) }));
      }),
      { numRuns: 3000 },
    );
  });

  it("has a worst case that never falls when a bound rises", () => {
    fc.assert(
      fc.property(modelPrice, tokens, tokens, tokens, tokens, (model, input, output, moreInput, moreOutput) => {
        const less = model.worstCase({ inputTokens: input, outputTokens: output, cacheWrites: false });
        const more = { inputTokens: input + moreInput, outputTokens: output + moreOutput };
        expect(model.worstCase({ ...more, cacheWrites: false })).toBeGreaterThanOrEqual(less);
        expect(model.worstCase({ ...more, cacheWrites: true })).toBeGreaterThanOrEqual(less);
      }),
      { numRuns: 2000 },
    );
  });

  it("finds the largest output bound that fits an amount, and no larger one", () => {
    fc.assert(
      fc.property(
        modelPrice,
        tokens,
        fc.bigInt(0n, 2_000_000_000n),
        fc.boolean(),
        pieces,
        (model, inputTokens, amount, cacheWrites, most) => {
          const bound = { inputTokens, cacheWrites, pieces: most };
          const within = model.outputTokensWithin(nanoUsd(amount), bound);
          const fits = (outputTokens: number) => model.worstCase({ ...bound, outputTokens }) <= amount;
          const isLargest = within === Number.MAX_SAFE_INTEGER || !fits(within + 1);
          expect({ isLargest, fits: within === 0 || fits(within) }).toEqual({ isLargest: true, fits: true });
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("charges what costs by the call for each piece, and once where there is none", () => {
    const model = new RatedModelPrice({ ...FREE, perCall: 7n });
    const costs = [undefined, 0, 1, 5].map((made) =>
      model.cost({ ...NONE, ...(made !== undefined && { pieces: made }) }),
    );
    expect(costs).toEqual([7n, 7n, 7n, 35n]);
    expect(() => model.cost({ ...NONE, pieces: -1 })).toThrow(InvalidUsage);
  });

  const simple = new RatedModelPrice({
    provider: "p",
    model: "m",
    version: "v",
    maxOutputTokens: undefined,
    contextTokens: undefined,
    perCall: 0n,
    rates: [
      {
        above: 0,
        input: 1n,
        cacheRead: 1n,
        cacheWrite: 1n,
        cacheWrite1h: 1n,
        output: 3_000_000n,
        reasoning: 3_000_000n,
      },
    ],
  });

  it("rounds a cost half up, once, and a worst case up", () => {
    expect(simple.cost({ ...NONE, input: 499_999 })).toBe(0n);
    expect(simple.cost({ ...NONE, input: 500_000 })).toBe(1n);
    expect(simple.worstCase({ inputTokens: 1, outputTokens: 0, cacheWrites: false })).toBe(1n);
  });

  it("counts cached and reasoning tokens once", () => {
    expect(simple.cost({ ...NONE, input: 1_000_000, cacheRead: 1_000_000 })).toBe(1n);
    expect(simple.cost({ ...NONE, output: 10, reasoning: 10 })).toBe(30n);
  });

  it("adds a part that is larger than its whole to it, because then the sender reports them apart", () => {
    expect(simple.cost({ ...NONE, output: 10, reasoning: 30 })).toBe(120n);
    expect(simple.cost({ ...NONE, input: 1_000_000, cacheRead: 3_000_000 })).toBe(4n);
  });

  it.each([Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 2 ** 53])("refuses %s as a count of tokens", (count) => {
    for (const key of ["input", "output", "cacheRead", "cacheWrite", "cacheWrite1h", "reasoning"]) {
      expect(() => simple.cost({ ...NONE, [key]: count })).toThrow(InvalidUsage);
    }
    expect(() => simple.worstCase({ inputTokens: count, outputTokens: 1, cacheWrites: false })).toThrow(InvalidUsage);
    expect(() => simple.outputTokensWithin(nanoUsd(1n), { inputTokens: count, cacheWrites: false })).toThrow(
      InvalidUsage,
    );
  });

  it("stays at the largest amount there is instead of overflowing", () => {
    const rate = 10n ** 18n;
    const rates = {
      above: 0,
      input: rate,
      cacheRead: rate,
      cacheWrite: rate,
      cacheWrite1h: rate,
      output: rate,
      reasoning: rate,
    };
    const facts = { provider: "p", model: "m", version: "v", maxOutputTokens: undefined, contextTokens: undefined };
    const dear = new RatedModelPrice({ ...facts, perCall: 0n, rates: [rates] });
    expect(dear.cost({ ...NONE, output: Number.MAX_SAFE_INTEGER })).toBe(9_223_372_036_854_775_807n);
  });

  it("allows no output when not even the input fits", () => {
    expect(simple.outputTokensWithin(nanoUsd(0n), { inputTokens: 5, cacheWrites: false })).toBe(0);
    expect(simple.outputTokensWithin(nanoUsd(7n), { inputTokens: 0, cacheWrites: false })).toBe(2);
  });
});
