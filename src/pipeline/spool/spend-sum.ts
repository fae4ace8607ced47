import type { Span } from "../../pdata/span.ts";
import type { SpanSpend, SpendEntry } from "../../pdata/spend.ts";

type Labels = SpendEntry["labels"];

/** The spend of some spans, added up over those with the same labels and lease: what a block carries for the ledger. */
export function sumSpend(spans: readonly Pick<Span, "facts">[]): SpendEntry[] {
  const sums = new SpendSums();
  for (const { facts } of spans) if (facts.spend !== undefined) sums.add(facts.spend);
  return sums.entries();
}

/** Sums in the making: numbers, but for money. */
interface Sum {
  readonly labels: Labels;
  readonly leaseId: string;
  nanoUsd: bigint;
  tokens: number;
  calls: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  reasoningTokens: number;
  toolCalls: number;
  unpricedCalls: number;
  unpricedTokens: number;
}

/** Spend of one set of labels. */
interface Group {
  readonly labels: Labels;
  unleased: Sum | undefined;
  leased: Map<string, Sum> | undefined;
}

class SpendSums {
  /** The same object is how most labels come again. */
  readonly #ofObjects = new Map<Labels, Group>();
  readonly #ofTexts = new Map<string, Group>();
  readonly #sums: Sum[] = [];

  add(spend: SpanSpend): void {
    const sum = this.#sumOf(spend);
    const { inputTokens, outputTokens, of } = spend;
    sum.nanoUsd += spend.nanoUsd;
    sum.inputTokens += inputTokens;
    sum.outputTokens += outputTokens;
    sum.cachedTokens += spend.cachedTokens;
    sum.reasoningTokens += spend.reasoningTokens;
    sum.tokens += inputTokens + outputTokens;
    if (of === "tool_call") {
      sum.toolCalls += 1;
      return;
    }
    sum.calls += 1;
    if (of === "call") return;
    sum.unpricedCalls += 1;
    sum.unpricedTokens += inputTokens + outputTokens;
  }

  entries(): SpendEntry[] {
    return this.#sums.map(entryOf);
  }

  #sumOf({ labels, leaseId }: SpanSpend): Sum {
    const group = this.#ofObjects.get(labels) ?? this.#groupOf(labels);
    if (leaseId === "") return (group.unleased ??= this.#newSum(group.labels, leaseId));
    group.leased ??= new Map();
    let sum = group.leased.get(leaseId);
    if (sum === undefined) group.leased.set(leaseId, (sum = this.#newSum(group.labels, leaseId)));
    return sum;
  }

  #newSum(labels: Labels, leaseId: string): Sum {
    const tokens = { tokens: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
    const sum = {
      labels,
      leaseId,
      nanoUsd: 0n,
      calls: 0,
      toolCalls: 0,
      unpricedCalls: 0,
      unpricedTokens: 0,
      ...tokens,
    };
    this.#sums.push(sum);
    return sum;
  }

  #groupOf(labels: Labels): Group {
    const text = textOf(labels);
    let group = this.#ofTexts.get(text);
    if (group === undefined) {
      group = { labels, unleased: undefined, leased: undefined };
      this.#ofTexts.set(text, group);
    }
    this.#ofObjects.set(labels, group);
    return group;
  }
}

/** Equal only for the same labels. Found by hash: a sender may give each span labels of its own. */
function textOf(labels: Labels): string {
  let text = "";
  for (const name of Object.keys(labels).toSorted()) {
    const value = labels[name] ?? "";
    text += `${name.length} ${value.length} ${name}${value}`;
  }
  return text;
}

function entryOf(sum: Sum): SpendEntry {
  return {
    labels: sum.labels,
    leaseId: sum.leaseId,
    amounts: {
      nanoUsd: sum.nanoUsd,
      tokens: BigInt(sum.tokens),
      calls: BigInt(sum.calls),
      kinds: {
        inputTokens: BigInt(sum.inputTokens),
        outputTokens: BigInt(sum.outputTokens),
        cachedTokens: BigInt(sum.cachedTokens),
        reasoningTokens: BigInt(sum.reasoningTokens),
        toolCalls: BigInt(sum.toolCalls),
        unpricedCalls: BigInt(sum.unpricedCalls),
        unpricedTokens: BigInt(sum.unpricedTokens),
      },
    },
  };
}
