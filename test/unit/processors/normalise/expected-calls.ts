/** For each dialect how what it sends falls short of what the provider counted, and what its spans mean. */
import {
  ANTHROPIC,
  BEDROCK,
  CACHED,
  call,
  CLAUDE_PLAIN,
  CLAUDE_READ,
  CLAUDE_STREAMED,
  CLAUDE_WRITE,
  claudeOnBedrock,
  MINI,
  PLAIN,
  REASONED,
  RESPONSE,
  STREAMED,
  TOLD_BESIDE_ITS_LIKE,
  TOLD_TWICE,
  UNCACHED,
  UNKNOWN_CLAUDE,
  UNKNOWN_GPT,
  UNKNOWN_ON_BEDROCK,
  VERCEL,
  vercel,
  type ExpectedCall,
} from "./scenario-calls.ts";

/** The instrumentation does not say which part of the input came from the cache: priced in full. */
const CACHE_UNSAID = { ...CACHED, cacheReadTokens: 0, costNanoUsd: 4_202_500n };
/** MLflow names the provider of Anthropic's calls only. */
const withoutProvider = (expected: ExpectedCall): ExpectedCall => ({
  ...expected,
  costStatus: expected.costStatus === "exact" ? "estimated" : expected.costStatus,
});
/** And one model of theirs: the one that was asked for. */
const asAsked = (expected: ExpectedCall): ExpectedCall => ({ ...expected, model: expected.requestModel });
const withoutReasoning = (expected: ExpectedCall): ExpectedCall => ({ ...expected, reasoningTokens: 0 });
/** Langfuse knows one name of a model, and no provider. */
const guessed = (expected: ExpectedCall, name = expected.model): ExpectedCall => ({
  ...expected,
  requestModel: name,
  model: name,
  costStatus: expected.costStatus === "exact" ? "estimated" : expected.costStatus,
});
/** LangChain as well, but it names the provider. */
const chained = (expected: ExpectedCall): ExpectedCall => ({ ...expected, model: expected.requestModel });

export interface ExpectedScenario {
  readonly calls: readonly ExpectedCall[];
  /** Places in `calls` whose tokens or cost differ from the bill, and why: limits of the sender, seen when recording. */
  readonly differs: Readonly<Record<number, string>>;
  /** Calls for which the instrumentation makes no span. */
  readonly silent?: readonly number[];
  readonly session: string;
  readonly user: string;
  readonly tools: readonly string[];
  readonly agents: readonly string[];
  /** Spans that repeat usage of others, and are labelled so. */
  readonly aggregates: number;
}

const NOBODY = { session: "", user: "", tools: [], agents: [], aggregates: 0, differs: {} } as const;
const SOMEBODY = { session: "session-7", user: "user-9", tools: ["order_lookup"], agents: ["planner"] } as const;

