import * as anthropic from "@ai-sdk/anthropic";
import * as openai from "@ai-sdk/openai";
import * as newest from "ai";
import type { LanguageModel } from "ai";
import { faultHeaders, type Ask, type Library } from "../libraries/library.ts";

type Settings = { readonly apiKey: string; readonly baseURL: string; readonly headers: Record<string, string> };

type Ai = Pick<typeof newest, "generateText" | "streamText">;

const framework = (
  ai: Ai,
  kind: Pick<Library, "name" | "provider" | "model" | "hasChunks">,
  make: (of: Settings) => LanguageModel,
): Library => ({
  ...kind,
  folder: "vercel-ai",
  operation: "chat",
  isFramework: true,
  spansOfRetry: 2,
  client(url, { fault, retries = true } = {}) {
    const model = make({ apiKey: "test", baseURL: `${url}/v1`, headers: faultHeaders(fault) });
    const request = ({ prompt, maxTokens, signal }: Ask) => ({
      model,
      prompt,
      maxRetries: retries ? 2 : 0,
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    return {
      async ask(ask) {
        const { content, usage, finishReason, response } = await ai.generateText(request(ask));
        return { content, usage, finishReason, id: response.id, model: response.modelId };
      },
      stream: async (ask) => partsOf(ai.streamText({ ...request(ask), onError: () => {} }).fullStream),
      forms: {
        async "promises of a stream"(ask) {
          const run = ai.streamText(request(ask));
          await run.consumeStream();
          return withoutTimes([await run.text, await run.usage, await run.finishReason, (await run.steps).length]);
        },
        "a response of text": async (ask) => ai.streamText(request(ask)).toTextStreamResponse().text(),
        "a response for a chat": async (ask) => ai.streamText(request(ask)).toUIMessageStreamResponse().text(),
      },
    };
  },
});

/** Its streams tell errors as parts. */
async function* partsOf(stream: AsyncIterable<newest.TextStreamPart<newest.ToolSet>>): AsyncGenerator<unknown> {
  for await (const part of stream) {
    if (part.type === "error") throw part.error;
    yield withoutTimes(part);
  }
}

/** What differs from one second to the next. */
const TIMES = /timestamp|headers|request|performance|duration|Ms$|PerSecond|^id$|callId/i;

function withoutTimes(part: unknown): unknown {
  return JSON.parse(JSON.stringify(part, (key, value: unknown) => (TIMES.test(key) ? undefined : value))) as unknown;
}

/** Of one version of each of its packages. */
export function vercelAiOf(
  ai: Ai,
  { createOpenAI }: Pick<typeof openai, "createOpenAI">,
  { createAnthropic }: Pick<typeof anthropic, "createAnthropic">,
): readonly Library[] {
  return [
    framework(ai, { name: "ai with openai.chat", hasChunks: true, provider: "openai", model: "gpt-4o" }, (of) =>
      createOpenAI(of).chat("gpt-4o"),
    ),
    framework(ai, { name: "ai with openai.responses", provider: "openai", model: "gpt-4o" }, (of) =>
      createOpenAI(of).responses("gpt-4o"),
    ),
    framework(ai, { name: "ai with anthropic", provider: "anthropic", model: "claude-haiku-4-5" }, (of) =>
      createAnthropic(of).languageModel("claude-haiku-4-5"),
    ),
  ];
}

export const vercelAi = vercelAiOf(newest, openai, anthropic);
