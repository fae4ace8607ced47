import { expect, it } from "vitest";
import { type Amounts, NO_AMOUNTS, ONE_TOOL_CALL } from "../../../../instrumentation/src/lease/amounts.ts";
import { Books } from "../../../../instrumentation/src/lease/purse.ts";

const told = (tokens: bigint, outputTokens: bigint): Amounts => ({
  nanoUsd: 0n,
  tokens,
  calls: 1n,
  kinds: {
    inputTokens: tokens - outputTokens,
    outputTokens,
    cachedTokens: 0n,
    reasoningTokens: 0n,
    toolCalls: 0n,
    unpricedCalls: 0n,
    unpricedTokens: 0n,
  },
});

it("promises no more of a kind than was granted, even where all else would do", () => {
  const books = new Books();
  books.granted = told(1_000n, 100n);
  expect(books.canPromise(told(200n, 100n))).toBe(true);
  expect(books.canPromise(told(200n, 101n))).toBe(false);
  books.inFlight = told(100n, 60n);
  expect(books.canPromise({ ...told(200n, 41n), calls: 0n })).toBe(false);
});

it("promises no tool call that is spent", () => {
  const books = new Books();
  expect(books.canPromise(ONE_TOOL_CALL)).toBe(false);
  books.granted = ONE_TOOL_CALL;
  expect(books.canPromise(ONE_TOOL_CALL)).toBe(true);
  books.settled = ONE_TOOL_CALL;
  expect(books.canPromise(ONE_TOOL_CALL)).toBe(false);
  expect(books.canPromise(NO_AMOUNTS)).toBe(true);
});