/** Golden file → what its spans mean. */
export const EXPECTED: Readonly<Record<string, ExpectedScenario>> = {
  "anthropic-sdk": { ...NOBODY, calls: ANTHROPIC },
  "elastic-openai": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED), STREAMED, UNKNOWN_GPT],
    differs: { 2: "sends no cached tokens" },
  },
  "otel-openai": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHE_UNSAID, ...[REASONED, STREAMED, RESPONSE].map(withoutReasoning), UNKNOWN_GPT],
    differs: { 2: "sends no cached tokens" },
  },
  openllmetry: {
    ...SOMEBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHE_UNSAID,
      withoutReasoning(REASONED),
      { ...STREAMED, inputTokens: 6, outputTokens: 46, costNanoUsd: 28_500n },
      withoutReasoning(RESPONSE),
      ...ANTHROPIC,
    ],
    differs: { 2: "sends no cached tokens", 4: "counts the tokens of a stream by itself" },
    silent: [6],
    aggregates: 0,
  },
  "openllmetry-old": {
    ...SOMEBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHE_UNSAID,
      withoutReasoning(REASONED),
      { ...STREAMED, inputTokens: 6, outputTokens: 46, costNanoUsd: 28_500n },
      { ...CLAUDE_PLAIN, costStatus: "estimated" },
      { ...CLAUDE_WRITE, inputTokens: 10, cacheWriteTokens: 0, costNanoUsd: 475_000n, costStatus: "estimated" },
      { ...CLAUDE_READ, inputTokens: 10, cacheReadTokens: 0, costNanoUsd: 245_000n, costStatus: "estimated" },
      {
        ...asAsked(CLAUDE_STREAMED),
        inputTokens: 0,
        outputTokens: 0,
        cacheReadTokens: 0,
        costNanoUsd: 0n,
        costStatus: "missing",
      },
      UNKNOWN_CLAUDE,
    ],
    differs: {
      2: "sends no cached tokens",
      4: "counts the tokens of a stream by itself",
      6: "sends no cached tokens",
      7: "sends no cached tokens",
      8: "sends no usage of Anthropic's streams",
    },
    silent: [5],
    aggregates: 0,
  },
  // The SDK's own span of each call of Anthropic's is the one that is priced.
  "openllmetry-python": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHED, REASONED, STREAMED, RESPONSE, UNKNOWN_GPT, ...ANTHROPIC.slice(0, -1)],
    aggregates: 4,
  },
  "openinference-python": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHED, REASONED, STREAMED, RESPONSE, UNKNOWN_GPT, ...ANTHROPIC],
    aggregates: 5,
  },
  // Of a stream within a function it writes over the span of the function, which stands above the others: a sum, as it seems.
  langsmith: {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHED, REASONED, RESPONSE, UNKNOWN_GPT],
    differs: {},
    silent: [4],
    session: "session-7",
    tools: ["order_lookup"],
    aggregates: 1,
  },
  litellm: {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHED, REASONED, chained(STREAMED), CLAUDE_PLAIN, CLAUDE_WRITE, CLAUDE_READ, UNKNOWN_GPT],
  },
  "pydantic-ai": {
    ...SOMEBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHED,
      REASONED,
      STREAMED,
      call("openai", MINI, { inputTokens: 69, outputTokens: 57, costNanoUsd: 44_550n }),
      call("openai", MINI, { inputTokens: 104, outputTokens: 99, costNanoUsd: 75_000n }),
      CLAUDE_PLAIN,
      UNKNOWN_GPT,
    ],
    differs: {},
    user: "",
    aggregates: 1,
  },
  openinference: {
    ...SOMEBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHED,
      REASONED,
      { ...chained(STREAMED), inputTokens: 0, outputTokens: 0, costNanoUsd: 0n, costStatus: "missing" },
      RESPONSE,
      ...ANTHROPIC,
    ],
    differs: { 4: "sends no usage of OpenAI's streams" },
    silent: [6],
    // The SDK's own span of each call of Anthropic's, or the instrumentation's around it: one of the two.
    aggregates: 5,
  },
  "langchain-openinference": {
    ...NOBODY,
    session: "session-7",
    tools: ["planner"],
    calls: [
      chained(UNCACHED),
      chained(CACHED),
      { ...chained(CACHED), outputTokens: 80, costNanoUsd: 2_532_500n },
      UNKNOWN_GPT,
    ],
  },
  "langchain-otel": {
    ...NOBODY,
    calls: TOLD_TWICE,
    // LangChain's span of each call: the SDK's ended first.
    aggregates: 4,
  },
  "langchain-openllmetry": {
    ...NOBODY,
    calls: [...TOLD_TWICE, TOLD_BESIDE_ITS_LIKE, TOLD_BESIDE_ITS_LIKE],
    aggregates: 6,
  },
  "langchain-openllmetry-both": {
    ...NOBODY,
    calls: [TOLD_TWICE[0], TOLD_TWICE[2], TOLD_BESIDE_ITS_LIKE, TOLD_BESIDE_ITS_LIKE],
    aggregates: 4,
  },
  "langfuse-langchain": {
    ...NOBODY,
    calls: TOLD_TWICE.slice(0, 3),
  },
  "otel-bedrock": {
    ...NOBODY,
    calls: [
      ...BEDROCK.slice(0, 4),
      claudeOnBedrock({ inputTokens: 53, outputTokens: 73, costNanoUsd: 459_800n }),
      claudeOnBedrock({ inputTokens: 12, outputTokens: 1, costNanoUsd: 18_700n }),
    ]
      .map((expected): ExpectedCall => ({ ...expected, costStatus: "estimated" }))
      .concat(UNKNOWN_ON_BEDROCK),
    differs: { 4: "sends no cached tokens", 5: "sends the usage that a stream begins with" },
  },
  "openinference-bedrock": {
    ...NOBODY,
    calls: [
      ...BEDROCK.slice(0, 2).map((expected): ExpectedCall => ({ ...expected, costStatus: "estimated" })),
      ...BEDROCK.slice(2).map((expected): ExpectedCall => ({
        ...expected,
        requestModel: "anthropic",
        model: "anthropic",
        costNanoUsd: 0n,
        costStatus: "unpriced",
      })),
      UNKNOWN_ON_BEDROCK,
    ],
    differs: Object.fromEntries([2, 3, 4, 5].map((place) => [place, "names the maker for the model"])),
  },
  "vercel-4": {
    ...SOMEBODY,
    calls: vercel(
      [
        call("openai", MINI, { inputTokens: 82, outputTokens: 55, costNanoUsd: 45_300n }),
        call("openai", MINI, { inputTokens: 118, outputTokens: 110, costNanoUsd: 83_700n }),
      ],
      {
        5: { ...STREAMED, inputTokens: 0, outputTokens: 0, costNanoUsd: 0n, costStatus: "missing" },
        8: call("openai", MINI, { inputTokens: 18, outputTokens: 64, costNanoUsd: 41_100n }),
      },
    ),
    differs: { 5: "does not ask OpenAI for the usage of a stream, unless `compatibility` is `strict`" },
    aggregates: 6,
  },
  "vercel-5": {
    ...SOMEBODY,
    calls: vercel(
      [
        call("openai", MINI, { inputTokens: 86, outputTokens: 56, costNanoUsd: 46_500n }),
        call("openai", MINI, { inputTokens: 121, outputTokens: 99, costNanoUsd: 77_550n }),
      ],
      { 3: CACHE_UNSAID, 4: withoutReasoning(RESPONSE) },
    ),
    differs: { 3: "sends no cached tokens" },
    aggregates: 7,
  },
  "vercel-6": { ...SOMEBODY, differs: {}, calls: VERCEL, aggregates: 7 },
  "vercel-7": { ...SOMEBODY, session: "", user: "", differs: {}, calls: VERCEL, aggregates: 7 },
  "vercel-7-legacy": { ...SOMEBODY, session: "", user: "", differs: {}, calls: VERCEL, aggregates: 7 },
  langfuse: {
    ...SOMEBODY,
    calls: [
      ...[PLAIN, UNCACHED, CACHED, REASONED].map((expected) => guessed(expected)),
      guessed(STREAMED, "gpt-4o-mini"),
      guessed(RESPONSE),
      guessed(UNKNOWN_GPT),
      guessed(CLAUDE_PLAIN),
    ],
    differs: {},
    aggregates: 0,
  },
  openlit: {
    ...NOBODY,
    session: "session-7",
    user: "user-9",
    calls: [PLAIN, UNCACHED, CACHED, withoutReasoning(REASONED), STREAMED, RESPONSE, UNKNOWN_GPT, ...ANTHROPIC],
    aggregates: 5,
  },
  mlflow: {
    ...SOMEBODY,
    session: "",
    user: "",
    tools: ["look_up"],
    agents: ["planner"],
    calls: [
      ...[PLAIN, UNCACHED, CACHED, withoutReasoning(REASONED), STREAMED, withoutReasoning(RESPONSE), UNKNOWN_GPT].map(
        withoutProvider,
      ),
      ...[CLAUDE_PLAIN, CLAUDE_WRITE, CLAUDE_READ].map(asAsked),
      {
        ...asAsked(CLAUDE_STREAMED),
        inputTokens: 0,
        outputTokens: 0,
        cacheReadTokens: 0,
        costNanoUsd: 0n,
        costStatus: "missing",
      },
      UNKNOWN_CLAUDE,
    ],
    differs: { 10: "sends no usage of Anthropic's streams" },
    aggregates: 0,
  },
};
