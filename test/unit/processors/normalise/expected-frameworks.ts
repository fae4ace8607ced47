/** As expected-calls.ts, of frameworks for agents and of OpenTelemetry's own instrumentations, in Python. */
import {
  ANTHROPIC,
  asAsked,
  CACHE_UNSAID,
  CACHED,
  call,
  CLAUDE_PLAIN,
  CLAUDE_READ,
  CLAUDE_WRITE,
  type ExpectedCall,
  type ExpectedScenario,
  MINI,
  NOBODY,
  PLAIN,
  REASONED,
  RESPONSE,
  SOMEBODY,
  STREAMED,
  UNCACHED,
  UNKNOWN_GPT,
  withoutReasoning,
} from "./scenario-calls.ts";

/** A framework that names itself in the place of the provider, and one name of the model. */
const servedBySomebody = (expected: ExpectedCall): ExpectedCall => ({
  ...asAsked(expected),
  costStatus: expected.costStatus === "exact" ? "estimated" : expected.costStatus,
});
type Usage = Partial<ExpectedCall>;
const gpt = (model: string, usage: Usage): ExpectedCall => call("openai", [model, model], usage);
const gemini = (usage: Usage): ExpectedCall => call("gcp.gemini", ["gemini-2.5-flash", "gemini-2.5-flash"], usage);
const MISSING = { costStatus: "missing" } as const;
const NO_GEMINI = call("gcp.gemini", ["gemini-unknown", "gemini-unknown"], MISSING);
const MINI_RESPONSE = "gpt-4o-mini-2024-07-18";
const GPT_4O_RESPONSE = "gpt-4o-2024-08-06";

/** python_google_adk.py; of the first three calls. */
const ADK = [
  gemini({ inputTokens: 28, outputTokens: 42, reasoningTokens: 10, costNanoUsd: 113_400n }),
  gemini({ inputTokens: 1346, outputTokens: 83, reasoningTokens: 20, costNanoUsd: 611_300n }),
  gemini({
    inputTokens: 1346,
    outputTokens: 43,
    cacheReadTokens: 1280,
    reasoningTokens: 10,
    costNanoUsd: 165_700n,
  }),
];
/** With the tool as versions before 2 describe it. */
const ADK_1 = [
  ...ADK,
  gemini({ inputTokens: 75, outputTokens: 71, reasoningTokens: 17, costNanoUsd: 200_000n }),
  gemini({ inputTokens: 244, outputTokens: 63, reasoningTokens: 15, costNanoUsd: 230_700n }),
].map(servedBySomebody);

