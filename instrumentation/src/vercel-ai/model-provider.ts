/**
 * Which API is behind a model of the AI SDK, by its `provider` (`openai.chat`, `vertex.anthropic.messages`, `mistral.chat`, …).
 * The API says how bounds add up and what its raw usage means; the provider names the price.
 */
import * as semconv from "../semconv.ts";

export type Api = "openai.chat" | "openai.responses" | "anthropic" | "google" | "other";

export interface ModelProvider {
  /** By the conventions. */
  readonly name: string;
  readonly api: Api;
  /** Under which it has a price: the gateway's names carry their provider. */
  readonly model: string;
}

const NAMES: Readonly<Record<string, string>> = {
  "amazon-bedrock": semconv.Provider.awsBedrock,
  bedrock: semconv.Provider.awsBedrock,
  azure: semconv.Provider.azureOpenai,
  "azure-openai": semconv.Provider.azureOpenai,
  google: semconv.Provider.gcpGemini,
  vertex: semconv.Provider.gcpVertexAi,
  mistral: "mistral_ai",
  xai: "x_ai",
};

export function modelProvider({
  provider,
  modelId,
}: {
  readonly provider: string;
  readonly modelId: string;
}): ModelProvider {
  const [first = provider, second = ""] = provider.split(".");
  if (first === "gateway") {
    const slash = modelId.indexOf("/");
    if (slash > 0) return { ...named(modelId.slice(0, slash)), api: "other", model: modelId.slice(slash + 1) };
  }
  return { ...named(provider === "google.vertex.chat" ? "vertex" : first), api: apiOf(first, second), model: modelId };
}

function named(id: string): { readonly name: string } {
  return { name: Object.hasOwn(NAMES, id) ? (NAMES[id] ?? id) : id };
}

function apiOf(first: string, second: string): Api {
  if (first === "anthropic" || second === "anthropic") return "anthropic";
  if (second === "responses") return "openai.responses";
  if (first === "openai" || first.startsWith("azure")) return second === "chat" ? "openai.chat" : "other";
  return first === "google" || first === "vertex" ? "google" : "other";
}
