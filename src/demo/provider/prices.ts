/**
 * What the simulated provider charges, written down by hand from the public price lists (the same that
 * `@pydantic/genai-prices` 0.1.8 carries, read 2026-11-21). On purpose it shares no code with Tollgate's price book: the
 * provider's count is the witness that the ledger and ClickHouse are compared with, so it must be able to disagree.
 */

/** Tokens of one call as the provider bills them. The kinds are disjoint: `input` is text that was neither read from nor written to the cache. */
export interface BilledTokens {
  readonly input: number;
  /** Of pictures or sound that the model reads. */
  readonly media: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
}

export interface SimulatedModel {
  readonly provider: "openai" | "anthropic" | "google" | "groq" | "mistral" | "cohere" | "ollama" | "aws";
  /** What replies call the model: providers answer with the dated snapshot behind the alias. */
  readonly snapshot: string;
  readonly maxOutputTokens: number;
  readonly contextTokens: number;
  /** Nano-dollars for one million tokens of each kind. */
  readonly nanoUsdPerMillion: Readonly<Record<keyof BilledTokens, bigint>>;
}

const MILLION = 1_000_000n;

const GPT_4O_MINI: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-4o-mini-2024-07-18",
  maxOutputTokens: 16_384,
  contextTokens: 128_000,
  nanoUsdPerMillion: prices({ input: 150_000_000n, cacheRead: 75_000_000n, output: 600_000_000n }),
};

const GPT_4O: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-4o-2024-08-06",
  maxOutputTokens: 16_384,
  contextTokens: 128_000,
  nanoUsdPerMillion: prices({ input: 2_500_000_000n, cacheRead: 1_250_000_000n, output: 10_000_000_000n }),
};

const CLAUDE_HAIKU_4_5: SimulatedModel = {
  provider: "anthropic",
  snapshot: "claude-haiku-4-5-20251001",
  maxOutputTokens: 64_000,
  contextTokens: 200_000,
  nanoUsdPerMillion: {
    input: 1_000_000_000n,
    media: 1_000_000_000n,
    cacheRead: 100_000_000n,
    cacheWrite5m: 1_250_000_000n,
    cacheWrite1h: 2_000_000_000n,
    output: 5_000_000_000n,
  },
};

const CLAUDE_OPUS_4_5: SimulatedModel = {
  provider: "anthropic",
  snapshot: "claude-opus-4-5-20251101",
  maxOutputTokens: 64_000,
  contextTokens: 200_000,
  nanoUsdPerMillion: {
    input: 5_000_000_000n,
    media: 5_000_000_000n,
    cacheRead: 500_000_000n,
    cacheWrite5m: 6_250_000_000n,
    cacheWrite1h: 10_000_000_000n,
    output: 25_000_000_000n,
  },
};

const GEMINI_2_5_FLASH: SimulatedModel = {
  provider: "google",
  snapshot: "gemini-2.5-flash",
  maxOutputTokens: 65_536,
  contextTokens: 1_048_576,
  nanoUsdPerMillion: prices({ input: 300_000_000n, cacheRead: 30_000_000n, output: 2_500_000_000n }),
};

const TEXT_EMBEDDING_3_SMALL: SimulatedModel = {
  provider: "openai",
  snapshot: "text-embedding-3-small",
  maxOutputTokens: 1,
  contextTokens: 300_000,
  nanoUsdPerMillion: prices({ input: 20_000_000n, cacheRead: 20_000_000n, output: 0n }),
};

const GPT_3_5_INSTRUCT: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-3.5-turbo-instruct",
  maxOutputTokens: 4_096,
  contextTokens: 4_096,
  nanoUsdPerMillion: prices({ input: 1_500_000_000n, cacheRead: 1_500_000_000n, output: 2_000_000_000n }),
};

/** Its output are pictures. */
const GPT_IMAGE_1: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-image-1",
  maxOutputTokens: 6_240,
  contextTokens: 300_000,
  nanoUsdPerMillion: prices({
    input: 5_000_000_000n,
    media: 10_000_000_000n,
    cacheRead: 1_250_000_000n,
    output: 40_000_000_000n,
  }),
};

const GPT_4O_TRANSCRIBE: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-4o-transcribe",
  maxOutputTokens: 2_000,
  contextTokens: 16_000,
  nanoUsdPerMillion: prices({
    input: 2_500_000_000n,
    media: 6_000_000_000n,
    cacheRead: 2_500_000_000n,
    output: 10_000_000_000n,
  }),
};

/** Its output is sound. */
const GPT_4O_MINI_TTS: SimulatedModel = {
  provider: "openai",
  snapshot: "gpt-4o-mini-tts",
  maxOutputTokens: 2_000,
  contextTokens: 2_000,
  nanoUsdPerMillion: prices({ input: 600_000_000n, cacheRead: 600_000_000n, output: 12_000_000_000n }),
};

const GEMINI_EMBEDDING: SimulatedModel = {
  provider: "google",
  snapshot: "gemini-embedding-001",
  maxOutputTokens: 1,
  contextTokens: 2_048,
  nanoUsdPerMillion: prices({ input: 150_000_000n, cacheRead: 150_000_000n, output: 0n }),
};

const LLAMA_3_3_GROQ: SimulatedModel = {
  provider: "groq",
  snapshot: "llama-3.3-70b-versatile",
  maxOutputTokens: 32_768,
  contextTokens: 131_072,
  nanoUsdPerMillion: prices({ input: 590_000_000n, cacheRead: 590_000_000n, output: 790_000_000n }),
};

