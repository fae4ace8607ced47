import OpenAI, { AzureOpenAI, toFile } from "openai";
import { patchSdk } from "../../../instrumentation/src/registration/patch-sdk.ts";
import { findClientPrototype } from "../../../instrumentation/src/stainless/client-shape.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library, type LibraryClient } from "./library.ts";
import { readToEnd } from "./seen.ts";

const MODEL = "gpt-4o-mini";
const patch = (): void => void patchSdk("openai", findClientPrototype(OpenAI.prototype));

export const openaiSettings = ({ fault, retries = true }: ClientOptions) => ({
  apiKey: "test",
  defaultHeaders: faultHeaders(fault),
  maxRetries: retries ? 2 : 0,
});

const clientOf = (url: string, options: ClientOptions = {}): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, ...openaiSettings(options) });

const azureOf = (url: string, options: ClientOptions = {}): OpenAI =>
  new AzureOpenAI({ endpoint: url, apiVersion: "2025-04-01", ...openaiSettings(options) });

const common = {
  folder: "openai",
  provider: "openai",
  operation: "chat",
  model: MODEL,
  patch,
} as const;

const AZURE = { provider: "azure.ai.openai" } as const;

export const openaiChat: Library = {
  ...common,
  name: "openai chat completions",
  hasChunks: true,
  client: (url, options) => chatOf(clientOf(url, options)),
};

export const azureChat: Library = {
  ...common,
  ...AZURE,
  name: "openai chat completions of Azure",
  hasChunks: true,
  client: (url, options) => chatOf(azureOf(url, options)),
};

export function chatOf(client: OpenAI): LibraryClient {
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
}

export const openaiResponses: Library = {
  ...common,
  name: "openai responses",
  client: (url, options) => responsesOf(clientOf(url, options)),
};

export const azureResponses: Library = {
  ...common,
  ...AZURE,
  name: "openai responses of Azure",
  client: (url, options) => responsesOf(azureOf(url, options)),
};

export function responsesOf(client: OpenAI): LibraryClient {
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
}

export const openaiCompletions: Library = {
  ...common,
  name: "openai completions",
  hasChunks: true,
  operation: "text_completion",
  model: "gpt-3.5-turbo-instruct",
  client(url, options) {
    const { completions } = clientOf(url, options);
    const request = ({ prompt, maxTokens }: Ask) => ({
      model: openaiCompletions.model,
      prompt,
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    });
    return {
      ask: async (ask) => completions.create(request(ask), { signal: ask.signal }),
      stream: async (ask) => completions.create({ ...request(ask), stream: true }, { signal: ask.signal }),
      forms: {
        several: async (ask) => completions.create({ ...request(ask), n: 3 }),
        "several in a stream": async (ask) =>
          readToEnd(await completions.create({ ...request(ask), n: 3, stream: true })),
        "a stream with its usage": async (ask) => {
          const stream_options = { include_usage: true };
          return readToEnd(await completions.create({ ...request(ask), stream: true, stream_options }));
        },
      },
    };
  },
};

const EMBEDDINGS = { ...common, operation: "embeddings", model: "text-embedding-3-small" } as const;

export const openaiEmbeddings: Library = {
  ...EMBEDDINGS,
  name: "openai embeddings",
  client: (url, options) => embeddingsOf(clientOf(url, options)),
};

export const azureEmbeddings: Library = {
  ...EMBEDDINGS,
  ...AZURE,
  name: "openai embeddings of Azure",
  client: (url, options) => embeddingsOf(azureOf(url, options)),
};

export function embeddingsOf(client: OpenAI): LibraryClient {
  const { model } = EMBEDDINGS;
  return {
    ask: async ({ prompt, signal }) => client.embeddings.create({ model, input: prompt }, { signal }),
    forms: {
      "several texts": async ({ prompt }) =>
        client.embeddings.create({ model, input: [prompt, `${prompt} once more`] }),
      tokens: async () => client.embeddings.create({ model, input: [1, 2, 3] }),
      numbers: async ({ prompt }) => client.embeddings.create({ model, input: prompt, encoding_format: "float" }),
    },
  };
}

const MEDIA = { ...common, operation: "generate_content" } as const;

export const openaiImages: Library = {
  ...MEDIA,
  name: "openai images",
  model: "gpt-image-1",
  client: (url, options) => imagesOf(clientOf(url, options)),
};

export const azureImages: Library = {
  ...MEDIA,
  ...AZURE,
  name: "openai images of Azure",
  model: openaiImages.model,
  client: (url, options) => imagesOf(azureOf(url, options)),
};

function imagesOf({ images }: OpenAI): LibraryClient {
  const { model } = openaiImages;
  return {
    ask: async ({ prompt, signal }) => images.generate({ model, prompt }, { signal }),
    stream: async ({ prompt, signal }) => images.generate({ model, prompt, stream: true }, { signal }),
    forms: {
      several: async ({ prompt }) => images.generate({ model, prompt, n: 3 }),
      "an edit": async ({ prompt }) => images.edit({ model, prompt, image: await file("a.png", "image/png") }),
      async "a streamed edit"({ prompt }) {
        return readToEnd(await images.edit({ model, prompt, image: await file("a.png", "image/png"), stream: true }));
      },
    },
  };
}

export const openaiTranscriptions: Library = {
  ...MEDIA,
  name: "openai transcriptions",
  model: "gpt-4o-transcribe",
  client: (url, options) => transcriptionsOf(clientOf(url, options)),
};

export const azureTranscriptions: Library = {
  ...MEDIA,
  ...AZURE,
  name: "openai transcriptions of Azure",
  model: openaiTranscriptions.model,
  client: (url, options) => transcriptionsOf(azureOf(url, options)),
};

function transcriptionsOf({ audio: { transcriptions } }: OpenAI): LibraryClient {
  const { model } = openaiTranscriptions;
  return {
    ask: async ({ prompt, signal }) =>
      transcriptions.create({ model, prompt, file: await file("a.wav", "audio/wav") }, { signal }),
    stream: async ({ prompt, signal }) =>
      transcriptions.create({ model, prompt, file: await file("a.wav", "audio/wav"), stream: true }, { signal }),
  };
}

export const openaiSpeech: Library = {
  ...MEDIA,
  name: "openai speech",
  model: "gpt-4o-mini-tts",
  hidesUsage: true,
  client: (url, options) => speechOf(clientOf(url, options)),
};

export const azureSpeech: Library = {
  ...MEDIA,
  ...AZURE,
  name: "openai speech of Azure",
  model: openaiSpeech.model,
  hidesUsage: true,
  client: (url, options) => speechOf(azureOf(url, options)),
};

function speechOf({ audio: { speech } }: OpenAI): LibraryClient {
  const request = ({ prompt }: Ask) => ({ model: openaiSpeech.model, voice: "ash" as const, input: prompt });
  return {
    async ask(ask) {
      const response = await speech.create(request(ask), { signal: ask.signal });
      return [response.headers.get("content-type"), Buffer.from(await response.arrayBuffer()).toString()];
    },
    // The SDK gives its events as the text that they are.
    async stream(ask) {
      const { body } = await speech.create({ ...request(ask), stream_format: "sse" }, { signal: ask.signal });
      return eventsIn(body as ReadableStream<Uint8Array>);
    },
  };
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) {
    const events = (text + decoder.decode(piece, { stream: true })).split("\n\n");
    text = events.pop() ?? "";
    yield* events;
  }
  if (text !== "") yield text;
}

const file = async (name: string, type: string) => toFile(Buffer.alloc(300, name), name, { type });
