import * as models from "@langchain/core/language_models/chat_models";
import * as messages from "@langchain/core/messages";
import type { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import * as outputs from "@langchain/core/outputs";
import * as openai from "@langchain/openai";
import { makeWireModel } from "../langchain-wire-model.ts";
import { faultHeaders, type Ask, type ClientOptions, type Library, type LibraryClient } from "../libraries/library.ts";

const MODEL = "gpt-4o";
const common = { folder: "langchain", provider: "openai", operation: "chat", model: MODEL, isFramework: true } as const;

function clientOf(make: (maxTokens: number | undefined) => models.BaseChatModel): LibraryClient {
  const made = new Map<number | undefined, models.BaseChatModel>();
  const modelOf = ({ maxTokens }: Ask): models.BaseChatModel => {
    const model = made.get(maxTokens) ?? make(maxTokens);
    made.set(maxTokens, model);
    return model;
  };
  const options = ({ signal }: Ask) => (signal === undefined ? {} : { signal });
  const seen = ({ content, usage_metadata, response_metadata, id }: AIMessage | AIMessageChunk) => {
    // What it is given for a run of its own.
    return { content, usage: usage_metadata, about: response_metadata, id: id?.startsWith("run") === true ? "" : id };
  };
  return {
    ask: async (ask) => seen((await modelOf(ask).invoke(ask.prompt, options(ask))) as AIMessage),
    async stream(ask) {
      const pieces = await modelOf(ask).stream(ask.prompt, options(ask));
      return (async function* () {
        for await (const piece of pieces) yield seen(piece as AIMessageChunk);
      })();
    },
    forms: {
      batch: async (ask) => (await modelOf(ask).batch([ask.prompt])).map((message) => seen(message as AIMessage)),
      async streamEvents(ask) {
        const events: unknown[] = [];
        for await (const { event, data } of modelOf(ask).streamEvents(ask.prompt, { version: "v2" }))
          events.push([event, (data as { readonly chunk?: AIMessageChunk }).chunk?.content]);
        return events;
      },
      async pipe(ask) {
        return modelOf(ask)
          .pipe(({ content }: { readonly content: unknown }) => content)
          .invoke(ask.prompt);
      },
    },
  };
}

/** A model that uses no SDK, of one copy of the library. */
export const ownModel = (twin: Parameters<typeof makeWireModel>[0]): Library => ({
  ...common,
  name: "@langchain/core with a model of one's own",
  client: (url: string, { fault, retries = true }: ClientOptions = {}) =>
    clientOf((maxTokens) =>
      makeWireModel(twin, { url, maxTokens, headers: faultHeaders(fault), maxRetries: retries ? 2 : 0 }),
    ),
});

export const langchain: readonly Library[] = [
  {
    ...common,
    name: "@langchain/core with openai",
    hasChunks: true,
    spansOfRetry: 2,
    client: (url: string, { fault, retries = true }: ClientOptions = {}) =>
      clientOf(
        (maxTokens) =>
          new openai.ChatOpenAI({
            model: MODEL,
            ...(maxTokens === undefined ? {} : { maxTokens }),
            maxRetries: retries ? 2 : 0,
            apiKey: "test",
            configuration: { baseURL: `${url}/v1`, defaultHeaders: faultHeaders(fault) },
          }),
      ),
  },
  ownModel({ models, messages, outputs }),
];
