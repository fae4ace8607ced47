import * as llamaindex from "@llamaindex/openai";
import { faultHeaders, type Ask, type Library } from "../libraries/library.ts";

const MODEL = "gpt-4o";

export const llamaindexChat: Library = {
  name: "@llamaindex/openai",
  hasChunks: true,
  folder: "llamaindex",
  provider: "openai",
  operation: "chat",
  model: MODEL,
  isFramework: true,
  client(url, { fault, retries = true } = {}) {
    const modelOf = ({ maxTokens }: Ask) =>
      new llamaindex.OpenAI({
        model: MODEL,
        apiKey: "test",
        baseURL: `${url}/v1`,
        maxRetries: retries ? 2 : 0,
        additionalSessionOptions: { defaultHeaders: faultHeaders(fault) },
        ...(maxTokens === undefined ? {} : { maxTokens }),
      });
    const messages = ({ prompt }: Ask) => [{ role: "user" as const, content: prompt }];
    return {
      ask: async (ask) => modelOf(ask).chat({ messages: messages(ask) }),
      stream: async (ask) => modelOf(ask).chat({ messages: messages(ask), stream: true }),
      forms: {
        complete: async (ask) => modelOf(ask).complete({ prompt: ask.prompt }),
        async "a streamed completion"(ask) {
          const texts: string[] = [];
          for await (const { text } of await modelOf(ask).complete({ prompt: ask.prompt, stream: true }))
            texts.push(text);
          return texts;
        },
      },
    };
  },
};
