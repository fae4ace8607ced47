/**
 * What the provider simulator counted, by hand from its own bills: the calls that the scenarios of the recorder make. Nothing here is
 * computed by the code under test.
 */
export interface ExpectedCall {
  readonly provider: string;
  readonly requestModel: string;
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly costNanoUsd: bigint;
  readonly costStatus: "exact" | "estimated" | "unpriced" | "missing";
}

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

export function call(provider: string, models: readonly [string, string], rest: Partial<ExpectedCall>): ExpectedCall {
  const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
  const [requestModel, model] = models;
  return { provider, requestModel, model, ...none, costNanoUsd: 0n, costStatus: "exact", ...rest };
}

const GPT_4O = ["gpt-4o", "gpt-4o-2024-08-06"] as const;
export const MINI = ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"] as const;
const HAIKU = ["claude-haiku-4-5", "claude-haiku-4-5-20251001"] as const;

/** scenarios/calls.mjs: `callOpenai`. */
export const PLAIN = call("openai", MINI, { inputTokens: 12, outputTokens: 62, costNanoUsd: 39_000n });
export const UNCACHED = call("openai", GPT_4O, { inputTokens: 1333, outputTokens: 56, costNanoUsd: 3_892_500n });
export const CACHED = call("openai", GPT_4O, {
  inputTokens: 1333,
  outputTokens: 87,
  cacheReadTokens: 1280,
  costNanoUsd: 2_602_500n,
});
export const REASONED = call("openai", GPT_4O, {
  inputTokens: 15,
  outputTokens: 52,
  reasoningTokens: 26,
  costNanoUsd: 557_500n,
});
export const STREAMED = call("openai", MINI, { inputTokens: 11, outputTokens: 44, costNanoUsd: 28_050n });
export const RESPONSE = call("openai", MINI, {
  inputTokens: 14,
  outputTokens: 60,
  reasoningTokens: 30,
  costNanoUsd: 38_100n,
});
export const UNKNOWN_GPT = call("openai", ["gpt-unknown", "gpt-unknown"], { costStatus: "missing" });

/** scenarios/calls.mjs: `callAnthropic`. */
export const CLAUDE_PLAIN = call("anthropic", HAIKU, { inputTokens: 12, outputTokens: 54, costNanoUsd: 282_000n });
export const CLAUDE_WRITE = call("anthropic", HAIKU, {
  inputTokens: 1333,
  outputTokens: 93,
  cacheWriteTokens: 1323,
  costNanoUsd: 2_128_750n,
});
export const CLAUDE_READ = call("anthropic", HAIKU, {
  inputTokens: 1333,
  outputTokens: 47,
  cacheReadTokens: 1323,
  costNanoUsd: 377_300n,
});
export const CLAUDE_STREAMED = call("anthropic", HAIKU, {
  inputTokens: 1333,
  outputTokens: 95,
  cacheReadTokens: 1323,
  costNanoUsd: 617_300n,
});
export const UNKNOWN_CLAUDE = call("anthropic", ["claude-unknown", "claude-unknown"], { costStatus: "missing" });
export const ANTHROPIC = [CLAUDE_PLAIN, CLAUDE_WRITE, CLAUDE_READ, CLAUDE_STREAMED, UNKNOWN_CLAUDE];

/** scenarios/vercel-calls.mjs. */
export const VERCEL = [
  call("openai", MINI, { inputTokens: 82, outputTokens: 112, costNanoUsd: 79_500n }),
  call("openai", MINI, { inputTokens: 117, outputTokens: 22, costNanoUsd: 30_750n }),
  UNCACHED,
  CACHED,
  RESPONSE,
  STREAMED,
  call("anthropic", HAIKU, {
    inputTokens: 1333,
    outputTokens: 54,
    cacheWriteTokens: 1323,
    costNanoUsd: 1_933_750n,
  }),
  call("anthropic", HAIKU, { inputTokens: 1333, outputTokens: 22, cacheReadTokens: 1323, costNanoUsd: 252_300n }),
  call("openai", MINI, { inputTokens: 8, outputTokens: 89, costNanoUsd: 54_600n }),
  UNKNOWN_GPT,
];

