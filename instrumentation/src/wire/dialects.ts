/**
 * From a request on the wire to the endpoint that the SDK adapters describe, and back: the same bounds and the same
 * reading of usage, whoever sent it. A dialect is told by the path; on a host that is not in the table, by the shape of
 * the body too.
 */
import { anthropicAdapter } from "../anthropic/adapter.ts";
import { messagesOf } from "../anthropic/messages.ts";
import { converse } from "../bedrock/converse.ts";
import { invokeModel } from "../bedrock/invoke-model.ts";
import { cohereEndpoint } from "../cohere/endpoints.ts";
import { folded } from "../gate/any-case.ts";
import { asArray, asBody, asText } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import { frozen } from "../gate/frozen.ts";
import { groqAdapter } from "../groq/adapter.ts";
import { mistralEndpoint } from "../mistral/endpoints.ts";
import { ollamaEndpoint } from "../ollama/endpoints.ts";
import { openaiAdapter } from "../openai/adapter.ts";
import { BATCH, jobOf } from "../openai/jobs.ts";
import { Provider } from "../semconv.ts";
import { openGoogle } from "./google-rest.ts";
import { opaqueEndpoint } from "./opaque.ts";
import { vercelEndpoint } from "./vercel-gateway.ts";
import { VERCEL } from "./other-hosts.ts";
import { isReadAsAnywhere } from "./providers.ts";
import type { ProviderHost } from "./providers.ts";

export interface ModelRequest {
  readonly path: string;
  /** `undefined`: not JSON, or not to be read. */
  readonly body: Body | undefined;
  /** What it says where that is no JSON. */
  readonly text?: string | undefined;
  /** Nothing of it may be changed: it is signed. */
  readonly isFrozen: boolean;
  /** `undefined`: the host is not in the table. */
  readonly host: ProviderHost | undefined;
  /** Somebody knows by what to read it. */
  readonly endpoint?: Endpoint | undefined;
  /** Headers by lower-case name. Absent: nobody knows them yet. */
  readonly header?: (name: string) => string | undefined;
}

export interface OpenedRequest {
  readonly endpoint: Endpoint;
  /** As the endpoint reads it. */
  readonly body: Body;
  /** What goes on the wire for a body of the endpoint. */
  readonly toWire: (body: Body) => { readonly body: Body | undefined; readonly path: string };
  /** Nobody here can read it: at most its model is known. @default false */
  readonly isOpaque?: boolean;
}

/** Providers with dialects of their own; where they have none for a path, it may be OpenAI's. */
const OWN_DIALECTS: Readonly<Record<string, (path: string) => Endpoint | undefined>> = {
  [Provider.mistralAi]: mistralEndpoint,
  [Provider.cohere]: cohereEndpoint,
  [Provider.groq]: (path) => groqAdapter.endpointOf(path),
  [Provider.ollama]: ollamaEndpoint,
};

const AZURE_DEPLOYMENT = /\/deployments\/([^/]+)\//;
const INVOKE = /\/model\/([^/]+)\/invoke(-with-response-stream)?$/;
const CONVERSE = /\/model\/([^/]+)\/converse(-stream)?$/;
/** What Vertex AI serves of Anthropic. */
const CLAUDE_ON_VERTEX = /\/publishers\/anthropic\/models\/([^/:]+):(rawPredict|streamRawPredict)$/;
/** Bedrock, and what Vertex AI serves of others. */
const MODEL_IN_PATH = /\/models?\/([^/:]+(?::\d+)?)(?:\/(?:converse|invoke)|:(?:stream)?[rR]awPredict)/;

/** Google's paths name the model beside the method; other servers have such paths, too. */
const MODEL_OF_METHOD = /\/models\/([^/:]+):\w+$/;

/**
 * What is ordered with one request and billed by what comes of it: a model that the body names has the price of an answer, and this is
 * none. Under these names a `kind: prices` document can give each a price.
 */
const JOBS: readonly (readonly [path: RegExp, name: string])[] = [
  [/\/(?:batch\/jobs|batches|batchPredictionJobs|batchInferenceJobs)$/, BATCH],
  [/:(?:batchGenerateContent|asyncBatchEmbedContent)$/, BATCH],
  [/\/(?:fine_tuning\/jobs|fine-tunes|tuningJobs|tunedModels|\w*[fF]ineTuningJobs)$/, "fine-tuning"],
  [/\/cachedContents(?:\/[^/]+)?$/, "cached content"],
  [/\/containers$/, "container"],
];

