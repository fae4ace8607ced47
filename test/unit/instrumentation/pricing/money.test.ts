import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUsd, nanoUsd, parseNanoUsd, parseUsd } from "../../../../instrumentation/src/pricing/index.ts";

describe("money", () => {
  it.each([
    ["$0.50", 500_000_000n],
    ["0.50", 500_000_000n],
    [" $ 5.00 ", 5_000_000_000n],
    ["0.000000001", 1n],
    ["7", 7_000_000_000n],
  ])("%j is read exactly", (text, amount) => {
    expect(parseUsd(text)).toBe(amount);
  });

  it.each(["-1", "$-5", "NaN", "Infinity", "abc", "5abc", "1e3", "0.0000000001", "", "$", "99999999999999"])(
    "%j is refused",
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
    },
  );

  it("reads back what it writes", () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 9_223_372_036_854_775_807n), (amount) => {
        expect(parseUsd(formatUsd(nanoUsd(amount)))).toBe(amount);
        expect(parseNanoUsd(amount.toString())).toBe(amount);
      }),
    );
  });

  it.each([
    [1_499_999_999n, 0, "1"],
    [1_500_000_000n, 0, "2"],
    [-1_500_000_000n, 0, "-2"],
    [5n, 9, "0.000000005"],
    [123_456_789n, 4, "0.1235"],
  ])("%s is written with %s places as %s", (amount, places, text) => {
    expect(formatUsd(nanoUsd(amount), places)).toBe(text);
  });

  it("does not leave Int64", () => {
    expect(() => nanoUsd(2n ** 63n)).toThrow(RangeError);
    expect(parseNanoUsd("9223372036854775808")).toBeUndefined();
  });
});
