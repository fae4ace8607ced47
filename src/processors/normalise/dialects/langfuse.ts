/**
 * Langfuse, `langfuse.*`. https://langfuse.com/integrations/native/opentelemetry · …/docs/observability/features/token-and-cost-tracking
 * Usage is a JSON object whose keys are kinds of tokens: those with `input` in their name add up to the input, those with
 * `output` to the output. Langfuse names no provider.
 */
import { Operation } from "@tollgate/instrumentation/semconv";
import { textAttribute } from "../../../pdata/attribute-read.ts";
import type { AttributeValue } from "../../../pdata/span.ts";
import type { Dialect, Reading } from "../dialect.ts";
import { jsonAttribute, langchainCacheWrites, numberMember } from "../json-attribute.ts";

const OPERATIONS: ReadonlyMap<string, string> = new Map([
  ["generation", Operation.chat],
  ["embedding", Operation.embeddings],
  ["tool", Operation.executeTool],
  ["agent", Operation.invokeAgent],
  ["chain", Operation.invokeWorkflow],
]);

/** The keys of OpenAI's own usage: they are no kinds that add up, and their totals include the details. */
const INPUT_TOTALS = ["prompt_tokens", "promptTokens", "input_tokens", "inputTokens"];
const OUTPUT_TOTALS = ["completion_tokens", "completionTokens", "output_tokens", "outputTokens"];
const TOTALS = ["total", "total_tokens", "totalTokens"];
const CACHE_READS = ["input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cached"];
const CACHE_WRITES = ["cache_creation_input_tokens", "input_cache_creation", "input_cache_write_tokens"];
const INPUT_AUDIO = ["input_audio_tokens", "input_audio"];
const OUTPUT_AUDIO = ["output_audio_tokens", "output_audio"];
const REASONING = ["output_reasoning_tokens", "output_reasoning", "reasoning_tokens"];

export const langfuse: Dialect = {
  name: "Langfuse",
  prefixes: ["langfuse."],
  read({ name, attributes }) {
    const text = (key: string): string => textAttribute(attributes, key);
    const type = text("langfuse.observation.type");
    const model = text("langfuse.observation.model.name");
    return {
      operation: OPERATIONS.get(type),
      // LangChain's callbacks know both of what was asked for.
      provider: text("langfuse.observation.metadata.ls_provider"),
      requestModel: text("langfuse.observation.metadata.ls_model_name") || model,
      responseModel: model,
      tool: type === "tool" ? name : "",
      agent: type === "agent" ? name : "",
      session: text("langfuse.session.id"),
      user: text("langfuse.user.id"),
      reportedUsd: totalUsd(jsonAttribute(attributes, "langfuse.observation.cost_details")),
      isFailed: text("langfuse.observation.level") === "ERROR",
      ...readUsage(jsonAttribute(attributes, "langfuse.observation.usage_details")),
    };
  },
};

type Usage = Pick<Reading, Extract<keyof Reading, `${string}Tokens`>>;

function readUsage(details: Readonly<Record<string, unknown>>): Usage {
  return {
    inputTokens: total(details, { kind: "input", totals: INPUT_TOTALS }),
    outputTokens: total(details, { kind: "output", totals: OUTPUT_TOTALS }),
    totalTokens: first(details, TOTALS),
    cacheReadTokens: first(details, CACHE_READS),
    ...langchainCacheWrites(details, { sum: first(details, CACHE_WRITES), prefix: "input_" }),
    reasoningTokens: first(details, REASONING),
    inputAudioTokens: first(details, INPUT_AUDIO),
    outputAudioTokens: first(details, OUTPUT_AUDIO),
  };
}

/** Langfuse's rule is that the kinds add up, but `{input, output, total}` with details inside is sent too: the total tells. */
function total(
  details: Readonly<Record<string, unknown>>,
  { kind, totals }: { readonly kind: "input" | "output"; readonly totals: readonly string[] },
): AttributeValue | undefined {
  const bare = numberMember(details, kind);
  if (bare === undefined) return first(details, totals);
  const { input, output } = details;
  if (typeof input === "number" && typeof output === "number" && details["total"] === input + output) return bare;
  let sum = 0;
  for (const [key, value] of Object.entries(details)) {
    if (!key.includes(kind)) continue;
    // One that is no count spoils the sum: better none than a wrong one.
    if (typeof value !== "number") return undefined;
    sum += value;
  }
  return sum;
}

/** The total, or what the kinds add up to where only they are told. */
function totalUsd(details: Readonly<Record<string, unknown>>): AttributeValue | undefined {
  const told = numberMember(details, "total");
  if (told !== undefined) return told;
  const kinds = Object.values(details).filter((value) => typeof value === "number");
  return kinds.length === 0 ? undefined : kinds.reduce((sum, value) => sum + value, 0);
}

function first(details: Readonly<Record<string, unknown>>, keys: readonly string[]): AttributeValue | undefined {
  for (const key of keys) {
    const value = numberMember(details, key);
    if (value !== undefined) return value;
  }
  return undefined;
}
