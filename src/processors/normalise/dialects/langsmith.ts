/**
 * LangSmith's spans of OpenTelemetry (`langsmith/experimental/otel`): the GenAI conventions, and beside them the parts of the usage as JSON.
 * Its input includes what was cached, its output what was reasoned.
 */
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { Dialect } from "../dialect.ts";
import { jsonAttribute, langchainCacheWrites, numberMember } from "../json-attribute.ts";

export const langsmith: Dialect = {
  name: "LangSmith",
  prefixes: ["langsmith."],
  read({ attributes }) {
    const text = (key: string): string => textAttribute(attributes, key);
    const input = jsonAttribute(attributes, "gen_ai.usage.input_token_details");
    const output = jsonAttribute(attributes, "gen_ai.usage.output_token_details");
    return {
      session: text("langsmith.metadata.session_id") || text("langsmith.metadata.thread_id"),
      user: text("langsmith.metadata.user_id"),
      cacheReadTokens: numberMember(input, "cache_read"),
      ...langchainCacheWrites(input, { sum: numberMember(input, "cache_creation") }),
      inputAudioTokens: numberMember(input, "audio"),
      reasoningTokens: numberMember(output, "reasoning"),
      outputAudioTokens: numberMember(output, "audio"),
    };
  },
};
