import {
  ATTR_ERROR_TYPE,
  ATTR_GEN_AI_AGENT_NAME,
  ATTR_GEN_AI_OPERATION_NAME,
  ATTR_GEN_AI_PROVIDER_NAME,
  ATTR_GEN_AI_REQUEST_MODEL,
  ATTR_GEN_AI_RESPONSE_ID,
  ATTR_GEN_AI_RESPONSE_MODEL,
  ATTR_GEN_AI_TOOL_CALL_ID,
  ATTR_GEN_AI_TOOL_NAME,
  ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_INPUT_TOKENS,
  ATTR_GEN_AI_USAGE_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
  ATTR_GEN_AI_USAGE_TOTAL_TOKENS,
  ATTR_GEN_AI_WORKFLOW_NAME,
  ATTR_SESSION_ID,
  ATTR_TOLLGATE_COST_REPORTED_USD,
  ATTR_TOLLGATE_SERVICE_TIER,
  ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS,
  ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS,
  ATTR_TOLLGATE_USAGE_WEB_SEARCHES,
  ATTR_USER_ID,
} from "@tollgate/instrumentation/semconv";
import type { Attributes, AttributeValue } from "../../pdata/span.ts";
import type { Reading } from "./dialect.ts";

/** Puts what a dialect said under the current names; a name that is there already stays as it is. */
export function addReading(attributes: Attributes, reading: Reading): void {
  const add = (key: string, value: AttributeValue | undefined): void => {
    if (value !== undefined && value !== "" && !attributes.has(key)) attributes.set(key, value);
  };
  add(ATTR_GEN_AI_OPERATION_NAME, reading.operation);
  add(ATTR_GEN_AI_PROVIDER_NAME, reading.provider);
  add(ATTR_GEN_AI_REQUEST_MODEL, reading.requestModel);
  add(ATTR_GEN_AI_RESPONSE_MODEL, reading.responseModel);
  add(ATTR_GEN_AI_RESPONSE_ID, reading.responseId);
  add(ATTR_GEN_AI_TOOL_NAME, reading.tool);
  add(ATTR_GEN_AI_TOOL_CALL_ID, reading.toolCallId);
  add(ATTR_GEN_AI_AGENT_NAME, reading.agent);
  add(ATTR_GEN_AI_WORKFLOW_NAME, reading.workflow);
  add(ATTR_SESSION_ID, reading.session);
  add(ATTR_USER_ID, reading.user);
  add(ATTR_GEN_AI_USAGE_INPUT_TOKENS, reading.inputTokens);
  add(ATTR_GEN_AI_USAGE_OUTPUT_TOKENS, reading.outputTokens);
  add(ATTR_GEN_AI_USAGE_TOTAL_TOKENS, reading.totalTokens);
  add(ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, reading.cacheReadTokens);
  add(ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, reading.cacheWriteTokens);
  add(ATTR_TOLLGATE_USAGE_CACHE_WRITE_1H_TOKENS, reading.cacheWrite1hTokens);
  add(ATTR_TOLLGATE_USAGE_WEB_SEARCHES, reading.webSearches);
  add(ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, reading.reasoningTokens);
  add(ATTR_TOLLGATE_USAGE_INPUT_AUDIO_TOKENS, reading.inputAudioTokens);
  add(ATTR_TOLLGATE_USAGE_OUTPUT_AUDIO_TOKENS, reading.outputAudioTokens);
  add(ATTR_TOLLGATE_SERVICE_TIER, reading.serviceTier);
  add(ATTR_TOLLGATE_COST_REPORTED_USD, usdText(reading.reportedUsd));
  if (reading.isFailed === true) add(ATTR_ERROR_TYPE, "_OTHER");
}

/** More for one call is not believed. */
const USD_MAX = 1_000_000;

/** A decimal of USD with nine places; `undefined` for what is no amount (negative, NaN, `5abc`, a million and more). */
function usdText(value: AttributeValue | undefined): string | undefined {
  const isDecimal = typeof value === "string" && /^\d{1,7}(?:\.\d{1,30})?(?:[eE]-?\d{1,2})?$/.test(value);
  const usd = isDecimal || typeof value === "bigint" ? Number(value) : value;
  return typeof usd === "number" && usd >= 0 && usd < USD_MAX ? usd.toFixed(9) : undefined;
}
