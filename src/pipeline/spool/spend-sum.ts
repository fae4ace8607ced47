import type { Span } from "../../pdata/span.ts";
import type { SpanSpend, SpendEntry } from "../../pdata/spend.ts";
import { isSameLabels, labelsHash } from "./labels-hash.ts";

type Labels = SpendEntry["labels"];

/** The spend of some spans, added up over those with the same labels and lease: what a block carries for the ledger. */
export function sumSpend(spans: readonly Pick<Span, "facts">[]): SpendEntry[] {
  const sums = new SpendSums();
  for (const { facts } of spans) if (facts.spend !== undefined) sums.add(facts.spend);
  return sums.entries();
}

/** A sum in the making: numbers, but for money. */
class Sum {
  readonly labels: Labels;
  readonly leaseId: string;
  nanoUsd = 0n;
  calls = 0;
  inputTokens = 0;
  outputTokens = 0;
  cachedTokens = 0;
  reasoningTokens = 0;
  toolCalls = 0;
  unpricedCalls = 0;
  unpricedTokens = 0;

  constructor(labels: Labels, leaseId: string) {
    this.labels = labels;
    this.leaseId = leaseId;
  }

  add({ nanoUsd, inputTokens, outputTokens, cachedTokens, reasoningTokens, of }: SpanSpend): void {
    if (nanoUsd !== 0n) this.nanoUsd += nanoUsd;
    this.inputTokens += inputTokens;
    this.outputTokens += outputTokens;
    this.cachedTokens += cachedTokens;
    this.reasoningTokens += reasoningTokens;
    if (of === "tool_call") {
      this.toolCalls += 1;
      return;
    }
    this.calls += 1;
    if (of === "call") return;
    this.unpricedCalls += 1;
    this.unpricedTokens += inputTokens + outputTokens;
  }

  entry(): SpendEntry {
    return {
      labels: this.labels,
      leaseId: this.leaseId,
      amounts: {
        nanoUsd: this.nanoUsd,
        tokens: whole(this.inputTokens + this.outputTokens),
        calls: whole(this.calls),
        kinds: {
          inputTokens: whole(this.inputTokens),
          outputTokens: whole(this.outputTokens),
          cachedTokens: whole(this.cachedTokens),
          reasoningTokens: whole(this.reasoningTokens),
          toolCalls: whole(this.toolCalls),
          unpricedCalls: whole(this.unpricedCalls),
          unpricedTokens: whole(this.unpricedTokens),
        },
      },
    };
  }
}

/** Most are 0 or 1, for which no bigint need be made. */
function whole(count: number): bigint {
  return count === 0 ? 0n : count === 1 ? 1n : BigInt(count);
}

/** Spend of one set of labels. */
interface Group {
  readonly labels: Labels;
  unleased: Sum | undefined;
  leased: Map<string, Sum> | undefined;
  /** The next one with the same hash. */
  readonly next: Group | undefined;
}

class SpendSums {
  /** The same object is how most labels come again. */
  readonly #ofObjects = new Map<Labels, Group>();
  readonly #ofHashes = new Map<number, Group>();
  readonly #sums: Sum[] = [];

  add(spend: SpanSpend): void {
    this.#sumOf(spend).add(spend);
  }

  entries(): SpendEntry[] {
    return this.#sums.map((sum) => sum.entry());
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
    const sum = new Sum(labels, leaseId);
    this.#sums.push(sum);
    return sum;
  }

  #groupOf(labels: Labels): Group {
    const hash = labelsHash(labels);
    const first = this.#ofHashes.get(hash);
    let group = first;
    while (group !== undefined && !isSameLabels(group.labels, labels)) group = group.next;
    if (group === undefined) {
      group = { labels, unleased: undefined, leased: undefined, next: first };
      this.#ofHashes.set(hash, group);
    }
    this.#ofObjects.set(labels, group);
    return group;
  }
}
