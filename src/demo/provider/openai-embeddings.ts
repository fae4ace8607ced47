/** OpenAI embeddings on the wire. https://platform.openai.com/docs/api-reference/embeddings/create */
import {
  invalidRequest,
  type Dialect,
  type ProviderError,
  type SimulatedCall,
  type SimulatedReply,
} from "./dialect.ts";
import { azureDeployment, openaiError, openaiModel } from "./openai.ts";
import type { SimulatedModel } from "./prices.ts";

export function embeddingsDialect(server: {
  readonly provider: SimulatedModel["provider"];
  readonly path: Dialect["path"];
}): Dialect {
  return {
    ...server,
    requestIdHeader: "x-request-id",
    parse: (body) => parse(body, server.provider),
    json,
    stream: () => [],
    error: openaiError,
  };
}

export const openaiEmbeddings: Dialect = embeddingsDialect({ provider: "openai", path: "/v1/embeddings" });

export const azureEmbeddings: Dialect = embeddingsDialect({
  provider: "openai",
  path: azureDeployment("/embeddings"),
});

function json(call: SimulatedCall, { billed }: SimulatedReply): unknown {
  const tokens = billed.input + billed.cacheRead;
  return {
    object: "list",
    data: call.prompt.map(({ text }, index) => ({ object: "embedding", index, embedding: vectorOf(call, text) })),
    model: call.modelName,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function parse(
  body: Readonly<Record<string, unknown>>,
  provider: SimulatedModel["provider"],
): SimulatedCall | ProviderError {
  const model = openaiModel(body, provider);
  if ("status" in model) return model;
  const given = body["input"];
  const inputs: readonly unknown[] = Array.isArray(given) && typeof given[0] !== "number" ? given : [given];
  if (given === undefined || inputs.length === 0) {
    return invalidRequest("'$.input' is invalid.", { param: "input" });
  }
  return {
    model,
    modelName: String(body["model"]),
    stream: false,
    includeUsage: true,
    // What the SDK asks for, unless the app says otherwise.
    isBase64: body["encoding_format"] === "base64",
    outputBound: undefined,
    choices: 0,
    prompt: inputs.map((input) => ({ role: "input", text: typeof input === "string" ? input : JSON.stringify(input) })),
  };
}

function vectorOf(call: SimulatedCall, text: string): readonly number[] | string {
  const vector = Float32Array.of(text.length, 0.5, -0.5);
  return call.isBase64 === true ? Buffer.from(vector.buffer).toString("base64") : [...vector];
}