const MISTRAL_SMALL: SimulatedModel = {
  provider: "mistral",
  snapshot: "mistral-small-latest",
  maxOutputTokens: 32_768,
  contextTokens: 128_000,
  nanoUsdPerMillion: prices({ input: 100_000_000n, cacheRead: 100_000_000n, output: 300_000_000n }),
};

const MISTRAL_EMBED: SimulatedModel = {
  provider: "mistral",
  snapshot: "mistral-embed",
  maxOutputTokens: 1,
  contextTokens: 8_192,
  nanoUsdPerMillion: prices({ input: 100_000_000n, cacheRead: 100_000_000n, output: 100_000_000n }),
};

const COMMAND_A: SimulatedModel = {
  provider: "cohere",
  snapshot: "command-a-03-2025",
  maxOutputTokens: 8_192,
  contextTokens: 256_000,
  nanoUsdPerMillion: prices({ input: 2_500_000_000n, cacheRead: 2_500_000_000n, output: 10_000_000_000n }),
};

const EMBED_V4: SimulatedModel = {
  provider: "cohere",
  snapshot: "embed-v4.0",
  maxOutputTokens: 1,
  contextTokens: 128_000,
  nanoUsdPerMillion: prices({ input: 120_000_000n, cacheRead: 120_000_000n, output: 0n }),
};

/** A local model costs what its owner says. */
const LLAMA_3_2_LOCAL: SimulatedModel = {
  provider: "ollama",
  snapshot: "llama3.2",
  maxOutputTokens: 8_192,
  contextTokens: 131_072,
  nanoUsdPerMillion: prices({ input: 20_000_000n, cacheRead: 20_000_000n, output: 80_000_000n }),
};

const HAIKU_4_5_BEDROCK: SimulatedModel = {
  provider: "aws",
  snapshot: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
  maxOutputTokens: 64_000,
  contextTokens: 200_000,
  nanoUsdPerMillion: {
    input: 1_100_000_000n,
    media: 1_100_000_000n,
    cacheRead: 110_000_000n,
    cacheWrite5m: 1_375_000_000n,
    cacheWrite1h: 2_200_000_000n,
    output: 5_500_000_000n,
  },
};

const NOVA_LITE: SimulatedModel = {
  provider: "aws",
  snapshot: "amazon.nova-lite-v1:0",
  maxOutputTokens: 10_000,
  contextTokens: 300_000,
  nanoUsdPerMillion: prices({ input: 60_000_000n, cacheRead: 15_000_000n, output: 240_000_000n }),
};

const MODELS: ReadonlyMap<string, SimulatedModel> = new Map(
  [
    ["gpt-4o-mini", GPT_4O_MINI],
    ["gpt-4o", GPT_4O],
    ["claude-haiku-4-5", CLAUDE_HAIKU_4_5],
    // As Vertex AI calls it.
    ["claude-haiku-4-5@20251001", CLAUDE_HAIKU_4_5],
    ["claude-opus-4-5", CLAUDE_OPUS_4_5],
    ["text-embedding-3-small", TEXT_EMBEDDING_3_SMALL],
    ["gpt-3.5-turbo-instruct", GPT_3_5_INSTRUCT],
    ["gpt-image-1", GPT_IMAGE_1],
    ["gpt-4o-transcribe", GPT_4O_TRANSCRIBE],
    ["gpt-4o-mini-tts", GPT_4O_MINI_TTS],
    ["gemini-2.5-flash", GEMINI_2_5_FLASH],
    ["gemini-embedding-001", GEMINI_EMBEDDING],
    ["llama-3.3-70b-versatile", LLAMA_3_3_GROQ],
    ["mistral-small-latest", MISTRAL_SMALL],
    ["mistral-embed", MISTRAL_EMBED],
    ["command-a-03-2025", COMMAND_A],
    ["embed-v4.0", EMBED_V4],
    ["llama3.2", LLAMA_3_2_LOCAL],
    ["us.anthropic.claude-haiku-4-5-20251001-v1:0", HAIKU_4_5_BEDROCK],
    ["amazon.nova-lite-v1:0", NOVA_LITE],
  ].flatMap(([alias, model]): [string, SimulatedModel][] => [
    [alias as string, model as SimulatedModel],
    [(model as SimulatedModel).snapshot, model as SimulatedModel],
  ]),
);

/** The model behind an alias or a snapshot name; `undefined` when this provider does not serve it. */
export function findModel(provider: SimulatedModel["provider"], name: string): SimulatedModel | undefined {
  const model = MODELS.get(name);
  return model?.provider === provider ? model : undefined;
}

/** The bill of one call in nano-dollars: one sum over the kinds of tokens, rounded half up once. */
export function billNanoUsd(model: SimulatedModel, tokens: BilledTokens): bigint {
  const rate = model.nanoUsdPerMillion;
  let sum = 0n;
  for (const kind of ["input", "media", "cacheRead", "cacheWrite5m", "cacheWrite1h", "output"] as const) {
    sum += BigInt(tokens[kind]) * rate[kind];
  }
  return (sum * 2n + MILLION) / (MILLION * 2n);
}

/** OpenAI and Google have no price for cache writes of these models: they are plain input, as pictures and sound are unless they have a price of their own. */
function prices(rate: {
  input: bigint;
  media?: bigint;
  cacheRead: bigint;
  output: bigint;
}): SimulatedModel["nanoUsdPerMillion"] {
  return { media: rate.input, ...rate, cacheWrite5m: rate.input, cacheWrite1h: rate.input };
}
