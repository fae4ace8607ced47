import { createOpenAI } from "@ai-sdk/openai";
import * as mastra from "@mastra/core/agent";
import { noopLogger } from "@mastra/core/logger";
import { faultHeaders, type Ask, type Library } from "../libraries/library.ts";

const MODEL = "gpt-4o";

export const mastraAgent: Library = {
  name: "@mastra/core",
  hasChunks: true,
  folder: "mastra",
  provider: "openai",
  operation: "chat",
  model: MODEL,
  isFramework: true,
  spansOfRetry: 2,
  client(url, { fault, retries = true } = {}) {
    const maxRetries = retries ? 2 : 0;
    const agent = new mastra.Agent({
      id: "helper",
      name: "The helper",
      instructions: "Help.",
      model: createOpenAI({ apiKey: "test", baseURL: `${url}/v1`, headers: faultHeaders(fault) }).chat(MODEL) as never,
      maxRetries,
    });
    // It would print each refusal.
    (agent as unknown as { __setLogger(logger: unknown): void }).__setLogger(noopLogger);
    const options = ({ maxTokens, signal }: Ask) => ({
      modelSettings: { maxRetries, ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }) },
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    return {
      async ask(ask) {
        const { text, usage, finishReason } = await agent.generate(ask.prompt, options(ask));
        return { text, usage, finishReason };
      },
      async stream(ask) {
        const run = await agent.stream(ask.prompt, options(ask));
        return (async function* () {
          for await (const { type, payload } of run.fullStream as AsyncIterable<Chunk>) {
            if (type === "error") throw payload?.error;
            yield { type, text: payload?.text };
          }
        })();
      },
      forms: {
        async "promises of a stream"(ask) {
          const run = await agent.stream(ask.prompt, options(ask));
          await run.consumeStream();
          return [await run.text, await run.usage, await run.finishReason, (await run.steps).length];
        },
        async "a stream of text"(ask) {
          const texts: string[] = [];
          for await (const piece of (await agent.stream(ask.prompt, options(ask))).textStream) texts.push(piece);
          return texts;
        },
      },
    };
  },
};

interface Chunk {
  readonly type: string;
  readonly payload?: { readonly text?: string; readonly error?: unknown };
}
