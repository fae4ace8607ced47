/** What a call used, as prices are by: the tokens of `span.facts`, and their parts and fees from the attributes. */
import type { HostedCalls, MediaTokens, TokenUsage } from "@tollgate/instrumentation/pricing";
import {
  ATTR_TOLLGATE_SERVICE_TIER,
  ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
  ATTR_TOLLGATE_USAGE_FILE_SEARCHES,
  ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_WEB_SEARCHES,
} from "@tollgate/instrumentation/semconv";
import { countAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import type { Attributes, Span } from "../../pdata/span.ts";

/** Searches of one call; a sender that says more is not believed. */
const SEARCHES_MAX = 1_000_000;

/** Where senders say how a call was served: OpenTelemetry's conventions (now, before), and the gate. */
const TIER_KEYS = [
  ATTR_TOLLGATE_SERVICE_TIER,
  "openai.response.service_tier",
  "gen_ai.openai.response.service_tier",
  "anthropic.response.service_tier",
] as const;

/** `batch`, `flex`, `priority`, … as sent; "" when nothing is said, which is the usual way. */
export function serviceTier(attributes: Attributes): string {
  for (const key of TIER_KEYS) {
    const tier = textAttribute(attributes, key);
    if (tier !== "") return tier;
  }
  return "";
}

/** A part is never larger than its whole: what claims to be is cut to it. */
export function usageOf({ attributes, facts }: Pick<Span, "attributes" | "facts">): TokenUsage {
  const part = (key: string, whole: number): number =>
    Math.min(countAttribute(attributes, key, Number.MAX_SAFE_INTEGER) ?? 0, whole);
  const audio: MediaTokens = {
    input: part(ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS, facts.inputTokens),
    cacheRead: part(ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS, facts.cacheReadTokens),
    output: part(ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS, facts.outputTokens),
  };
  const image: MediaTokens = {
    input: part(ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS, facts.inputTokens),
    cacheRead: 0,
    output: part(ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS, facts.outputTokens),
  };
  const hostedCalls: HostedCalls = {
    webSearches: countAttribute(attributes, ATTR_TOLLGATE_USAGE_WEB_SEARCHES, SEARCHES_MAX) ?? 0,
    fileSearches: countAttribute(attributes, ATTR_TOLLGATE_USAGE_FILE_SEARCHES, SEARCHES_MAX) ?? 0,
  };
  return {
    input: facts.inputTokens,
    output: facts.outputTokens,
    cacheRead: facts.cacheReadTokens,
    cacheWrite: facts.cacheWriteTokens,
    cacheWrite1h: part(ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS, facts.cacheWriteTokens),
    reasoning: facts.reasoningTokens,
    ...(audio.input + audio.output === 0 ? {} : { audio }),
    ...(image.input + image.output === 0 ? {} : { image }),
    ...(hostedCalls.webSearches + hostedCalls.fileSearches === 0 ? {} : { hostedCalls }),
  };
}
