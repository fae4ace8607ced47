import type { Endpoint } from "../gate/endpoint.ts";
import * as semconv from "../semconv.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";
import { messageBatchesOf } from "./batches.ts";
import { messagesOf } from "./messages.ts";

type Endpoints = readonly (readonly [path: string, endpoint: Endpoint])[];

function endpointsOf(provider: string): Endpoints {
  return [
    ["/v1/messages", messagesOf(provider)],
    ["/v1/messages/batches", messageBatchesOf(provider)],
  ];
}

const ANTHROPIC = endpointsOf(semconv.Provider.anthropic);
/** The clients of `@anthropic-ai/bedrock-sdk` and `@anthropic-ai/vertex-sdk`, by what they call themselves. */
const OTHERS: Readonly<Record<string, Endpoints>> = {
  [semconv.Provider.awsBedrock]: endpointsOf(semconv.Provider.awsBedrock),
  [semconv.Provider.gcpVertexAi]: endpointsOf(semconv.Provider.gcpVertexAi),
};

/** What of the `@anthropic-ai/sdk` package is gated. Counting tokens (`/v1/messages/count_tokens`) costs nothing. */
export const anthropicAdapter: ClientAdapter = {
  endpointOf(path: string, client?: object): Endpoint | undefined {
    const end = path.split("?", 1)[0] ?? "";
    return endpointsFor(client).find(([suffix]) => end.endsWith(suffix))?.[1];
  },
};

function endpointsFor(client: object | undefined): Endpoints {
  const { _genAIProviderName: name } = (client ?? {}) as { readonly _genAIProviderName?: unknown };
  return (typeof name === "string" ? OTHERS[name] : undefined) ?? ANTHROPIC;
}
