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
  ATTR_GEN_AI_USAGE_TOTAL_TOKENS,
  INFERENCE_OPERATIONS,
  Operation,
} from "@tollgate/instrumentation/semconv";
import { AttributeKey } from "../../pdata/attribute-key.ts";
import { countAttribute, hasAttribute } from "../../pdata/attribute-read.ts";
import type { Attributes, Span } from "../../pdata/span.ts";

/** Tokens of one call; a sender that says more is not believed. */
const TOKENS_MAX = 1_000_000_000;

const INPUT = AttributeKey.of(ATTR_GEN_AI_USAGE_INPUT_TOKENS);
const OUTPUT = AttributeKey.of(ATTR_GEN_AI_USAGE_OUTPUT_TOKENS);
const TOTAL = AttributeKey.of(ATTR_GEN_AI_USAGE_TOTAL_TOKENS);
const CACHE_READ = AttributeKey.of(ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS);
const CACHE_WRITE = AttributeKey.of(ATTR_GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS);
const REASONING = AttributeKey.of(ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS);

const WITHOUT_OUTPUT: ReadonlySet<string> = new Set([Operation.embeddings, Operation.rerank]);

/**
 * Instrumentations that pass on Anthropic's `input_tokens`, which excludes caches (recorded: docs/dialects.md). Some say nothing of
 * caches at all: what a call cost is not less than what is known then.
 */
const EXCLUDES_CACHE: ReadonlySet<string> = new Set([
  "@traceloop/instrumentation-anthropic",
  "@openlit/instrumentation-anthropic",
  "@arizeai/openinference-instrumentation-bedrock",
  "@opentelemetry/instrumentation-aws-sdk",
  "opentelemetry.instrumentation.bedrock",
  "opentelemetry.instrumentation.botocore.bedrock-runtime",
]);

/**
 * Of what a Claude's cache was given for how long LangChain tells the parts, and no sum any more; these pass on the sum, which is zero then
 * (recorded). Shorter prompts are not cached. https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 */
const HIDES_CACHE_WRITES: ReadonlySet<string> = new Set(["opentelemetry.instrumentation.langchain"]);
const CACHED_TOKENS_MIN = 1024;
const CLAUDE = /claude/i;

/** Whether the sender counts caches beside the input, and keeps them to itself. */
function hidesCaches({ attributes, scope }: Pick<Span, "attributes" | "scope">): boolean {
  return (
    EXCLUDES_CACHE.has(scope.name) && !hasAttribute(attributes, CACHE_READ) && !hasAttribute(attributes, CACHE_WRITE)
  );
}

function hidesCacheWrites({ scope, facts }: Pick<Span, "scope" | "facts">): boolean {
  const fresh = facts.inputTokens - facts.cacheReadTokens;
  return (
    HIDES_CACHE_WRITES.has(scope.name) &&
    fresh >= CACHED_TOKENS_MIN &&
    facts.cacheWriteTokens === 0 &&
    CLAUDE.test(facts.model)
  );
}

/** What the span's dialects know of how its sender counts. */
export interface Counted {
  /** Input does not include what was cached. */
  isCacheBeside: boolean;
  /** Output does not include what was thought. */
  isReasoningBeside: boolean;
  /** A part of it is not told. */
  isPartial: boolean;
}

/** Fills the tokens of `span.facts` from the current names. What is no count is not there. */
export function readUsage(span: Span, counted: Counted): void {
  const { attributes, scope, facts } = span;
  const isTold = hasAttribute(attributes, INPUT) || hasAttribute(attributes, OUTPUT);
  const { input, output, rest } = readTold(attributes, facts.operation);
  facts.cacheReadTokens = tokensAt(attributes, CACHE_READ) ?? 0;
  facts.cacheWriteTokens = tokensAt(attributes, CACHE_WRITE) ?? 0;
  facts.reasoningTokens = tokensAt(attributes, REASONING) ?? 0;
  const cached = facts.cacheReadTokens + facts.cacheWriteTokens;
  const { reasoningTokens: reasoning } = facts;
  // No call of a model uses nothing: zeros are how senders fill in what they did not learn.
  facts.hasUsage = input + output > 0 || (isTold && cached + reasoning > 0);
  facts.inputTokens = input;
  facts.outputTokens = output;
  if (!facts.hasUsage) return;
  facts.isUsagePartial = counted.isPartial || hidesCaches(span) || hidesCacheWrites(span);
  const isBoth = rest > 0 && rest === cached + reasoning;
  // A part is never larger than its whole: then the sender counts it beside. So it does where its total says that there is more.
  if (
    cached > 0 &&
    (cached > input || counted.isCacheBeside || EXCLUDES_CACHE.has(scope.name) || isBoth || rest === cached)
  )
    facts.inputTokens += cached;
  if (reasoning > 0 && (counted.isReasoningBeside || reasoning > output || isBoth || rest === reasoning))
    facts.outputTokens += reasoning;
  const untold = rest - (facts.inputTokens - input) - (facts.outputTokens - output);
  if (untold <= 0) return;
  // In the total, and nobody says as what (Gemini's thoughts): as the dearer part.
  facts.outputTokens += untold;
  facts.isUsagePartial = true;
}

/** Input and output as told, or as a total tells them, and what is in the total beyond both. */
interface Told {
  readonly input: number;
  readonly output: number;
  readonly rest: number;
}

/** Of a total alone nobody knows the parts: it is taken for output, which is the dearer one, but where there is none. */
function readTold(attributes: Attributes, operation: string): Told {
  const input = tokensAt(attributes, INPUT) ?? 0;
  const output = tokensAt(attributes, OUTPUT) ?? 0;
  const rest = INFERENCE_OPERATIONS.has(operation) ? (tokensAt(attributes, TOTAL) ?? 0) - input - output : 0;
  if (rest <= 0) return { input, output, rest: 0 };
  if (input > 0 && output > 0) return { input, output, rest };
  const isOutput = output === 0 && !WITHOUT_OUTPUT.has(operation);
  return isOutput ? { input, output: rest, rest: 0 } : { input: input + rest, output, rest: 0 };
}

function tokensAt(attributes: Attributes, key: AttributeKey): number | undefined {
  return countAttribute(attributes, key, TOKENS_MAX);
}