/** Older versions ask in other words, which the simulator counts. */
export const vercel = (tools: readonly [ExpectedCall, ExpectedCall], more: Readonly<Record<number, ExpectedCall>>) =>
  [...tools, ...VERCEL.slice(2)].map((expected, index) => more[index] ?? expected);

/** scenarios/bedrock-calls.mjs. */
const CLAUDE_ON_BEDROCK = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
export const claudeOnBedrock = (usage: Partial<ExpectedCall>): ExpectedCall =>
  call("aws.bedrock", [CLAUDE_ON_BEDROCK, CLAUDE_ON_BEDROCK], usage);
export const BEDROCK = [
  claudeOnBedrock({ inputTokens: 12, outputTokens: 96, costNanoUsd: 541_200n }),
  claudeOnBedrock({ inputTokens: 11, outputTokens: 32, costNanoUsd: 188_100n }),
  claudeOnBedrock({ inputTokens: 12, outputTokens: 72, costNanoUsd: 409_200n }),
  claudeOnBedrock({ inputTokens: 1333, outputTokens: 37, costNanoUsd: 1_669_800n }),
  claudeOnBedrock({ inputTokens: 1333, outputTokens: 73, cacheReadTokens: 1280, costNanoUsd: 600_600n }),
  claudeOnBedrock({ inputTokens: 12, outputTokens: 24, costNanoUsd: 145_200n }),
];
export const UNKNOWN_ON_BEDROCK = call("aws.bedrock", ["unknown.model-v1:0", "unknown.model-v1:0"], {
  costStatus: "missing",
});

/** scenarios/langchain-otel.mjs. */
export const TOLD_TWICE: readonly [ExpectedCall, ExpectedCall, ExpectedCall, ExpectedCall] = [
  call("openai", GPT_4O, { inputTokens: 12, outputTokens: 111, costNanoUsd: 1_140_000n }),
  call("openai", GPT_4O, { inputTokens: 11, outputTokens: 45, costNanoUsd: 477_500n }),
  call("openai", GPT_4O, { inputTokens: 12, outputTokens: 54, costNanoUsd: 570_000n }),
  call("openai", GPT_4O, { inputTokens: 12, outputTokens: 35, costNanoUsd: 380_000n }),
];

/** Twice at the same time. */
export const TOLD_BESIDE_ITS_LIKE = call("openai", GPT_4O, { inputTokens: 8, outputTokens: 84, costNanoUsd: 860_000n });

/** The instrumentation does not say which part of the input came from the cache: priced in full. */
export const CACHE_UNSAID = { ...CACHED, cacheReadTokens: 0, costNanoUsd: 4_202_500n };
/** MLflow names the provider of Anthropic's calls only. */
export const withoutProvider = (expected: ExpectedCall): ExpectedCall => ({
  ...expected,
  costStatus: expected.costStatus === "exact" ? "estimated" : expected.costStatus,
});
/** And one model of theirs: the one that was asked for. */
export const asAsked = (expected: ExpectedCall): ExpectedCall => ({ ...expected, model: expected.requestModel });
export const withoutReasoning = (expected: ExpectedCall): ExpectedCall => ({ ...expected, reasoningTokens: 0 });
/** Langfuse knows one name of a model, and no provider. */
export const guessed = (expected: ExpectedCall, name = expected.model): ExpectedCall => ({
  ...expected,
  requestModel: name,
  model: name,
  costStatus: expected.costStatus === "exact" ? "estimated" : expected.costStatus,
});
/** LangChain as well, but it names the provider. */
export const chained = (expected: ExpectedCall): ExpectedCall => ({ ...expected, model: expected.requestModel });

export const NOBODY = { session: "", user: "", tools: [], agents: [], aggregates: 0, differs: {} } as const;
export const SOMEBODY = { session: "session-7", user: "user-9", tools: ["order_lookup"], agents: ["planner"] } as const;
