/**
 * One call to a model, told by two spans: an instrumentation's around the provider SDK's own (`@anthropic-ai/sdk` makes
 * one), or a client's around its gateway's. A call of a model contains no other, so where one inference span is the
 * parent of another, only the inner one is priced. The outer one ends and arrives later as a rule; where it came first,
 * it has been counted, and the inner one is not. What is remembered is bounded and in memory: spans that arrive further
 * apart, or at different processors, are both counted, which errs on the side of too much.
 */
import { RecentMap } from "../../support/recent-map.ts";
import { parentKey, spanKey } from "../../pdata/span-key.ts";
import type { Span } from "../../pdata/span.ts";

type Call = Pick<Span, "traceId" | "spanId" | "parentSpanId" | "facts">;

interface Keys {
  readonly own: string;
  /** "" for a root. */
  readonly parent: string;
}

/** So many of the latest are always known. */
const CALLS_MAX = 8_192;

export class NestedCalls {
  /** Span → whether it had usage. */
  readonly #counted = new RecentMap<string, boolean>(2 * CALLS_MAX);
  /** The parents of counted spans, with the usage that came beneath them. */
  readonly #parents = new RecentMap<string, boolean>(2 * CALLS_MAX);

  count(call: Call): void {
    this.#count(call, { own: spanKey(call), parent: parentKey(call) });
  }

  /** Counts a call unless another span of it has been counted. True when it was. */
  countFirst(call: Call): boolean {
    const keys = { own: spanKey(call), parent: parentKey(call) };
    if (this.#isCounted(call, keys)) return false;
    this.#count(call, keys);
    return true;
  }

  /** Whether another span of the same call has been counted, and this one knows no more than that one. */
  #isCounted({ facts }: Call, { own, parent }: Keys): boolean {
    const beneath = this.#parents.get(own);
    if (beneath !== undefined) return beneath || !facts.hasUsage;
    if (parent === "") return false;
    const above = this.#counted.get(parent);
    return above !== undefined && (above || !facts.hasUsage);
  }

  #count({ facts }: Call, { own, parent }: Keys): void {
    this.#counted.set(own, facts.hasUsage);
    if (parent === "") return;
    this.#parents.set(parent, facts.hasUsage || this.#parents.get(parent) === true);
  }
}
