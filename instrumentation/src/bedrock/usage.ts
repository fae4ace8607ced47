import { asBody, asCount } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import type { TokenUsage } from "../pricing/price-book.ts";

/**
 * `usage` of Converse and of Amazon's own models. Tokens read from and written to the cache are counted beside `inputTokens`.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
 */
export function readConverseUsage(usage: Body | undefined): TokenUsage | undefined {
  const input = asCount(usage?.["inputTokens"]);
  const output = asCount(usage?.["outputTokens"]);
  if (usage === undefined || input === undefined || output === undefined) return undefined;
  const cacheRead = asCount(usage["cacheReadInputTokens"] ?? usage["cacheReadInputTokenCount"]) ?? 0;
  const cacheWrite = asCount(usage["cacheWriteInputTokens"] ?? usage["cacheWriteInputTokenCount"]) ?? 0;
  return {
    input: input + cacheRead + cacheWrite,
    output,
    cacheRead,
    cacheWrite,
    cacheWrite1h: longLived(usage),
    reasoning: 0,
  };
}

/**
 * What is billed beside the tokens and told in no count: guardrails, by the unit of text and of each of their policies, and tools that Bedrock
 * runs. https://aws.amazon.com/bedrock/pricing
 */
export function withFees(usage: TokenUsage | undefined): TokenUsage | undefined {
  return usage && { ...usage, hostedCalls: { webSearches: 0, fileSearches: 0, others: 1 } };
}

function longLived(usage: Body): number {
  const details = usage["cacheDetails"];
  if (!Array.isArray(details)) return 0;
  return details.reduce<number>((sum, value) => {
    const detail = asBody(value);
    return detail?.["ttl"] === "1h" ? sum + (asCount(detail["inputTokens"]) ?? 0) : sum;
  }, 0);
}

/** Counts that Bedrock itself gives beside a model's own answer: in headers, or with a stream's last event. */
export function readPlainCounts(input: unknown, output: unknown): TokenUsage | undefined {
  const [inputTokens, outputTokens] = [countOf(input), countOf(output) ?? 0];
  if (inputTokens === undefined) return undefined;
  return { input: inputTokens, output: outputTokens, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 };
}

function countOf(value: unknown): number | undefined {
  return asCount(typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value);
}
