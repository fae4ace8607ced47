import type { Endpoint } from "../gate/endpoint.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";
import { chatCompletions } from "./chat-completions.ts";
import { embeddings } from "./embeddings.ts";
import { responses } from "./responses.ts";

/** What of the `openai` package is gated, by the end of the path. */
const ENDPOINTS: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/chat/completions", chatCompletions],
  ["/responses", responses],
  ["/embeddings", embeddings],
];

export const openaiAdapter: ClientAdapter = {
  endpointOf(path: string): Endpoint | undefined {
    const end = path.split("?", 1)[0] ?? "";
    return ENDPOINTS.find(([suffix]) => end.endsWith(suffix))?.[1];
  },
};
