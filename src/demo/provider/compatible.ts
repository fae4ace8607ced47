/**
 * Groq and Mistral on the wire: OpenAI's format, but a stream tells its usage unasked, beside the last choice.
 * https://console.groq.com/docs/api-reference · https://docs.mistral.ai/api
 */
import { chatDialect } from "./openai-chat.ts";
import { embeddingsDialect } from "./openai-embeddings.ts";

export const groqChat = chatDialect({
  provider: "groq",
  path: "/openai/v1/chat/completions",
  streamUsage: "x_groq",
});

/** OpenAI's own path: the simulator tells the two by the model. */
export const mistralChat = chatDialect({
  provider: "mistral",
  path: "/mistral/v1/chat/completions",
  streamUsage: "last_choice",
});

export const mistralEmbeddings = embeddingsDialect({ provider: "mistral", path: "/mistral/v1/embeddings" });
