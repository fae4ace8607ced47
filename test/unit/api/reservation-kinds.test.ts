import { createPriceBook } from "@tollgate/instrumentation/pricing";
import { expect, it } from "vitest";
import { outputCap, reportedBy, wantedBy } from "../../../src/api/reservation-amounts.ts";
import { commitRequest, createRequest } from "../../../src/api/reservation-schemas.ts";

const prices = createPriceBook({ house: [] });
const at = new Date("2026-11-21T00:00:00Z");
const body = createRequest.parse({
  agent: "a",
  model: "gpt-4o",
  tokens: { input: 1_000, output: 500, min_output: 100 },
});

it("a reservation asks for the most of each kind, and is bound to the kind of which less was granted", () => {
  const wanted = wantedBy(body, { prices, at, tellsKinds: true });
  expect(wanted.target.kinds).toEqual({
    inputTokens: 1_000n,
    outputTokens: 500n,
    cachedTokens: 1_000n,
    reasoningTokens: 500n,
    toolCalls: 0n,
    unpricedCalls: 0n,
    unpricedTokens: 0n,
  });
  expect(outputCap(body, wanted, wanted.target)).toBeUndefined();
  const { kinds } = wanted.target;
  const less = { ...wanted.target, ...(kinds && { kinds: { ...kinds, outputTokens: 200n } }) };
  expect(outputCap(body, wanted, less)).toBe(200);
});

it("kinds that no budget counts are not told", () => {
  const { target } = wantedBy(body, { prices, at, tellsKinds: false });
  const { kinds: _kinds, ...whole } = wantedBy(body, { prices, at, tellsKinds: true }).target;
  expect(target).toEqual(whole);
});

it("a commit reports each kind as it was used", () => {
  const usage = {
    model: "gpt-4o",
    input_tokens: 900,
    output_tokens: 120,
    cache_read_tokens: 300,
    reasoning_tokens: 20,
  };
  const { amounts } = reportedBy(commitRequest.parse({ usage }), { prices, at, tellsKinds: true, reservedTokens: 0n });
  expect(amounts).toMatchObject({
    tokens: 1_020n,
    kinds: { inputTokens: 900n, outputTokens: 120n, cachedTokens: 300n, reasoningTokens: 20n },
  });
});