/** `undefined`: no call of a model. */
export function openRequest(request: ModelRequest): OpenedRequest | undefined {
  const { host: row } = request;
  const spoken = row === undefined || !isReadAsAnywhere(row) ? request : { ...request, host: undefined };
  const opened = openVercel(request) ?? openKnown(spoken) ?? openOpaque(request);
  if (opened === undefined || !request.isFrozen) return opened;
  const { path } = request;
  return { ...opened, endpoint: frozen(opened.endpoint), toWire: () => ({ body: undefined, path }) };
}

function openVercel({ path, body, host, header }: ModelRequest): OpenedRequest | undefined {
  const endpoint = body === undefined || host?.provider !== VERCEL ? undefined : vercelEndpoint({ path, body, header });
  if (endpoint === undefined || body === undefined) return undefined;
  return { endpoint, body, toWire: (sent) => ({ body: sent, path }) };
}

function openKnown(request: ModelRequest): OpenedRequest | undefined {
  const { path, body, host, endpoint: known } = request;
  if (body === undefined) return undefined;
  if (known !== undefined) return { endpoint: known, body, toWire: (sent) => ({ body: sent, path }) };
  if (host === undefined && MODEL_IN_PATH.test(path) && !hasPrompt(body)) return undefined;
  const special =
    openGoogle({ path, body, provider: host?.provider }) ??
    openClaudeOnVertex(request, body) ??
    openConverse(path, body) ??
    openInvoke(request, body);
  if (special !== undefined) return special;
  const own = OWN_DIALECTS[host?.provider ?? ""]?.(path);
  if (own !== undefined) return { endpoint: own, body, toWire: (sent) => ({ body: sent, path }) };
  const isAnthropic = /\/v1\/messages(?:\/batches)?$/.test(path);
  const endpoint = isAnthropic ? anthropicAdapter.endpointOf(path) : openaiEndpoint(request);
  if (endpoint === undefined) return undefined;
  if (host === undefined && !hasShape(folded(body), { path, isAnthropic })) return undefined;
  if (isAnthropic) return { endpoint, body, toWire: (sent) => ({ body: sent, path }) };
  return openOpenai(request, body, endpoint);
}

/** As the package's own clients tell Azure from OpenAI, and a deployment from all of them. */
function openaiEndpoint({ path, host }: ModelRequest): Endpoint | undefined {
  const deploymentName = AZURE_DEPLOYMENT.exec(path)?.[1];
  const isAzure = host?.provider === Provider.azureOpenai || deploymentName !== undefined;
  return openaiAdapter.endpointOf(path, isAzure ? { apiVersion: "", deploymentName } : undefined);
}

function openOpenai({ path, host }: ModelRequest, body: Body, endpoint: Endpoint): OpenedRequest {
  const deployment = AZURE_DEPLOYMENT.exec(path)?.[1];
  const isNamed = asText(body["model"]) !== undefined || deployment === undefined;
  const provider = host?.provider ?? endpoint.provider;
  return {
    endpoint: Object.create(endpoint, { provider: { value: provider, enumerable: true } }) as Endpoint,
    body: isNamed ? body : { ...body, model: decodeURIComponent(deployment) },
    toWire(sent) {
      const plain = host?.isStrict === true ? strict(sent) : sent;
      const { model: _ofThePath, ...rest } = plain;
      return { body: isNamed ? plain : rest, path };
    },
  };
}

/** `POST /model/{id}/converse` of Bedrock: the id is in the path. */
function openConverse(path: string, body: Body): OpenedRequest | undefined {
  const [, id, stream] = CONVERSE.exec(path) ?? [];
  if (id === undefined) return undefined;
  return {
    endpoint: converse(body, { isStreamed: stream !== undefined }),
    body: { ...body, modelId: decodeURIComponent(id) },
    toWire({ modelId, ...rest }) {
      return {
        body: rest,
        path: path.replace(CONVERSE, `/model/${encodeURIComponent(String(modelId))}/converse${stream ?? ""}`),
      };
    },
  };
}

/** `POST …/publishers/anthropic/models/{model}:rawPredict`: Anthropic's body, but for the model, and whether it streams is in the path. */
function openClaudeOnVertex({ path, host }: ModelRequest, body: Body): OpenedRequest | undefined {
  const [, name, method] = CLAUDE_ON_VERTEX.exec(path) ?? [];
  if (name === undefined) return undefined;
  const model = decodeURIComponent(name);
  return {
    endpoint: messagesOf(host?.provider ?? Provider.gcpVertexAi),
    body: { ...body, model, stream: method === "streamRawPredict" },
    toWire({ model: sentFor, stream: _ofThePath, ...rest }) {
      const sent = "stream" in body ? { ...rest, stream: body["stream"] } : rest;
      if (sentFor === model) return { body: sent, path };
      return { body: sent, path: path.replace(`/${name}:`, `/${encodeURIComponent(String(sentFor))}:`) };
    },
  };
}

