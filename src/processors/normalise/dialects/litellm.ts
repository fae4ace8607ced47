/**
 * LiteLLM's OpenTelemetry callback, SDK and proxy: the GenAI conventions, and beside them what the provider counted in parts, as the text that
 * Python makes of a dictionary (recorded: docs/dialects.md). Its input includes what was cached.
 */
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Attributes, AttributeValue } from "../../../pdata/span.ts";
import type { Dialect } from "../dialect.ts";

/** A longer one is not looked through: it is a line of counts. */
const LENGTH_MAX = 16_384;
const PARTS = {
  cacheReadTokens: /'cached_tokens': (\d{1,10})\b/,
  cacheWriteTokens: /'(?:cache_write_tokens|cache_creation_tokens|cache_creation_input_tokens)': (\d{1,10})\b/,
  reasoningTokens: /'reasoning_tokens': (\d{1,10})\b/,
} as const;

export const litellm: Dialect = {
  name: "LiteLLM",
  prefixes: ["litellm.", "metadata.usage_object"],
  read({ attributes }) {
    const usage = usageOf(attributes);
    return {
      cacheReadTokens: partOf(usage, PARTS.cacheReadTokens),
      cacheWriteTokens: partOf(usage, PARTS.cacheWriteTokens),
      reasoningTokens: partOf(usage, PARTS.reasoningTokens),
      user: textAttribute(attributes, "metadata.user_api_key_end_user_id"),
    };
  },
};

function usageOf(attributes: Attributes): string {
  const text = textAttribute(attributes, "metadata.usage_object");
  return text.length > LENGTH_MAX ? "" : text;
}

function partOf(usage: string, part: RegExp): AttributeValue | undefined {
  const [, digits] = part.exec(usage) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
