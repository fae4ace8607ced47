/**
 * Requests to Vercel's AI gateway, in the AI SDK's own form: the SDK's default provider sends them, and in a bundle nobody patches it. Model and
 * streaming are in headers. https://github.com/vercel/ai/tree/main/packages/gateway/src (read in @ai-sdk/gateway 4.0.146)
 */
import type { Body, Endpoint } from "../gate/endpoint.ts";
import { embeddingModel } from "../vercel-ai/embedding-model.ts";
import { languageModel } from "../vercel-ai/language-model.ts";
import { modelProvider } from "../vercel-ai/model-provider.ts";

const PATH = /\/v\d+\/ai\/(language|embedding)-model$/;
/** Older versions name the kind of the model, too. */
const MODEL_HEADERS = ["ai-language-model-id", "ai-embedding-model-id", "ai-model-id"] as const;

interface GatewayRequest {
  readonly path: string;
  readonly body: Body;
  readonly header?: ((name: string) => string | undefined) | undefined;
}

/** `undefined`: another API of the gateway, or a request that names no model. */
export function vercelEndpoint({ path, body, header = () => undefined }: GatewayRequest): Endpoint | undefined {
  const [, kind] = PATH.exec(path) ?? [];
  const modelId = MODEL_HEADERS.map(header).find((value) => value !== undefined && value !== "");
  if (modelId === undefined) return undefined;
  const provider = modelProvider({ provider: "gateway", modelId });
  if (kind === "language" && Array.isArray(body["prompt"])) {
    const isStreamed = header("ai-language-model-streaming") === "true";
    return languageModel({ ...provider, isStreamed, isModelFixed: true });
  }
  return kind === "embedding" && Array.isArray(body["values"]) ? embeddingModel(provider) : undefined;
}
