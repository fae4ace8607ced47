/**
 * One call to a model, told by two spans: an instrumentation's around the provider SDK's own (`@anthropic-ai/sdk` makes
 * one), or a client's around its gateway's. A call of a model contains no other, so where one inference span is the
 * parent of another, only the inner one is priced, and so along a line of more. The outer one ends and arrives later as a
 * rule; where it came first, it has been counted, and the inner one is not. What is remembered is bounded and in memory:
 * spans that arrive further apart, or at different processors, are both counted, which errs on the side of too much.
 */
import { IdentityCell, identityHash } from "../../pdata/identity.ts";
import { RecentIdentities } from "../../pdata/recent-identities.ts";
import { writeParentIdentity, writeSpanIdentity } from "../../pdata/span-identity.ts";
import type { Span } from "../../pdata/span.ts";

type Call = Pick<Span, "traceId" | "spanId" | "parentSpanId" | "facts">;

/** So many of the latest are always known. */
const CALLS_MAX = 8_192;

export class NestedCalls {
  /** Span that was counted, or that stands beneath one → whether that had usage. */
  readonly #counted = new RecentIdentities(CALLS_MAX);
  /** What stands above counted spans, with the usage that came beneath. */
  readonly #parents = new RecentIdentities(CALLS_MAX);
  /** Of the call that is looked at. */
  readonly #own = new IdentityCell();
  readonly #parent = new IdentityCell();
  /** Of the same two: each is looked for several times. */
  #ownHash = 0;
  #parentHash = 0;

  count(call: Call): void {
    this.#count(call, this.#point(call));
  }

  /** Counts a call unless another span of it has been counted. True when it was. */
  countFirst(call: Call): boolean {
    const hasParent = this.#point(call);
    if (this.#isCounted(call, hasParent)) return false;
    this.#count(call, hasParent);
    return true;
  }

  /** Whether another span of the call has been counted, and this one knows no more. Then the next in line is told so. */
  #isCounted({ facts }: Call, hasParent: boolean): boolean {
    const beneath = this.#parents.get(this.#own, this.#ownHash);
    if (beneath !== undefined) {
      const isCounted = beneath || !facts.hasUsage;
      if (isCounted && hasParent) this.#noteBeneath(beneath);
      return isCounted;
    }
    const above = hasParent ? this.#counted.get(this.#parent, this.#parentHash) : undefined;
    const isCounted = above !== undefined && (above || !facts.hasUsage);
    if (isCounted) this.#counted.set(this.#own, above, this.#ownHash);
    return isCounted;
  }

  #count({ facts }: Call, hasParent: boolean): void {
    this.#counted.set(this.#own, facts.hasUsage, this.#ownHash);
    if (hasParent) this.#noteBeneath(facts.hasUsage);
  }

  /** For the parent of the call that is looked at. */
  #noteBeneath(hasUsage: boolean): void {
    const isKnown = hasUsage || this.#parents.get(this.#parent, this.#parentHash) === true;
    this.#parents.set(this.#parent, isKnown, this.#parentHash);
  }

  /** Looks at a call from here on. Whether it has a parent. */
  #point(call: Call): boolean {
    writeSpanIdentity(call, this.#own);
    this.#ownHash = identityHash(this.#own.words, 0);
    if (!writeParentIdentity(call, this.#parent)) return false;
    this.#parentHash = identityHash(this.#parent.words, 0);
    return true;
  }
}
