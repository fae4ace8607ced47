/** As expected-calls.ts, of frameworks and of Bedrock's instrumentations in Python. */
import {
  asAsked,
  BEDROCK,
  CACHE_UNSAID,
  CACHED,
  call,
  CLAUDE_PLAIN,
  CLAUDE_READ,
  CLAUDE_STREAMED,
  CLAUDE_WRITE,
  claudeOnBedrock,
  type ExpectedCall,
  type ExpectedScenario,
  NOBODY,
  PLAIN,
  REASONED,
  RESPONSE,
  STREAMED,
  UNCACHED,
  UNKNOWN_GPT,
  UNKNOWN_ON_BEDROCK,
  withoutReasoning,
} from "./scenario-calls.ts";

const estimated = (expected: ExpectedCall): ExpectedCall => ({ ...expected, costStatus: "estimated" });
const untold = (expected: ExpectedCall): ExpectedCall =>
  call(expected.provider, [expected.requestModel, expected.requestModel], { costStatus: "missing" });
/** The model that answered is the only one that is named. */
const answered = (expected: ExpectedCall): ExpectedCall => ({ ...expected, requestModel: expected.model });
const NOTHING = call("", ["", ""], { costStatus: "missing" });

/** OpenLLMetry leaves the region group out of the names of inference profiles. */
const withoutGroup = (name: string): string => name.replace("us.anthropic.", "");
const STREAM_UNSAID = claudeOnBedrock({ costStatus: "missing" });
const CACHE_UNSAID_ON_BEDROCK = claudeOnBedrock({ inputTokens: 53, outputTokens: 73, costNanoUsd: 459_800n });

export const PYTHON: Readonly<Record<string, ExpectedScenario>> = {
  "openinference-langchain-python": {
    ...NOBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHED,
      REASONED,
      asAsked(STREAMED),
      asAsked(RESPONSE),
      CLAUDE_PLAIN,
      CLAUDE_WRITE,
      CLAUDE_READ,
      asAsked(CLAUDE_STREAMED),
      UNKNOWN_GPT,
    ],
  },
  "openllmetry-langchain-python": {
    ...NOBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHED,
      withoutReasoning(REASONED),
      asAsked(STREAMED),
      asAsked(withoutReasoning(RESPONSE)),
      CLAUDE_PLAIN,
      estimated({ ...CLAUDE_WRITE, cacheWriteTokens: 0, costNanoUsd: 1_798_000n }),
      CLAUDE_READ,
      asAsked(CLAUDE_STREAMED),
      UNKNOWN_GPT,
    ],
    differs: { 7: "sends a zero for what was written to the cache" },
  },
  "otel-openai-python-2-4": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED), STREAMED, UNKNOWN_GPT],
    differs: { 2: "sends no cached tokens" },
    silent: [5],
  },
  "llamaindex-python": {
    ...NOBODY,
    calls: [
      ...[PLAIN, UNCACHED, CACHED, REASONED, untold(STREAMED)].map(asAsked),
      asAsked({ ...CLAUDE_PLAIN, inputTokens: 15, outputTokens: 32, costNanoUsd: 175_000n }),
      call("openai", ["gpt-4o-mini", "gpt-4o-mini"], { inputTokens: 86, outputTokens: 62, costNanoUsd: 50_100n }),
      call("openai", ["gpt-4o-mini", "gpt-4o-mini"], { inputTokens: 121, outputTokens: 55, costNanoUsd: 51_150n }),
      // It was asked for another one, in the call.
      call("openai", ["gpt-4o", "gpt-4o"], { costStatus: "missing" }),
    ],
    differs: { 4: "does not ask for the usage of a stream" },
    tools: ["order_lookup"],
  },
  "otel-bedrock-python": {
    ...NOBODY,
    calls: [...[...BEDROCK.slice(0, 4), CACHE_UNSAID_ON_BEDROCK].map(estimated), STREAM_UNSAID, UNKNOWN_ON_BEDROCK],
    differs: { 4: "sends no cached tokens", 5: "sends no usage of raw streams" },
  },
  "openllmetry-bedrock-python": {
    ...NOBODY,
    calls: [
      ...BEDROCK.slice(0, 2).map((expected) => ({ ...expected, model: withoutGroup(expected.model) })),
      ...BEDROCK.slice(2, 4),
      CACHE_UNSAID_ON_BEDROCK,
      ...BEDROCK.slice(5),
    ]
      .map((expected) => estimated({ ...expected, requestModel: withoutGroup(expected.requestModel) }))
      .concat(call("aws.bedrock", ["model-v1:0", "model-v1:0"], { costStatus: "missing" })),
    differs: { 4: "sends no cached tokens" },
  },
  "openinference-bedrock-python": { ...NOBODY, calls: [...BEDROCK, UNKNOWN_ON_BEDROCK] },
  smolagents: {
    ...NOBODY,
    calls: [
      ...[PLAIN, UNCACHED, CACHE_UNSAID, STREAMED].map(asAsked),
      call("openai", ["gpt-4o-mini", "gpt-4o-mini"], { inputTokens: 964, outputTokens: 115, costNanoUsd: 213_600n }),
      call("openai", ["gpt-4o-mini", "gpt-4o-mini"], { inputTokens: 1006, outputTokens: 56, costNanoUsd: 184_500n }),
      NOTHING,
      NOTHING,
    ],
    differs: { 2: "sends no cached tokens", 6: "says nothing of the answer that ends a run of too many steps" },
    tools: ["order_lookup"],
    aggregates: 1,
  },
  dspy: {
    ...NOBODY,
    calls: [...[PLAIN, UNCACHED, CACHED, REASONED, CLAUDE_PLAIN].map(untold), UNKNOWN_GPT],
    differs: Object.fromEntries([0, 1, 2, 3, 4].map((place) => [place, "sends no usage"])),
  },
  haystack: {
    ...NOBODY,
    calls: [...[PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED), STREAMED].map(answered), NOTHING],
    differs: { 2: "sends no cached tokens" },
  },
};
