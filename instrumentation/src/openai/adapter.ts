import type { Endpoint } from "../gate/endpoint.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";
import { chatCompletions } from "./chat-completions.ts";
import { responses } from "./responses.ts";

/** What of the `openai` package is gated. */
export const openaiAdapter: ClientAdapter = {
  endpointOf(path: string): Endpoint | undefined {
    const end = path.split("?", 1)[0] ?? "";
    if (end.endsWith("/chat/completions")) return chatCompletions;
    return end.endsWith("/responses") ? responses : undefined;
  },
};
