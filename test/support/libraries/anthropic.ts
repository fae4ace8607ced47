import Anthropic, { BaseAnthropic } from "@anthropic-ai/sdk";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, type Library } from "./library.ts";

const MODEL = "claude-haiku-4-5";

export const anthropicMessages: Library = {
  name: "@anthropic-ai/sdk messages",
  folder: "anthropic",
  provider: "anthropic",
  operation: "chat",
  model: MODEL,
  patch: () => void patchSdk("@anthropic-ai/sdk", findClientPrototype(BaseAnthropic.prototype)),
  client(url, { fault, retries = true } = {}) {
    const maxRetries = retries ? 2 : 0;
    const client = new Anthropic({ apiKey: "test", baseURL: url, defaultHeaders: faultHeaders(fault), maxRetries });
    const request = (prompt: string, maxTokens = 1_000) => ({
      model: MODEL,
      max_tokens: maxTokens,
      messages: [{ role: "user" as const, content: prompt }],
    });
    return {
      ask: async ({ prompt, maxTokens, signal }) => client.messages.create(request(prompt, maxTokens), { signal }),
      stream: async ({ prompt, maxTokens, signal }) =>
        client.messages.create({ ...request(prompt, maxTokens), stream: true }, { signal }),
    };
  },
};
