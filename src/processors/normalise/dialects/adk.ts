/**
 * Google's Agent Development Kit before 2.0 (recorded: 1.14 and 1.39, docs/dialects.md): `call_llm` around each call, without a name of the
 * operation, with itself as the provider and Gemini's count of the answer's words without what was thought. From some version on the call's own
 * span lies in it, which tells less: neither what was cached nor what was thought. All of it stands in the answer, unless that is left out.
 */
import { ATTR_GEN_AI_REQUEST_MODEL, Operation } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { AttributeValue } from "../../../pdata/span.ts";
import type { Dialect } from "../dialect.ts";

const SCOPE = "gcp.vertex.agent";
const AROUND_CALL = "call_llm";
const REASONING = "gen_ai.usage.experimental.reasoning_tokens";
/** In the words of a model its quotation marks would be escaped. */
const USAGE = '"usage_metadata":{';
const USAGE_LENGTH_MAX = 2_048;
const CACHED = /"cached_content_token_count":(\d{1,10})\b/;
const THOUGHTS = /"thoughts_token_count":(\d{1,10})\b/;

export const adk: Dialect = {
  name: "Agent Development Kit",
  prefixes: ["gcp.vertex.agent."],
  read({ name, scope, attributes }) {
    const session = textAttribute(attributes, "gcp.vertex.agent.session_id");
    if (scope.name !== SCOPE) return { session };
    if (name !== AROUND_CALL) return { session, isToldAbove: scope.version.startsWith("1.") };
    const usage = usageIn(textAttribute(attributes, "gcp.vertex.agent.llm_response"));
    return {
      session,
      operation: Operation.generateContent,
      cacheReadTokens: countIn(usage, CACHED),
      reasoningTokens: countIn(usage, THOUGHTS) ?? attributes.get(REASONING),
      // Others' models are called through LiteLLM, which counts it in.
      isReasoningBeside: textAttribute(attributes, ATTR_GEN_AI_REQUEST_MODEL).includes("gemini"),
      isPartial: usage === "",
    };
  },
};

/** The end of an answer's JSON. */
function usageIn(response: string): string {
  const start = response.lastIndexOf(USAGE);
  return start < 0 ? "" : response.slice(start, start + USAGE_LENGTH_MAX);
}

function countIn(usage: string, pattern: RegExp): AttributeValue | undefined {
  const [, digits] = pattern.exec(usage) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
