import * as agents from "@openai/agents";
import type { Model } from "@openai/agents";
import { OpenAI } from "openai";
import { faultHeaders, type Ask, type Library } from "../libraries/library.ts";

const MODEL = "gpt-4o";

const framework = (name: string, make: (client: never) => Model): Library => ({
  name,
  folder: "openai-agents",
  provider: "openai",
  operation: "chat",
  model: MODEL,
  isFramework: true,
  client(url, { fault, retries = true } = {}) {
    const maxRetries = retries ? 2 : 0;
    const defaultHeaders = faultHeaders(fault);
    const client = new OpenAI({ apiKey: "test", baseURL: `${url}/v1`, maxRetries, defaultHeaders });
    const model = make(client as never);
    const runner = new agents.Runner({ tracingDisabled: true });
    const agentOf = ({ maxTokens }: Ask) =>
      new agents.Agent({
        name: "Triage",
        instructions: "Help.",
        model,
        modelSettings: maxTokens === undefined ? {} : { maxTokens },
      });
    const options = ({ signal }: Ask) => (signal === undefined ? {} : { signal });
    return {
      async ask(ask) {
        const { finalOutput, rawResponses } = await runner.run(agentOf(ask), ask.prompt, options(ask));
        return { finalOutput, usage: rawResponses[0]?.usage, id: rawResponses[0]?.responseId };
      },
      async stream(ask) {
        const run = await runner.run(agentOf(ask), ask.prompt, { ...options(ask), stream: true });
        return (async function* () {
          for await (const event of run) {
            const { type } = event;
            yield type === "raw_model_stream_event" ? { type, data: JSON.parse(JSON.stringify(event.data)) } : type;
          }
          await run.completed;
          yield { finalOutput: run.finalOutput };
        })();
      },
      forms: {
        async "a stream of text"(ask) {
          const run = await runner.run(agentOf(ask), ask.prompt, { stream: true });
          const texts: string[] = [];
          for await (const piece of run.toTextStream()) texts.push(piece);
          await run.completed;
          return [texts, run.constructor.name, run.history.length];
        },
        async history(ask) {
          const run = await runner.run(agentOf(ask), ask.prompt);
          return [run.constructor.name, run.history, run.newItems.map(({ type }) => type), run.lastAgent?.name];
        },
      },
    };
  },
});

export const openaiAgents: readonly Library[] = [
  {
    ...framework(
      "@openai/agents with chat completions",
      (client) => new agents.OpenAIChatCompletionsModel(client, MODEL),
    ),
    hasChunks: true,
  },
  framework("@openai/agents with responses", (client) => new agents.OpenAIResponsesModel(client, MODEL)),
];
