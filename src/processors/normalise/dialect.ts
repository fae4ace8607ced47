/**
 * What an instrumentation says of a span in words of its own. A dialect is a pure function from a span to a `Reading`;
 * `normalise` puts the readings under their current names, so that a span that speaks several dialects is one call.
 */
import type { AttributeValue, Span } from "../../pdata/span.ts";

export type SpokenSpan = Pick<Span, "name" | "scope" | "attributes">;

export interface Dialect {
  readonly name: string;
  /** How the keys begin that only this dialect has. */
  readonly prefixes: readonly string[];
  /** What the span says. "" and `undefined`: nothing. Must not throw, whatever the attributes are. */
  read(span: SpokenSpan): Reading;
}

/** The parts of a span in Tollgate's terms; tokens as they came (checked later), with caches and reasoning as subsets. */
export interface Reading {
  readonly operation?: string | undefined;
  readonly provider?: string;
  readonly requestModel?: string;
  readonly responseModel?: string;
  /** The provider's id of the answer. */
  readonly responseId?: string;
  readonly tool?: string;
  readonly toolCallId?: string;
  readonly agent?: string;
  readonly workflow?: string;
  readonly session?: string;
  readonly user?: string;
  readonly inputTokens?: AttributeValue | undefined;
  readonly outputTokens?: AttributeValue | undefined;
  readonly totalTokens?: AttributeValue | undefined;
  readonly cacheReadTokens?: AttributeValue | undefined;
  readonly cacheWriteTokens?: AttributeValue | undefined;
  /** The part of these that is kept for an hour. */
  readonly cacheWrite1hTokens?: AttributeValue | undefined;
  /** Searches of the web that the provider made. */
  readonly webSearches?: AttributeValue | undefined;
  /** Input does not include what was cached. */
  readonly isCacheBeside?: boolean;
  /** Output does not include what was thought. */
  readonly isReasoningBeside?: boolean;
  /** Some of what was used is not told. */
  readonly isPartial?: boolean;
  /** The span above tells of the same call, and of all that it used. */
  readonly isToldAbove?: boolean;
  readonly reasoningTokens?: AttributeValue | undefined;
  readonly inputAudioTokens?: AttributeValue | undefined;
  readonly outputAudioTokens?: AttributeValue | undefined;
  /** How the call was served, where that has a price of its own. */
  readonly serviceTier?: string;
  /** What the sender says the call cost, in USD. */
  readonly reportedUsd?: AttributeValue | undefined;
  readonly isFailed?: boolean;
}
