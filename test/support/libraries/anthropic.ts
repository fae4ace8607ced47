import Anthropic, { BaseAnthropic } from "@anthropic-ai/sdk";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";

const MODEL = "claude-haiku-4-5";
const { name, description } = TOOL.function;
const parameters = { ...TOOL.function.parameters, type: "object" as const };

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
    const request = ({ prompt, maxTokens = 1_000, hasTool }: Ask) => ({
      model: MODEL,
      max_tokens: maxTokens,
      messages: [{ role: "user" as const, content: prompt }],
      ...(hasTool === true ? { tools: [{ name, description, input_schema: parameters }] } : {}),
    });
    return {
      ask: async (ask) => client.messages.create(request(ask), { signal: ask.signal }),
      stream: async (ask) => client.messages.create({ ...request(ask), stream: true }, { signal: ask.signal }),
    };
  },
};
