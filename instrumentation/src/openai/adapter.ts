import type { Endpoint } from "../gate/endpoint.ts";
import { Provider } from "../semconv.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";
import { speechOf, transcriptionOf } from "./audio.ts";
import { openaiChatOf } from "./chat-completions.ts";
import { compactionOf } from "./compact.ts";
import { completionsOf } from "./completions.ts";
import { embeddingsOf } from "./embeddings.ts";
import { imagesOf } from "./images.ts";
import { batchesOf, videosOf } from "./jobs.ts";
import { responsesOf } from "./responses.ts";

type Endpoints = readonly (readonly [path: string, endpoint: Endpoint])[];

/** What of the `openai` package is gated, by the end of the path. */
function endpointsOf(provider: string): Endpoints {
  const transcription = transcriptionOf(provider);
  const images = imagesOf(provider);
  const videos = videosOf(provider);
  return [
    ["/chat/completions", openaiChatOf(provider)],
    ["/responses", responsesOf(provider)],
    ["/responses/compact", compactionOf(provider)],
    ["/embeddings", embeddingsOf(provider)],
    ["/completions", completionsOf(provider)],
    ["/images/generations", images],
    ["/images/edits", images],
    ["/images/variations", images],
    ["/audio/speech", speechOf(provider)],
    ["/audio/transcriptions", transcription],
    ["/audio/translations", transcription],
    ["/batches", batchesOf(provider)],
    ["/videos", videos],
    ["/videos/edits", videos],
    ["/videos/extensions", videos],
    ["/remix", videos],
  ];
}

const OPENAI = endpointsOf(Provider.openai);
const BEDROCK = endpointsOf(Provider.awsBedrock);
const AZURE = endpointsOf(Provider.azureOpenai);
/** A client for one deployment asks that one whatever model a body names. */
const AZURE_DEPLOYMENT: Endpoints = AZURE.map(([path, endpoint]) => [path, { ...endpoint, isModelFixed: true }]);

export const openaiAdapter: ClientAdapter = {
  endpointOf(path: string, client?: object): Endpoint | undefined {
    const query = path.indexOf("?");
    const end = query < 0 ? path : path.slice(0, query);
    return endpointsFor(client).find(([suffix]) => end.endsWith(suffix))?.[1];
  },
};

/** Of the package's clients only `BedrockOpenAI` asks for tokens of Bedrock, and only `AzureOpenAI` has a version of the API. */
function endpointsFor(client: object | undefined): Endpoints {
  if (client === undefined) return OPENAI;
  if ("bedrockTokenProvider" in client) return BEDROCK;
  if (!("apiVersion" in client) || !("deploymentName" in client)) return OPENAI;
  return typeof client.deploymentName === "string" ? AZURE_DEPLOYMENT : AZURE;
}
