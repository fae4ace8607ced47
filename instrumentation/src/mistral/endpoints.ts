/** What of Mistral's API is gated, by the path. https://docs.mistral.ai/api */
import type { Body, Endpoint, RequestFacts } from "../gate/endpoint.ts";
import { asText } from "../gate/endpoint.ts";
import { inputTokensMax } from "../gate/input-bound.ts";
import { chatCompletionsOf } from "../openai/chat-completions.ts";
import type { ChatFlavour } from "../openai/chat-completions.ts";
import { embeddingsOf } from "../openai/embeddings.ts";
import * as semconv from "../semconv.ts";

const FLAVOUR: ChatFlavour = {
  provider: semconv.Provider.mistralAi,
  // Every stream has it beside its last choice.
  asksForUsage: false,
  boundName: "max_tokens",
  cacheWrites: false,
  tierOf: (body) => (body["service_tier"] === "priority" ? "priority" : ""),
  // Thoughts are part of the answer.
  hidesOutput: () => false,
};

const chat = chatCompletionsOf(FLAVOUR);

/** An agent's model, instructions and tools are kept by Mistral: it has a price only under its own id. */
const agents = chatCompletionsOf({
  ...FLAVOUR,
  hasUnseenInput: true,
  modelOf: (body) => asText(body["agent_id"]) ?? "",
});

/** A prompt and what follows it, in place of messages. */
const fillInTheMiddle: Endpoint = {
  ...chat,
  operation: semconv.Operation.textCompletion,
  readRequest(body: Body): RequestFacts {
    return { ...chat.readRequest(body), inputBound: inputTokensMax(body, { hasTools: false }) };
  },
};

const embeddings: Endpoint = {
  ...embeddingsOf(semconv.Provider.mistralAi),
  blockedAnswer: (body: Body) =>
    JSON.stringify({
      id: "tollgate",
      object: "list",
      model: asText(body["model"]) ?? "",
      data: [],
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    }),
};

const ENDPOINTS: readonly (readonly [path: string, endpoint: Endpoint])[] = [
  ["/v1/chat/completions", chat],
  ["/v1/agents/completions", agents],
  ["/v1/fim/completions", fillInTheMiddle],
  ["/v1/embeddings", embeddings],
];

/** `undefined`: costs nothing, or is not gated. */
export function mistralEndpoint(path: string): Endpoint | undefined {
  return ENDPOINTS.find(([suffix]) => path.endsWith(suffix))?.[1];
}
