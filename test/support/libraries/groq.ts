import Groq from "groq-sdk";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";

const MODEL = "llama-3.3-70b-versatile";

export const groqChat: Library = {
  name: "groq-sdk",
  folder: "groq",
  provider: "groq",
  operation: "chat",
  model: MODEL,
  patch: () => void patchSdk("groq-sdk", findClientPrototype(Groq.prototype)),
  client(url, { fault, retries = true } = {}) {
    const maxRetries = retries ? 2 : 0;
    const client = new Groq({ apiKey: "test", baseURL: url, defaultHeaders: faultHeaders(fault), maxRetries });
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      messages: [{ role: "user" as const, content: prompt }],
      ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
      ...(hasTool === true ? { tools: [TOOL] } : {}),
    });
    const options = ({ signal }: Ask) => (signal === undefined ? {} : { signal });
    return {
      ask: async (ask) => client.chat.completions.create(request(ask), options(ask)),
      stream: async (ask) => client.chat.completions.create({ ...request(ask), stream: true }, options(ask)),
    };
  },
};