export const FRAMEWORKS: Readonly<Record<string, ExpectedScenario>> = {
  "otel-openai-python": {
    ...NOBODY,
    calls: [PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED), STREAMED, UNKNOWN_GPT],
    differs: { 2: "sends no cached tokens" },
    silent: [5],
  },
  "google-genai-python": {
    ...NOBODY,
    calls: [
      gemini({ inputTokens: 12, outputTokens: 84, reasoningTokens: 21, costNanoUsd: 213_600n }),
      gemini({ inputTokens: 1333, outputTokens: 65, reasoningTokens: 16, costNanoUsd: 562_400n }),
      gemini({
        inputTokens: 1333,
        outputTokens: 33,
        cacheReadTokens: 1280,
        reasoningTokens: 8,
        costNanoUsd: 136_800n,
      }),
      gemini({ inputTokens: 11, outputTokens: 71, reasoningTokens: 17, costNanoUsd: 180_800n }),
      call("gcp.gemini", ["gemini-embedding-001", "gemini-embedding-001"], { inputTokens: 12, costNanoUsd: 1_800n }),
      NO_GEMINI,
    ],
  },
  "google-adk": {
    ...SOMEBODY,
    user: "",
    calls: [
      ...ADK,
      gemini({ inputTokens: 90, outputTokens: 66, reasoningTokens: 16, costNanoUsd: 192_000n }),
      gemini({ inputTokens: 254, outputTokens: 68, reasoningTokens: 17, costNanoUsd: 246_200n }),
      NO_GEMINI,
    ],
    differs: {},
    aggregates: 0,
  },
  "google-adk-1": { ...SOMEBODY, calls: [...ADK_1, NO_GEMINI], differs: {}, aggregates: 5 },
  "google-adk-1-14": { ...SOMEBODY, user: "", agents: [], calls: ADK_1, differs: {}, silent: [5], aggregates: 0 },
  "openai-agents-python": {
    ...SOMEBODY,
    session: "",
    user: "",
    calls: [
      ...[PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED)].map(asAsked),
      gpt("gpt-4o-mini", MISSING),
      gpt("gpt-4o-mini", { inputTokens: 84, outputTokens: 45, costNanoUsd: 39_600n }),
      gpt("gpt-4o-mini", { inputTokens: 119, outputTokens: 73, costNanoUsd: 61_650n }),
      UNKNOWN_GPT,
      gpt(MINI_RESPONSE, { inputTokens: 16, outputTokens: 54, costNanoUsd: 34_800n }),
      gpt(GPT_4O_RESPONSE, { inputTokens: 1337, outputTokens: 89, costNanoUsd: 4_232_500n }),
      gpt(GPT_4O_RESPONSE, {
        inputTokens: 1337,
        outputTokens: 103,
        cacheReadTokens: 1280,
        costNanoUsd: 2_772_500n,
      }),
      gpt(GPT_4O_RESPONSE, { inputTokens: 19, outputTokens: 64, reasoningTokens: 32, costNanoUsd: 687_500n }),
      gpt(MINI_RESPONSE, { inputTokens: 15, outputTokens: 112, costNanoUsd: 69_450n }),
      gpt(MINI_RESPONSE, { inputTokens: 81, outputTokens: 99, costNanoUsd: 71_550n }),
      gpt(MINI_RESPONSE, { inputTokens: 139, outputTokens: 112, costNanoUsd: 88_050n }),
      gpt("", MISSING),
    ],
    differs: { 2: "sends no cached tokens of chat completions", 4: "sends no usage of streamed chat completions" },
    aggregates: 0,
  },
  "openlit-python": {
    ...NOBODY,
    calls: [
      PLAIN,
      UNCACHED,
      CACHED,
      withoutReasoning(REASONED),
      STREAMED,
      RESPONSE,
      UNKNOWN_GPT,
      ...ANTHROPIC.slice(0, 4),
    ],
    silent: [11],
  },
  strands: {
    ...SOMEBODY,
    calls: [
      gpt("gpt-4o-mini", { inputTokens: 16, outputTokens: 54, costNanoUsd: 34_800n }),
      gpt("gpt-4o", { inputTokens: 1337, outputTokens: 57, costNanoUsd: 3_912_500n }),
      gpt("gpt-4o", { inputTokens: 1337, outputTokens: 104, cacheReadTokens: 1280, costNanoUsd: 2_782_500n }),
      gpt("gpt-4o-mini", { inputTokens: 70, outputTokens: 39, costNanoUsd: 33_900n }),
      gpt("gpt-4o-mini", { inputTokens: 230, outputTokens: 98, costNanoUsd: 93_300n }),
      CLAUDE_PLAIN,
      CLAUDE_WRITE,
      CLAUDE_READ,
      UNKNOWN_GPT,
    ].map(servedBySomebody),
    differs: {},
    aggregates: 7,
  },
  "semantic-kernel": {
    ...SOMEBODY,
    session: "",
    user: "",
    tools: ["Orders-order_lookup"],
    calls: [
      ...[PLAIN, UNCACHED, CACHE_UNSAID, withoutReasoning(REASONED), STREAMED].map(asAsked),
      gpt("gpt-4o-mini", { inputTokens: 64, outputTokens: 44, costNanoUsd: 36_000n }),
      gpt("gpt-4o-mini", { inputTokens: 100, outputTokens: 107, costNanoUsd: 79_200n }),
      UNKNOWN_GPT,
    ],
    differs: { 2: "sends no cached tokens" },
    aggregates: 0,
  },
  agno: {
    ...SOMEBODY,
    calls: [
      asAsked(PLAIN),
      gpt("gpt-4o", { inputTokens: 1333, outputTokens: 66, costNanoUsd: 3_992_500n }),
      gpt("gpt-4o", { inputTokens: 1333, outputTokens: 74, cacheReadTokens: 1280, costNanoUsd: 2_472_500n }),
      asAsked(STREAMED),
      asAsked(withoutReasoning(RESPONSE)),
      gpt("gpt-4o-mini", { inputTokens: 62, outputTokens: 62, costNanoUsd: 46_500n }),
      gpt("gpt-4o-mini", { inputTokens: 97, outputTokens: 81, costNanoUsd: 63_150n }),
      ...ANTHROPIC.slice(0, 4),
      UNKNOWN_GPT,
    ],
    differs: {},
    aggregates: 4,
  },
  mastra: {
    ...SOMEBODY,
    calls: [
      call("openai", MINI, { inputTokens: 18, outputTokens: 65, costNanoUsd: 41_700n }),
      UNCACHED,
      CACHED,
      call("openai", MINI, { inputTokens: 20, outputTokens: 95, reasoningTokens: 47, costNanoUsd: 60_000n }),
      call("openai", MINI, { inputTokens: 17, outputTokens: 38, costNanoUsd: 25_350n }),
      call("openai", MINI, { inputTokens: 89, outputTokens: 25, costNanoUsd: 28_350n }),
      call("openai", MINI, { inputTokens: 127, outputTokens: 112, costNanoUsd: 86_250n }),
      CLAUDE_WRITE,
      CLAUDE_READ,
      UNKNOWN_GPT,
    ],
    differs: {},
    aggregates: 0,
  },
  // It tells of no call: an instrumentation of the provider's SDK does.
  autogen: {
    ...SOMEBODY,
    session: "",
    user: "",
    calls: [],
    differs: {},
    silent: [0, 1, 2],
    aggregates: 0,
  },
};
