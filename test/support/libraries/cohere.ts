import { CohereClient, CohereClientV2 } from "cohere-ai";
import { patchCohere } from "../../../instrumentation/src/cohere/patch-client.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library } from "./library.ts";
import { readToEnd } from "./seen.ts";

const MODEL = "command-a-03-2025";

function patch(): void {
  // `CohereClient` of the package extends the class that makes requests.
  patchCohere(Object.getPrototypeOf(CohereClient.prototype) as object);
  const v2 = new CohereClientV2({ token: "test" }) as unknown as { readonly clientV2: object };
  patchCohere(Object.getPrototypeOf(v2.clientV2) as object);
}

const common = {
  folder: "cohere",
  provider: "cohere",
  operation: "chat",
  model: MODEL,
  patch,
} as const;

const optionsOf = ({ fault, retries = true }: ClientOptions, { signal }: Ask) => ({
  headers: faultHeaders(fault),
  maxRetries: retries ? 2 : 0,
  ...(signal === undefined ? {} : { abortSignal: signal }),
});

export const cohereV2: Library = {
  ...common,
  name: "cohere-ai v2",
  client(url, options = {}) {
    const client = new CohereClientV2({ token: "test", environment: url });
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      messages: [{ role: "user" as const, content: prompt }],
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(hasTool === true ? { tools: [TOOL] } : {}),
    });
    return {
      ask: async (ask) => client.chat(request(ask), optionsOf(options, ask)),
      stream: async (ask) => client.chatStream(request(ask), optionsOf(options, ask)),
      forms: {
        async withRawResponse(ask) {
          const asked = client.chat(request(ask), optionsOf(options, ask));
          const { data, rawResponse } = await asked.withRawResponse();
          return [asked.constructor.name, asked instanceof Promise, data, rawResponse.status, rawResponse.statusText];
        },
        async "withRawResponse of a stream"(ask) {
          const { data, rawResponse } = await client
            .chatStream(request(ask), optionsOf(options, ask))
            .withRawResponse();
          return [await readToEnd(data), rawResponse.status];
        },
      },
    };
  },
};

export const cohereV1: Library = {
  ...common,
  name: "cohere-ai v1",
  client(url, options = {}) {
    const client = new CohereClient({ token: "test", environment: url });
    const { name, description } = TOOL.function;
    const tools = [{ name, description, parameterDefinitions: { text: { type: "str" } } }];
    const request = ({ prompt, maxTokens, hasTool }: Ask) => ({
      model: MODEL,
      message: prompt,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(hasTool === true ? { tools } : {}),
    });
    return {
      ask: async (ask) => client.chat(request(ask), optionsOf(options, ask)),
      stream: async (ask) => client.chatStream(request(ask), optionsOf(options, ask)),
    };
  },
};