/** `POST /model/{id}/invoke`: the id is in the path, the body is its maker's own, and the rest of the SDK's input is in headers. */
function openInvoke({ path, header = () => undefined }: ModelRequest, body: Body): OpenedRequest | undefined {
  const [, id, stream] = INVOKE.exec(path) ?? [];
  if (id === undefined) return undefined;
  const input = {
    modelId: decodeURIComponent(id),
    body,
    guardrailIdentifier: header("x-amzn-bedrock-guardrailidentifier"),
    performanceConfigLatency: header("x-amzn-bedrock-performanceconfig-latency"),
    serviceTier: header("x-amzn-bedrock-service-tier"),
  };
  return {
    endpoint: invokeModel(input, { isStreamed: stream !== undefined }),
    body: input,
    toWire: ({ modelId, body: sent }) => ({
      body: asBody(sent) ?? asBody(JSON.parse(String(sent))),
      path: path.replace(INVOKE, `/model/${encodeURIComponent(String(modelId))}/invoke${stream ?? ""}`),
    }),
  };
}

/** See `ProviderHost.isStrict`. */
function strict(body: Body): Body {
  const { stream_options: _asked, max_completion_tokens: bound, ...rest } = body;
  return bound === undefined ? rest : { ...rest, max_tokens: bound };
}

/** Only the table makes a call of what nobody can read, or a path of a model's and a body that looks like a prompt. */
function openOpaque(request: ModelRequest): OpenedRequest | undefined {
  const { path, body, text } = request;
  const host = request.host?.servesOthers === true && !isAsked(body) ? undefined : request.host;
  const model = (host === undefined ? undefined : modelAt(host, request)) ?? MODEL_IN_PATH.exec(path)?.[1];
  const isCall = LOOKS_LIKE_CALL.every((part) => part.test(text ?? "")) || (model !== undefined && hasPrompt(body));
  const provider = host?.provider ?? (isCall ? providerAt(path) : undefined);
  if (provider === undefined) return undefined;
  const toWire = (): ReturnType<OpenedRequest["toWire"]> => ({ body: undefined, path });
  const job = JOBS.find(([pattern]) => pattern.test(path))?.[1];
  if (job !== undefined) return { endpoint: jobOf(provider, job), body: body ?? {}, toWire, isOpaque: true };
  const named = model ?? (host === undefined ? undefined : MODEL_OF_METHOD.exec(path)?.[1]);
  const endpoint = opaqueEndpoint(provider, named === undefined ? undefined : decodeURIComponent(named));
  return { endpoint, body: body ?? {}, toWire, isOpaque: true };
}

function modelAt({ model, modelHeaders = [] }: ProviderHost, { path, header }: ModelRequest): string | undefined {
  const said = modelHeaders.map((name) => header?.(name)).find((value) => value !== undefined && value !== "");
  return said ?? model?.exec(path)?.[1];
}

/** Of a path that may be a model's on any host. */
function providerAt(path: string): string {
  if (path.includes("/model/")) return Provider.awsBedrock;
  if (/:[^/]+$/.test(path)) return Provider.gcpVertexAi;
  return path.endsWith("/messages") ? Provider.anthropic : Provider.openai;
}

/**
 * JSON as only some servers take it: with NaN, as Python writes and reads it, commas too many, comments, letters that should be escaped, several
 * texts in one. Which of its names count nobody can tell, so it has no price.
 */
const LOOKS_LIKE_CALL = [/"model"\s*:/, /"(?:messages|input|prompt)"\s*:/] as const;

/** As the models that Bedrock and Vertex AI serve are asked. */
function hasPrompt(body: Body = {}): boolean {
  return isTalk(body["messages"]) || PROMPTS.some((name) => body[name] !== undefined);
}

/** As those are asked that talk, where others are served as well: these take tables, numbers and pictures. */
function isAsked(body: Body = {}): boolean {
  return isTalk(body["messages"]) || ASKED.some((name) => asText(body[name]) !== undefined);
}

const ASKED = ["prompt", "inputs", "input"] as const;
const PROMPTS = ["prompt", "inputText", "texts", "message", "instances", "taskType"] as const;

/** Where no model is named, a gateway knows it: by the path, or by itself. */
function hasShape(
  body: Body,
  { path, isAnthropic }: { readonly path: string; readonly isAnthropic: boolean },
): boolean {
  if (asText(body["model"]) === undefined) return path.endsWith("/chat/completions") && isTalk(body["messages"]);
  if (isAnthropic) return isTalk(body["messages"]);
  return Array.isArray(body["messages"]) || body["input"] !== undefined || body["prompt"] !== undefined;
}

/** What somebody said to somebody, as all of these APIs have it. */
function isTalk(messages: unknown): boolean {
  return asArray(messages).some((message) => asText(asBody(message)?.["role"]) !== undefined);
}
