/**
 * The REST form of Gemini and Vertex AI (https://ai.google.dev/api/generate-content), as the parameters that the adapter of
 * `@google/genai` reads: the model is in the path, and what the SDK calls `config` is spread over the body.
 */
import { asArray, asBody } from "../gate/endpoint.ts";
import type { Body } from "../gate/endpoint.ts";
import { embedContent } from "../google/embed-content.ts";
import { generateContent } from "../google/generate-content.ts";
import { Provider } from "../semconv.ts";
import type { OpenedRequest } from "./dialects.ts";

const METHOD = /\/models\/([^/:]+):(generateContent|streamGenerateContent|embedContent|batchEmbedContents|predict)$/;

export function openGoogle(request: {
  readonly path: string;
  readonly body: Body;
  readonly provider: string | undefined;
}): OpenedRequest | undefined {
  const [, model, method] = METHOD.exec(request.path) ?? [];
  if (model === undefined || method === undefined) return undefined;
  const body = camelCased(request.body);
  const contents = contentsOf(method, body);
  if (contents === undefined && (request.provider === undefined || method === "predict")) return undefined;
  const generationConfig = camelCased(asBody(body["generationConfig"]) ?? {});
  const { contents: _c, generationConfig: _g, ...rest } = body;
  const provider =
    request.provider ?? (request.path.includes("/publishers/") ? Provider.gcpVertexAi : Provider.gcpGemini);
  const endpoint = EMBEDS.has(method)
    ? // Each of its requests names the model once more.
      { ...embedContent({ provider, hasExtraBody: false }), isModelFixed: method === "batchEmbedContents" }
    : generateContent({ provider, isStreamed: method === "streamGenerateContent", hasExtraBody: false });
  const params = { model: decodeURIComponent(model), contents, config: { ...rest, ...generationConfig } };
  return {
    endpoint,
    body: params,
    toWire(sent) {
      const bound = asBody(sent["config"])?.["maxOutputTokens"];
      const path = request.path.replace(METHOD, `/models/${encodeURIComponent(String(sent["model"]))}:${method}`);
      if (bound === undefined) return { body, path };
      return { body: { ...body, generationConfig: { ...generationConfig, maxOutputTokens: bound } }, path };
    },
  };
}

const EMBEDS: ReadonlySet<string> = new Set(["embedContent", "batchEmbedContents", "predict"]);

/** What the model reads. Many kinds of models have a method that predicts: only texts for one of embeddings are known here. */
function contentsOf(method: string, body: Body): unknown {
  if (method === "batchEmbedContents")
    return body["requests"] === undefined ? undefined : asArray(body["requests"]).map(contentOf);
  if (method !== "predict") return body["contents"] ?? body["content"];
  const texts = asArray(body["instances"]).map(contentOf);
  return texts.length > 0 && texts.every((text) => typeof text === "string") ? texts : undefined;
}

function contentOf(item: unknown): unknown {
  return asBody(item)?.["content"];
}

/** The API takes both spellings of its own fields; what they hold stays as it is. */
function camelCased(body: Body): Body {
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
