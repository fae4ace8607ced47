import { expect, it } from "vitest";
import type { SpanSpend } from "../../../../src/pdata/spend.ts";
import { sumSpend } from "../../../../src/pipeline/spool/spend-sum.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const TOKENS = { inputTokens: 3, outputTokens: 2, cachedTokens: 0, reasoningTokens: 0 };

function summed(labels: readonly SpanSpend["labels"][]): ReturnType<typeof sumSpend> {
  const spends = labels.map((each): SpanSpend => ({ labels: each, leaseId: "", nanoUsd: 5n, ...TOKENS, of: "call" }));
  return sumSpend(spends.map((spend) => ({ facts: { spend } }) as Parameters<typeof sumSpend>[0][number]));
}

it("adds up what has the same labels, be they one object or two, in whatever order", () => {
  const labels = { agent: "a", team: "t" };
  const [entry, ...others] = summed([labels, labels, { team: "t", agent: "a" }]);
  expect(others).toEqual([]);
  expect(entry?.amounts).toMatchObject({ nanoUsd: 15n, tokens: 15n, calls: 3n });
});

it("adds up the same labels whichever stood at their places in between, be they long or many", () => {
  const seed = Date.now();
  const random = seededRandom(seed);
  const names = ["agent", "team", "session", "n".repeat(600), ...Array.from({ length: 70 }, (_, index) => `n${index}`)];
  const values = ["", "a", "b", "v".repeat(600)];
  const sets = Array.from({ length: 2_000 }, (_, count) => {
    const own = names.slice(0, count % 50 === 0 ? names.length : 4).filter(() => random() < 0.9);
    const pairs = own.map((name) => [name, values[Math.floor(random() * values.length)] ?? ""] as const);
    return Object.fromEntries(random() < 0.5 ? pairs : pairs.reverse());
  });
  const calls = new Map<string, bigint>();
  for (const labels of sets) {
    const key = JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b)));
    calls.set(key, (calls.get(key) ?? 0n) + 1n);
  }
  const summedUp = summed(sets).map(({ labels, amounts }) => [
    JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => a.localeCompare(b))),
    amounts.calls,
  ]);
  expect({ seed, sums: new Map(summedUp as [string, bigint][]), count: summedUp.length }).toEqual({
    seed,
    sums: calls,
    count: calls.size,
  });
});

it.each([
  [{ a: "b", c: "d" }, { a: "bcd" }],
  [{ ab: "c" }, { a: "bc" }],
  [{ a: "x1 1 bc" }, { a: "x", b: "c" }],
  [{ agent: "" }, {}],
])("keeps apart %j and %j, which could be written alike", (one, other) => {
  expect(summed([one, other])).toHaveLength(2);
});

it("takes a block in which each span has labels of its own: what looked at each pair would never end", () => {
  const labels = Array.from({ length: 100_000 }, (_, index) => ({ agent: "a", session: "s", customer: `c${index}` }));
  const entries = summed(labels);
  expect(entries).toHaveLength(labels.length);
  expect(entries.every(({ amounts }) => amounts.nanoUsd === 5n)).toBe(true);
});
