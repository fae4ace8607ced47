import type { Span } from "../../pdata/span.ts";
import type { SpendEntry, SpendKinds } from "../../pdata/spend.ts";

/** The spend of some spans, added up over those with the same labels and lease: what a block carries for the ledger. */
export function sumSpend(spans: readonly Pick<Span, "facts">[]): SpendEntry[] {
  const numbers = new LabelNumbers();
  const sums = new Map<string, Sum>();
  for (const { facts } of spans) {
    const entry = facts.spend;
    if (entry === undefined) continue;
    const key = `${numbers.of(entry.labels)} ${entry.leaseId}`;
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { ...entry, amounts: { ...entry.amounts, kinds: { ...kindsOf(entry) } } });
    else add(sum, entry);
  }
  return [...sums.values()];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Tokens whose kind is not told count as each kind. */
function kindsOf({ amounts: { tokens, kinds } }: SpendEntry): SpendKinds {
  if (kinds !== undefined) return kinds;
  const each = { inputTokens: tokens, outputTokens: tokens, cachedTokens: tokens, reasoningTokens: tokens };
  return { ...each, toolCalls: 0n, unpricedCalls: 0n, unpricedTokens: 0n };
}

interface Sum extends SpendEntry {
  readonly amounts: { nanoUsd: bigint; tokens: bigint; calls: bigint; kinds: Mutable<SpendKinds> };
}

function add({ amounts }: Sum, entry: SpendEntry): void {
  amounts.nanoUsd += entry.amounts.nanoUsd;
  amounts.tokens += entry.amounts.tokens;
  amounts.calls += entry.amounts.calls;
  const { inputTokens, outputTokens, cachedTokens, reasoningTokens, toolCalls, unpricedCalls, unpricedTokens } =
    kindsOf(entry);
  const { kinds } = amounts;
  kinds.inputTokens += inputTokens;
  kinds.outputTokens += outputTokens;
  kinds.cachedTokens += cachedTokens;
  kinds.reasoningTokens += reasoningTokens;
  kinds.toolCalls += toolCalls;
  kinds.unpricedCalls += unpricedCalls;
  kinds.unpricedTokens += unpricedTokens;
}

/** Numbers labels by what they say; the same object, which is how most come again, is known at once. */
class LabelNumbers {
  readonly #ofObjects = new Map<object, number>();
  readonly #ofTexts = new Map<string, number>();
  /** The names in order, by the names as they stand: sorting is dear, and few orders occur. */
  readonly #sorted = new Map<string, readonly string[]>();

  of(labels: Readonly<Record<string, string>>): number {
    let number = this.#ofObjects.get(labels);
    if (number !== undefined) return number;
    const names = this.#namesOf(labels);
    const text = JSON.stringify([names, names.map((name) => labels[name])]);
    number = this.#ofTexts.get(text);
    if (number === undefined) this.#ofTexts.set(text, (number = this.#ofTexts.size));
    this.#ofObjects.set(labels, number);
    return number;
  }

  #namesOf(labels: Readonly<Record<string, string>>): readonly string[] {
    const names = Object.keys(labels);
    const key = JSON.stringify(names);
    let sorted = this.#sorted.get(key);
    if (sorted === undefined) this.#sorted.set(key, (sorted = names.toSorted()));
    return sorted;
  }
}
