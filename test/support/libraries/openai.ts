import OpenAI from "openai";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library } from "./library.ts";

const MODEL = "gpt-4o-mini";
const patch = (): void => void patchSdk("openai", findClientPrototype(OpenAI.prototype));

function clientOf(url: string, { fault, retries = true }: ClientOptions): OpenAI {
  const maxRetries = retries ? 2 : 0;
  return new OpenAI({ apiKey: "test", baseURL: `${url}/v1`, defaultHeaders: faultHeaders(fault), maxRetries });
}

const common = {
  folder: "openai",
  provider: "openai",
  operation: "chat",
  model: MODEL,
  patch,
} as const;

export const openaiChat: Library = {
  ...common,
  name: "openai chat completions",
  client(url, options = {}) {
    const client = clientOf(url, options);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      messages: [{ role: "user" as const, content: prompt }],
      ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
      ...(hasTool === true ? { tools: [TOOL] } : {}),
    });
    return {
      ask: async (ask) => client.chat.completions.create(request(ask), { signal: ask.signal }),
      stream: async (ask) => client.chat.completions.create({ ...request(ask), stream: true }, { signal: ask.signal }),
    };
  },
};

export const openaiResponses: Library = {
  ...common,
  name: "openai responses",
  client(url, options = {}) {
    const client = clientOf(url, options);
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      input: prompt,
      ...(maxTokens === undefined ? {} : { max_output_tokens: maxTokens }),
      ...(hasTool === true ? { tools: [{ type: "function" as const, ...TOOL.function, strict: false }] } : {}),
    });
    return {
      ask: async (ask) => client.responses.create(request(ask), { signal: ask.signal }),
      stream: async (ask) => client.responses.create({ ...request(ask), stream: true }, { signal: ask.signal }),
    };
  },
};
