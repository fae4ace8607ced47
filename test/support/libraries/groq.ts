import Groq from "groq-sdk";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";
import { readToEnd } from "./seen.ts";

const MODEL = "llama-3.3-70b-versatile";

export const groqChat: Library = {
  name: "groq-sdk",
  folder: "groq",
  provider: "groq",
  operation: "chat",
  model: MODEL,
  hasChunks: true,
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
      forms: {
        async withResponse(ask) {
          const asked = client.chat.completions.create(request(ask));
          const { data, response } = await asked.withResponse();
          return [asked.constructor.name, asked instanceof Promise, data, response.status, response.bodyUsed];
        },
        async asResponse(ask) {
          const response = await client.chat.completions.create(request(ask)).asResponse();
          return [response instanceof Response, response.bodyUsed, await response.json(), response.bodyUsed];
        },
        async controller(ask) {
          const asked = await client.chat.completions.create({ ...request(ask), stream: true });
          const [left, right] = asked.tee();
          return [asked.controller instanceof AbortController, await readToEnd(left), await readToEnd(right)];
        },
        toReadableStream: async (ask) =>
          new Response(
            (
              await client.chat.completions.create({ ...request(ask), stream: true })
            ).toReadableStream() as ReadableStream,
          ).text(),
      },
    };
  },
};
