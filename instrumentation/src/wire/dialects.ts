/**
 * From a request on the wire to the endpoint that the SDK adapters describe, and back: the same bounds and the same
 * reading of usage, whoever sent it. A dialect is told by the path; on a host that is not in the table, by the shape of
 * the body too.
 */
import { anthropicAdapter } from "../anthropic/adapter.ts";
import { asBody, asText } from "../gate/endpoint.ts";
import type { Body, Endpoint } from "../gate/endpoint.ts";
import { openaiAdapter } from "../openai/adapter.ts";
import { Provider } from "../semconv.ts";
import { openGoogle } from "./google-rest.ts";
import { frozen, opaqueEndpoint } from "./opaque.ts";
import type { ProviderHost } from "./providers.ts";

export interface ModelRequest {
  readonly path: string;
  /** `undefined`: not JSON, or not to be read. */
  readonly body: Body | undefined;
  /** Nothing of it may be changed: it is signed. */
  readonly isFrozen: boolean;
  /** `undefined`: the host is not in the table. */
  readonly host: ProviderHost | undefined;
}

export interface OpenedRequest {
  readonly endpoint: Endpoint;
  /** As the endpoint reads it. */
  readonly body: Body;
  /** What goes on the wire for a body of the endpoint. */
  readonly toWire: (body: Body) => { readonly body: Body | undefined; readonly path: string };
}

/** Paths that a model call may have on any host: only then is a body looked at. */
const ANYWHERE = /\/(?:chat\/completions|responses|embeddings|messages)$|:(?:streamG|g)enerateContent$|:embedContent$/;
const AZURE_DEPLOYMENT = /\/deployments\/([^/]+)\//;
/** Bedrock, and what Vertex AI serves of others. */
const MODEL_IN_PATH = /\/models?\/([^/:]+(?::\d+)?)(?:\/(?:converse|invoke)|:(?:stream)?[rR]awPredict)/;

export function mayBeModelPath(path: string): boolean {
  return ANYWHERE.test(path);
}

/** `undefined`: no call of a model. */
export function openRequest(request: ModelRequest): OpenedRequest | undefined {
  const opened = openKnown(request) ?? openOpaque(request);
  if (opened === undefined || !request.isFrozen) return opened;
  const { path } = request;
  return { ...opened, endpoint: frozen(opened.endpoint), toWire: () => ({ body: undefined, path }) };
}

function openKnown(request: ModelRequest): OpenedRequest | undefined {
  const { path, body, host } = request;
  if (body === undefined) return undefined;
  const google = openGoogle({ path, body, provider: host?.provider });
  if (google !== undefined) return google;
  const isAnthropic = path.endsWith("/v1/messages");
  const endpoint = isAnthropic ? anthropicAdapter.endpointOf(path) : openaiAdapter.endpointOf(path);
  if (endpoint === undefined) return undefined;
  if (host === undefined && !hasShape(body, isAnthropic)) return undefined;
  if (isAnthropic) return { endpoint, body, toWire: (sent) => ({ body: sent, path }) };
  return openOpenai(request, body, endpoint);
}

function openOpenai({ path, host }: ModelRequest, body: Body, endpoint: Endpoint): OpenedRequest {
  const deployment = AZURE_DEPLOYMENT.exec(path)?.[1];
  const isNamed = asText(body["model"]) !== undefined;
  const read = isNamed || deployment === undefined ? body : { ...body, model: decodeURIComponent(deployment) };
  const provider = host?.provider ?? (deployment === undefined ? endpoint.provider : Provider.azureOpenai);
  return {
    endpoint: Object.create(endpoint, { provider: { value: provider, enumerable: true } }) as Endpoint,
    body: read,
    toWire(sent) {
      const plain = host?.isStrict === true ? strict(sent) : sent;
      if (read === body) return { body: plain, path };
      // The deployment is the model: a fallback is another one.
      const { model, ...rest } = plain;
      return { body: rest, path: path.replace(AZURE_DEPLOYMENT, `/deployments/${encodeURIComponent(String(model))}/`) };
    },
  };
}

/** See `ProviderHost.isStrict`. */
function strict(body: Body): Body {
  const { stream_options: _asked, max_completion_tokens: bound, ...rest } = body;
  return bound === undefined ? rest : { ...rest, max_tokens: bound };
}

/** Only the table makes a call of what nobody can read. */
function openOpaque({ path, body, host }: ModelRequest): OpenedRequest | undefined {
  if (host === undefined) return undefined;
  const model = MODEL_IN_PATH.exec(path)?.[1];
  const endpoint = opaqueEndpoint(host.provider, model === undefined ? undefined : decodeURIComponent(model));
  return { endpoint, body: body ?? {}, toWire: () => ({ body: undefined, path }) };
}

function hasShape(body: Body, isAnthropic: boolean): boolean {
  if (asText(body["model"]) === undefined) return false;
  if (isAnthropic) return Array.isArray(body["messages"]) && typeof body["max_tokens"] === "number";
  return Array.isArray(body["messages"]) || body["input"] !== undefined || asBody(body["prompt"]) !== undefined;
}
