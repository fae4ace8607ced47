import { Ollama } from "ollama";
import { patchOllama } from "../../../instrumentation/src/ollama/patch-ollama.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";

const MODEL = "llama3.2";

const common = {
  folder: "ollama",
  provider: "ollama",
  model: MODEL,
  patch: () => void patchOllama(Ollama.prototype),
} as const;

function clientOf(url: string, fault: string | undefined): Ollama {
  return new Ollama({ host: url, headers: { authorization: "Bearer test", ...faultHeaders(fault) } });
}

const optionsOf = ({ maxTokens }: Ask) => (maxTokens === undefined ? {} : { options: { num_predict: maxTokens } });

export const ollamaChat: Library = {
  ...common,
  name: "ollama chat",
  operation: "chat",
  client(url, { fault } = {}) {
    const client = clientOf(url, fault);
    const request = (ask: Ask) => ({
      model: MODEL,
      messages: [{ role: "user", content: ask.prompt }],
      ...optionsOf(ask),
      ...(ask.hasTool === true ? { tools: [TOOL] } : {}),
    });
    return {
      ask: (ask) => client.chat({ ...request(ask), stream: false }),
      stream: (ask) => client.chat({ ...request(ask), stream: true }),
      forms: {
        async "abort of a stream"(ask) {
          const stream = await client.chat({ ...request(ask), stream: true });
          for await (const event of stream) {
            void event;
            stream.abort();
          }
        },
        async "abort of the client"(ask) {
          for await (const event of await client.chat({ ...request(ask), stream: true })) {
            void event;
            client.abort();
          }
        },
      },
    };
  },
};

export const ollamaGenerate: Library = {
  ...common,
  name: "ollama generate",
  operation: "text_completion",
  client(url, { fault } = {}) {
    const client = clientOf(url, fault);
    const request = (ask: Ask) => ({ model: MODEL, prompt: ask.prompt, ...optionsOf(ask) });
    return {
      ask: (ask) => client.generate({ ...request(ask), stream: false }),
      stream: (ask) => client.generate({ ...request(ask), stream: true }),
    };
  },
};
