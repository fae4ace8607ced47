import type { Body, Endpoint } from "../gate/endpoint.ts";
import { chatCompletionsOf } from "../openai/chat-completions.ts";
import { embeddingsOf } from "../openai/embeddings.ts";
import * as semconv from "../semconv.ts";
import type { ClientAdapter } from "../stainless/patch-client.ts";

/** Models on Groq that are known to answer with all they generate. Any other may think unseen. */
const OPEN_MODELS = /^(?:llama|meta-llama\/|gemma|mixtral|allam)/;
/** `service_tier` values at the model's own price. https://console.groq.com/docs/service-tiers */
const USUAL = new Set<unknown>([undefined, null, "auto", "on_demand", "flex"]);

const chat = chatCompletionsOf({
  provider: semconv.Provider.groq,
  // Every stream has it beside its last choice.
  asksForUsage: false,
  boundName: "max_completion_tokens",
  cacheWrites: false,
  tierOf: (body) => (USUAL.has(body["service_tier"]) ? "" : String(body["service_tier"])),
  hidesOutput: (model: string, body: Body) => !OPEN_MODELS.test(model) || body["reasoning_effort"] !== undefined,
});

const ENDPOINTS: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/chat/completions", chat],
  ["/embeddings", embeddingsOf(semconv.Provider.groq)],
];

/** What of the `groq-sdk` package is gated. */
export const groqAdapter: ClientAdapter = {
  endpointOf(path: string): Endpoint | undefined {
    const end = path.split("?", 1)[0] ?? "";
    return ENDPOINTS.find(([suffix]) => end.endsWith(suffix))?.[1];
  },
};
