/**
 * Goal: a line of the journal is read as it was written, whichever way it is read. Method: leases with hostile ids and amounts
 * around what a number holds exactly; and the same line with a space in it, which is JSON still, but not as it is written.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent, type LedgerEvent } from "../../../../src/budget/rules/events.ts";

const integer = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 10n ** 15n - 1n, 10n ** 15n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
const amountsOf = (each: fc.Arbitrary<bigint>) => fc.record({ nanoUsd: each, tokens: each, calls: each });
/** All of them short, as they nearly always are: one long amount has the whole line read the other way. */
const short = amountsOf(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }));
const amounts = amountsOf(integer);
const kinds = fc.record({
  inputTokens: integer,
  outputTokens: integer,
  cachedTokens: integer,
  reasoningTokens: integer,
  toolCalls: integer,
  unpricedCalls: integer,
  unpricedTokens: integer,
});
const withKinds = fc.tuple(amounts, kinds).map(([base, more]) => ({ ...base, kinds: more }));
const lease: fc.Arbitrary<LedgerEvent> = fc.record(
  {
    event: fc.constant("lease" as const),
    at: fc.oneof({ arbitrary: fc.nat(), weight: 9 }, fc.maxSafeNat()),
    id: fc.oneof(
      { arbitrary: fc.uuid(), weight: 4 },
      fc.string({ unit: "binary" }),
      fc.constantFrom('"', "\\", "\n", "\u2028", "\ud800"),
    ),
    seq: fc.oneof({ arbitrary: fc.nat(), weight: 9 }, fc.maxSafeNat()),
    settled: fc.oneof({ arbitrary: short, weight: 4 }, amounts, withKinds),
    granted: fc.oneof({ arbitrary: short, weight: 4 }, amounts, withKinds),
    opened: fc.constant({ processId: "p", labels: { team: "a" } }),
  },
  { requiredKeys: ["event", "at", "id", "seq", "settled", "granted"] },
);

describe("a lease's line of the journal", () => {
  it("is read as it was written, and as JSON reads it", () => {
    fc.assert(
      fc.property(lease, (event) => {
        const line = encodeEvent(event);
        expect(decodeEvent(line)).toEqual(event);
        expect(decodeEvent(line.replace('{"event"', '{ "event"'))).toEqual(event);
      }),
      { numRuns: 500 },
    );
  });

  it("is refused when it is cut short or goes on", () => {
    const none = { nanoUsd: 1n, tokens: 2n, calls: 3n };
    const line = encodeEvent({ event: "lease", at: 1, id: "a", seq: 1, settled: none, granted: none });
    for (const bad of [line.slice(0, -1), `${line}}`, `${line}\n${line}`])
      expect(() => decodeEvent(bad)).toThrow(SyntaxError);
  });
});
