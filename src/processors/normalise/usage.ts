/**
 * Tokens by the conventions: caches are part of the input, reasoning of the output. Providers and instrumentations differ:
 * Anthropic counts caches beside the input, and some instrumentations pass that on under the conventions' names.
 */
import {
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
} from "@tollgate/instrumentation/semconv";
import { countAttribute } from "../../pdata/attribute-read.ts";
import type { Attributes, Span } from "../../pdata/span.ts";

/** Tokens of one call; a sender that says more is not believed. */
const TOKENS_MAX = 1_000_000_000;

/** Instrumentations that pass on Anthropic's `input_tokens`, which excludes caches (recorded: docs/dialects.md). */
const EXCLUDES_CACHE: ReadonlySet<string> = new Set([
  "@traceloop/instrumentation-anthropic",
  "@openlit/instrumentation-anthropic",
]);

/** Fills the tokens of `span.facts` from the current names. What is no count is not there. */
export function readUsage({ attributes, scope, facts }: Span): void {
  const input = tokensAt(attributes, ATTR_GEN_AI_USAGE_INPUT_TOKENS);
  const output = tokensAt(attributes, ATTR_GEN_AI_USAGE_OUTPUT_TOKENS);
  facts.hasUsage = input !== undefined || output !== undefined;
  facts.cacheReadTokens = tokensAt(attributes, ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS) ?? 0;
  facts.cacheWriteTokens = tokensAt(attributes, ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS) ?? 0;
  facts.reasoningTokens = tokensAt(attributes, ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS) ?? 0;
  facts.inputTokens = input ?? 0;
  facts.outputTokens = output ?? 0;
  if (!facts.hasUsage) return;
  const cached = facts.cacheReadTokens + facts.cacheWriteTokens;
  // A part is never larger than its whole: then the sender counts it beside.
  if (cached > facts.inputTokens || (cached > 0 && EXCLUDES_CACHE.has(scope.name))) facts.inputTokens += cached;
  if (facts.reasoningTokens > facts.outputTokens) facts.outputTokens += facts.reasoningTokens;
}

function tokensAt(attributes: Attributes, key: string): number | undefined {
  return countAttribute(attributes, key, TOKENS_MAX);
}
