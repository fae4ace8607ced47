/** Kinds of tokens and tool calls: held like the others, and never counted too low for who does not tell them. */
import { expect, it } from "vitest";
import {
  addAmounts,
  type Amounts,
  isValidAmounts,
  type Kinds,
  subtractAmounts,
} from "../../../../src/budget/amounts.ts";
import { readAmounts, writeAmounts } from "../../../../src/budget/rules/events.ts";
import { makeBudget } from "../make-budget.ts";
import { Rig } from "./rig.ts";

const NO_KINDS: Kinds = {
  inputTokens: 0n,
  outputTokens: 0n,
  cachedTokens: 0n,
  reasoningTokens: 0n,
  toolCalls: 0n,
  unpricedCalls: 0n,
  unpricedTokens: 0n,
};

function told(tokens: bigint, kinds: Partial<Kinds>): Amounts {
  return { nanoUsd: tokens, tokens, calls: 1n, kinds: { ...NO_KINDS, ...kinds } };
}

it.each([
  ["input_tokens", { inputTokens: 60n }],
  ["output_tokens", { outputTokens: 60n }],
  ["cached_tokens", { cachedTokens: 60n }],
  ["reasoning_tokens", { reasoningTokens: 60n }],
  ["tool_calls", { toolCalls: 60n }],
  ["unpriced_calls", { unpricedCalls: 60n }],
  ["unpriced_tokens", { unpricedTokens: 60n }],
] as const)("a budget in %s holds its limit and counts no other kind", (measure, kinds) => {
  const rig = new Rig([makeBudget({ measure, limit: 100n })]);
  expect(rig.acquire({ leaseId: "l1", target: told(60n, kinds) }).outcome).toBe("granted");
  expect(rig.acquire({ leaseId: "l2", processId: "p2", target: told(60n, kinds) })).toMatchObject({
    outcome: "exhausted",
    refusedBy: { measure, reserved: 60n },
  });
  expect(rig.acquire({ leaseId: "l3", processId: "p3", target: told(500n, {}) }).outcome).toBe("granted");
});

it("who does not tell kinds is counted with all its tokens in each", () => {
  const rig = new Rig([makeBudget({ measure: "output_tokens", limit: 100n })]);
  const silent = (tokens: bigint): Amounts => ({ nanoUsd: 0n, tokens, calls: 1n });
  expect(rig.acquire({ leaseId: "l1", target: silent(80n) }).outcome).toBe("granted");
  expect(rig.acquire({ leaseId: "l2", processId: "p2", target: silent(30n) }).outcome).toBe("exhausted");
  rig.observe([{ amounts: silent(10n) }]);
  expect(rig.books()).toEqual([10n, 80n]);
});

it("what is not told to have no price has one", () => {
  const rig = new Rig([makeBudget({ measure: "unpriced_calls", limit: 1n })]);
  const silent: Amounts = { nanoUsd: 0n, tokens: 80n, calls: 5n };
  expect(rig.acquire({ leaseId: "l1", target: silent }).outcome).toBe("granted");
  rig.observe([{ amounts: silent }, { amounts: told(9n, { unpricedCalls: 2n }) }]);
  expect(rig.books()).toEqual([2n, 0n]);
});

it("money ahead of need never passes the limit of a kind that was not told", () => {
  const rig = new Rig([makeBudget({ measure: "input_tokens", limit: 100n })]);
  const target = { nanoUsd: 0n, tokens: 50n, calls: 1n };
  rig.acquire({ leaseId: "l1", target, ahead: { nanoUsd: 0n, tokens: 10_000n, calls: 10n } });
  const [, reserved] = rig.books();
  expect(reserved).toBe(56n);
});

it("tools that ran without a lease count when their spans come", () => {
  const rig = new Rig([makeBudget({ measure: "tool_calls", limit: 10n }), makeBudget({ name: "money" })]);
  rig.observe([{ amounts: { nanoUsd: 0n, tokens: 0n, calls: 0n, kinds: { ...NO_KINDS, toolCalls: 3n } } }]);
  expect(rig.books()).toEqual([3n, 0n]);
});

it("amounts with and without kinds add up and cancel exactly, and survive the journal", () => {
  const silent: Amounts = { nanoUsd: 1n, tokens: 100n, calls: 1n };
  const both = addAmounts(silent, told(50n, { inputTokens: 20n, toolCalls: 2n }));
  expect(both.kinds).toMatchObject({ inputTokens: 120n, outputTokens: 100n, toolCalls: 2n });
  expect(subtractAmounts(both, silent).kinds).toMatchObject({ inputTokens: 20n, outputTokens: 0n, toolCalls: 2n });
  expect(readAmounts(writeAmounts(both))).toEqual(both);
  expect(readAmounts(writeAmounts(silent))).toEqual(silent);
  const unpriced = told(9n, { unpricedCalls: 1n, unpricedTokens: 9n });
  expect(readAmounts(writeAmounts(unpriced))).toEqual(unpriced);
  // As an older version wrote it, and can read it.
  expect(writeAmounts(told(9n, { toolCalls: 1n }))).toBe("9 9 1 0 0 0 0 1");
  expect(() => readAmounts("1 2 3 4")).toThrow(SyntaxError);
  expect(isValidAmounts(told(1n, { reasoningTokens: -1n }))).toBe(false);
});
