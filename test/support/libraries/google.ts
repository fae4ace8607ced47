import { GoogleGenAI, Models } from "@google/genai";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { faultHeaders, TOOL, type Ask, type ClientOptions, type Library, type LibraryClient } from "./library.ts";

const MODEL = "gemini-2.5-flash";
const { parameters, ...NAMED } = TOOL.function;
const FUNCTION = { ...NAMED, parametersJsonSchema: parameters };

const common = {
  folder: "google",
  patch: () => void patchModels(Models.prototype),
} as const;

export const googleSettings = (url: string, { fault, retries = true }: ClientOptions) => ({
  httpOptions: {
    baseUrl: url,
    headers: faultHeaders(fault),
    // It tries again only where it is told to, and waits a second unless it is told not to.
    ...(retries ? { retryOptions: { attempts: 2, initialDelay: 0 } } : {}),
  },
});

const geminiOf = (url: string, options: ClientOptions = {}): GoogleGenAI =>
  new GoogleGenAI({ apiKey: "test", ...googleSettings(url, options) });

function vertexOf(url: string, options: ClientOptions = {}): GoogleGenAI {
  const authClient = { getRequestHeaders: async () => new Headers({ authorization: "Bearer test" }) } as never;
  const place = { vertexai: true, project: "p", location: "us-east5", googleAuthOptions: { authClient } };
  return new GoogleGenAI({ ...place, ...googleSettings(url, options) });
}

/** The headers have the time in them. */
const seen = (answer: object): unknown => ({ ...answer, sdkHttpResponse: undefined });

export const googleGenai: Library = {
  ...common,
  name: "@google/genai",
  provider: "gcp.gemini",
  operation: "generate_content",
  model: MODEL,
  client: (url, options) => generateOf(geminiOf(url, options)),
};

export const googleVertex: Library = {
  ...common,
  name: "@google/genai of Vertex AI",
  provider: "gcp.vertex_ai",
  operation: "generate_content",
  model: MODEL,
  client: (url, options) => generateOf(vertexOf(url, options)),
};

const EMBEDDINGS = { ...common, operation: "embeddings", model: "gemini-embedding-001" } as const;

export const googleEmbeddings: Library = {
  ...EMBEDDINGS,
  name: "@google/genai embeddings",
  provider: "gcp.gemini",
  client: (url, options) => embeddingsOf(geminiOf(url, options)),
};

export const googleVertexEmbeddings: Library = {
  ...EMBEDDINGS,
  name: "@google/genai embeddings of Vertex AI",
  provider: "gcp.vertex_ai",
  client: (url, options) => embeddingsOf(vertexOf(url, options)),
};

function embeddingsOf({ models }: GoogleGenAI): LibraryClient {
  const { model } = EMBEDDINGS;
  return {
    async ask({ prompt, signal }) {
      const config = signal === undefined ? {} : { abortSignal: signal };
      return seen(await models.embedContent({ model, contents: prompt, config }));
    },
    forms: {
      "several texts": async ({ prompt }) =>
        seen(await models.embedContent({ model, contents: [prompt, `${prompt} once more`] })),
    },
  };
}

export function generateOf(client: GoogleGenAI): LibraryClient {
  const request = ({ prompt, maxTokens, hasTool, signal }: Ask) => ({
    model: MODEL,
    contents: prompt,
    config: {
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(hasTool === true ? { tools: [{ functionDeclarations: [FUNCTION] }] } : {}),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    },
  });
  return {
    ask: async (ask) => seen(await client.models.generateContent(request(ask))),
    stream: async (ask) => {
      const events = await client.models.generateContentStream(request(ask));
      return (async function* () {
        for await (const event of events) yield seen(event);
      })();
    },
    forms: {
      async "an answer's own class"(ask) {
        const answer = await client.models.generateContent(request(ask));
        return [answer.constructor.name, answer.text, answer.functionCalls, Object.keys(answer)];
      },
      async "a chat"({ prompt }) {
        const chat = client.chats.create({ model: MODEL });
        return [seen(await chat.sendMessage({ message: prompt })), chat.getHistory()];
      },
      async "a streamed chat"({ prompt }) {
        const chat = client.chats.create({ model: MODEL });
        const texts: unknown[] = [];
        for await (const { text } of await chat.sendMessageStream({ message: prompt })) texts.push(text);
        return [texts, chat.getHistory()];
      },
    },
  };
}
