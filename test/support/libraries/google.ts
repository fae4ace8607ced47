import { GoogleGenAI, Models } from "@google/genai";
import { patchModels } from "../../../instrumentation/src/google/patch-models.ts";
import { faultHeaders, TOOL, type Ask, type Library } from "./library.ts";

const MODEL = "gemini-2.5-flash";
const { parameters, ...NAMED } = TOOL.function;
const FUNCTION = { ...NAMED, parametersJsonSchema: parameters };

export const googleGenai: Library = {
  name: "@google/genai",
  folder: "google",
  provider: "gcp.gemini",
  operation: "generate_content",
  model: MODEL,
  patch: () => void patchModels(Models.prototype),
  client(url, { fault, retries = true } = {}) {
    const client = new GoogleGenAI({
      apiKey: "test",
      httpOptions: {
        baseUrl: url,
        headers: faultHeaders(fault),
        // It tries again only where it is told to.
        ...(retries ? { retryOptions: { attempts: 2 } } : {}),
      },
    });
    const request = ({ prompt, maxTokens, hasTool, signal }: Ask) => ({
      model: MODEL,
      contents: prompt,
      config: {
        ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
        ...(hasTool === true ? { tools: [{ functionDeclarations: [FUNCTION] }] } : {}),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      },
    });
    // The headers have the time in them.
    const seen = (answer: object): unknown => ({ ...answer, sdkHttpResponse: undefined });
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
  },
};
