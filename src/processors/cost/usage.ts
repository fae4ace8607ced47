/** What a call used, as prices are by: the tokens of `span.facts`, and their parts and fees from the attributes. */
import {
  type HostedCalls,
  isCheaperTier,
  isUsualTier,
  type MediaTokens,
  searchesOf,
  type TokenUsage,
} from "@tollgate/instrumentation/pricing";
import {
  ATTR_TOLLGATE_SERVICE_TIER,
  ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
  ATTR_TOLLGATE_USAGE_FILE_SEARCHES,
  ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_VIDEO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_VIDEO_TOKENS,
  ATTR_TOLLGATE_USAGE_WEB_SEARCHES,
} from "@tollgate/instrumentation/semconv";
import { countAttribute, textAttribute } from "../../pdata/attribute-read.ts";
import { KeyMemo } from "../../pdata/key-memo.ts";
import type { Attributes, Span } from "../../pdata/span.ts";

/** Searches of one call; a sender that says more is not believed. */
const SEARCHES_MAX = 1_000_000;

/** Where senders say how a call was served: the gate, OpenTelemetry's conventions (now, before), LangSmith. */
const ANSWERED_KEYS = [
  ATTR_TOLLGATE_SERVICE_TIER,
  "openai.response.service_tier",
  "gen_ai.openai.response.service_tier",
  "gen_ai.response.service_tier",
  "anthropic.response.service_tier",
] as const;
/** Where they say how it was asked to be served, LiteLLM the last. */
const ASKED_KEYS = [
  "openai.request.service_tier",
  "gen_ai.openai.request.service_tier",
  "gen_ai.request.service_tier",
  "llm.openai.service_tier",
] as const;

const answeredKeys = new KeyMemo((all) => ANSWERED_KEYS.filter((key) => all.has(key)));
const askedKeys = new KeyMemo((all) => ASKED_KEYS.filter((key) => all.has(key)));

export interface ServiceTier {
  /** `batch`, `flex`, `priority`, … as sent; "" when nothing is said, which is the usual way. */
  readonly name: string;
  /** False: it was asked for, and nobody says whether it was had. */
  readonly isCertain: boolean;
}

const UNSAID: ServiceTier = { name: "", isCertain: true };

export function serviceTier(attributes: Attributes): ServiceTier {
  const answered = firstText(attributes, answeredKeys.of(attributes));
  if (answered !== "") return { name: answered, isCertain: true };
  const asked = firstText(attributes, askedKeys.of(attributes));
  if (asked === "" || isUsualTier(asked)) return UNSAID;
  // What is cheaper may have been served as usual; what is dearer is not taken for less.
  return { name: isCheaperTier(asked) ? "" : asked, isCertain: false };
}

function firstText(attributes: Attributes, keys: readonly string[]): string {
  for (const key of keys) {
    const text = textAttribute(attributes, key);
    if (text !== "") return text;
  }
  return "";
}

const PART_KEYS: ReadonlySet<string> = new Set([
  ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
  ATTR_TOLLGATE_USAGE_FILE_SEARCHES,
  ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_VIDEO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_VIDEO_TOKENS,
  ATTR_TOLLGATE_USAGE_WEB_SEARCHES,
]);

const partKeys = new KeyMemo((all) => [...all.keys()].filter((key) => PART_KEYS.has(key)));

/** A part is never larger than its whole: what claims to be is cut to it. */
export function usageOf({ attributes, facts }: Pick<Span, "attributes" | "facts">): TokenUsage {
  const usage: TokenUsage = {
    input: facts.inputTokens,
    output: facts.outputTokens,
    cacheRead: facts.cacheReadTokens,
    cacheWrite: facts.cacheWriteTokens,
    cacheWrite1h: 0,
    reasoning: facts.reasoningTokens,
  };
  // Nearly all calls are of text, and tell no more.
  const told = partKeys.of(attributes).length === 0 ? usage : withParts(usage, attributes);
  const searches = told.hostedCalls === undefined ? searchesOf(facts.model) : undefined;
  if (searches === undefined) return told;
  const hostedCalls = { webSearches: searches === "one" ? 1 : 0, fileSearches: 0, others: searches === "some" ? 1 : 0 };
  return { ...told, hostedCalls };
}

function withParts(usage: TokenUsage, attributes: Attributes): TokenUsage {
  const part = (key: string, whole: number): number =>
    Math.min(countAttribute(attributes, key, Number.MAX_SAFE_INTEGER) ?? 0, whole);
  const audio: MediaTokens = {
    input: part(ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS, usage.input),
    cacheRead: part(ATTR_TOLLGATE_USAGE_CACHE_READ_AUDIO_TOKENS, usage.cacheRead),
    output: part(ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS, usage.output),
  };
  const image: MediaTokens = {
    input: part(ATTR_TOLLGATE_USAGE_INPUT_IMAGE_TOKENS, usage.input),
    cacheRead: 0,
    output: part(ATTR_TOLLGATE_USAGE_OUTPUT_IMAGE_TOKENS, usage.output),
  };
  const video: MediaTokens = {
    input: part(ATTR_TOLLGATE_USAGE_INPUT_VIDEO_TOKENS, usage.input),
    cacheRead: 0,
    output: part(ATTR_TOLLGATE_USAGE_OUTPUT_VIDEO_TOKENS, usage.output),
  };
  const hostedCalls: HostedCalls = {
    webSearches: countAttribute(attributes, ATTR_TOLLGATE_USAGE_WEB_SEARCHES, SEARCHES_MAX) ?? 0,
    fileSearches: countAttribute(attributes, ATTR_TOLLGATE_USAGE_FILE_SEARCHES, SEARCHES_MAX) ?? 0,
  };
  return {
    ...usage,
    cacheWrite1h: part(ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS, usage.cacheWrite),
    ...(audio.input + audio.output === 0 ? {} : { audio }),
    ...(image.input + image.output === 0 ? {} : { image }),
    ...(video.input + video.output === 0 ? {} : { video }),
    ...(hostedCalls.webSearches + hostedCalls.fileSearches === 0 ? {} : { hostedCalls }),
  };
}
