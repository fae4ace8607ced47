import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, decodeAgain, decodeBlock, encodeBlock } from "../../../../src/pipeline/spool/block-format.ts";

const block: Block = {
  token: "11111111-2222-3333-4444-555555555555",
  createdUnixMs: 1_795_000_000_000,
  rowCount: 2,
  identities: Buffer.from("111111111111111111111111222222222222222222222222"),
  spend: [
    {
      labels: { agent: "ä", team: "t" },
      leaseId: "lease",
      amounts: { nanoUsd: 9_007_199_254_740_993n, tokens: 5n, calls: 1n },
    },
  ],
  payload: Buffer.from([0, 1, 2, 255, 13, 10]),
};

describe("a block's file", () => {
  it("comes back as it was written, money beyond 2^53 included", () => {
    expect(decodeBlock(encodeBlock(block))).toEqual({ kind: "block", block });
  });

  it("comes back with its kinds, with and without what has no price", () => {
    const kinds = { inputTokens: 3n, outputTokens: 2n, cachedTokens: 1n, reasoningTokens: 1n, toolCalls: 4n };
    for (const unpriced of [0n, 1n]) {
      const amounts = { nanoUsd: 1n, tokens: 5n, calls: 1n };
      const told = { ...amounts, kinds: { ...kinds, unpricedCalls: unpriced, unpricedTokens: unpriced * 5n } };
      const counted = { ...block, spend: [{ labels: {}, leaseId: "", amounts: told }] };
      expect(decodeBlock(encodeBlock(counted))).toEqual({ kind: "block", block: counted });
    }
  });

  it("comes back with any labels and reason, as JSON has them", () => {
    const text = fc.string({ unit: "binary", maxLength: 20 });
    const awkward = fc.constantFrom('"', "\\", "\u0000", "\u001f", "\u007f", "\ud800", "é", "😀", "", "12", "a b");
    const labelsOf = fc.dictionary(fc.oneof(text, awkward), fc.oneof(text, awkward));
    const isSame = fc.property(fc.array(labelsOf, { maxLength: 4 }), fc.oneof(text, awkward), (sets, reason) => {
      const amounts = { nanoUsd: 1n, tokens: 0n, calls: 1n };
      const spend = sets.map((labels) => ({ labels: { ...labels }, leaseId: reason, amounts }));
      const decoded = decodeBlock(encodeBlock({ ...block, reason, spend }));
      const wanted = spend.map(({ labels, leaseId }) => JSON.parse(JSON.stringify({ labels, leaseId })) as object);
      expect(decoded.kind === "block" ? decoded.block.spend : []).toMatchObject(wanted);
    });
    fc.assert(isSame, { numRuns: 40 });
  });

  it("comes back with labels that begin as those before, and go on otherwise or end", () => {
    const amounts = { nanoUsd: 1n, tokens: 0n, calls: 1n };
    const sets = [
      { a: "1", b: "2", c: "3" },
      { a: "1", b: "2", c: "4" },
      { a: "1", b: "2" },
      {},
      { a: "1" },
      { a: "1", b: '"é' },
      { a: "1", b: '"é', d: "" },
      { b: '"é', a: "1" },
      { b: '"é', a: "1" },
    ];
    const spend = sets.map((labels) => ({ labels, leaseId: "", amounts }));
    const decoded = decodeBlock(encodeBlock({ ...block, spend }));
    expect(decoded.kind === "block" ? JSON.stringify(decoded.block.spend.map(({ labels }) => labels)) : "").toBe(
      JSON.stringify(sets),
    );
  });

  it("is corrupt when it is cut off anywhere", () => {
    const bytes = encodeBlock(block);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeBlock(bytes.subarray(0, length)).kind).toBe("corrupt");
    }
  });

  it("is corrupt when any bit is changed", () => {
    const bytes = encodeBlock(block);
    const isCaught = fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      return decodeBlock(changed).kind === "corrupt";
    });
    expect(fc.check(isCaught, { numRuns: 2_000 })).toMatchObject({ failed: false, counterexample: null });
  });

  it("read again is the same block, and as corrupt, though its head is not looked at before it is asked what was spent", () => {
    const { token, createdUnixMs, rowCount } = block;
    const facts = { token, createdUnixMs, rowCount };
    const bytes = encodeBlock(block);
    expect(decodeAgain(bytes, facts)).toEqual({ kind: "block", block });
    expect(decodeAgain(bytes, { ...facts, rowCount: 3 }).kind).toBe("corrupt");
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(decodeAgain(changed, facts).kind).toBe("corrupt");
      expect(decodeAgain(bytes.subarray(0, at), facts).kind).toBe("corrupt");
    }
  });

  it("is corrupt when something follows it", () => {
    expect(decodeBlock(Buffer.concat([encodeBlock(block), Buffer.from("x")])).kind).toBe("corrupt");
  });
});
