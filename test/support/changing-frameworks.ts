/** Frameworks that hand an app's own `fetch` on to the SDK below them: it may change a request after its admission. */
import { createOpenAI } from "@ai-sdk/openai";
import { openaiClient } from "./gated-process.ts";
import { ASKED, plain, type Change, type Way } from "./changing-ways.ts";

const MODEL = "gpt-4o-mini";

const fetchOf = (change: Change): typeof globalThis.fetch => plain(change) as typeof globalThis.fetch;

async function runAgent(name: "chat" | "responses", url: string, change: Change): Promise<unknown> {
  const agents = await import("@openai/agents");
  const client = openaiClient(url, { fetch: fetchOf(change) }) as never;
  const model =
    name === "chat"
      ? new agents.OpenAIChatCompletionsModel(client, MODEL)
      : new agents.OpenAIResponsesModel(client, MODEL);
  const agent = new agents.Agent({ name: "a", instructions: "Help.", model, modelSettings: { maxTokens: ASKED } });
  return new agents.Runner({ tracingDisabled: true }).run(agent, "hi");
}

async function runMastra(url: string, change: Change): Promise<unknown> {
  const { Agent } = await import("@mastra/core/agent");
  const provider = createOpenAI({ apiKey: "k", baseURL: `${url}/v1`, fetch: fetchOf(change) });
  const agent = new Agent({ id: "a", name: "a", instructions: "Help.", model: provider.chat(MODEL) as never });
  return agent.generate("hi", { modelSettings: { maxOutputTokens: ASKED } });
}

export const FRAMEWORK_WAYS: Readonly<Record<string, Way>> = {
  "a client of OpenAI's agents (chat)": { bound: ["max_tokens"], ask: (url, change) => runAgent("chat", url, change) },
  "a client of OpenAI's agents (responses)": {
    bound: ["max_output_tokens"],
    ask: (url, change) => runAgent("responses", url, change),
  },
  "a provider of Mastra": { bound: ["max_tokens"], ask: runMastra },
  "LlamaIndex's session options": {
    bound: ["max_tokens"],
    async ask(url, change) {
      const { OpenAI } = await import("@llamaindex/openai");
      const session = { baseURL: `${url}/v1`, fetch: fetchOf(change) };
      const model = new OpenAI({
        model: MODEL,
        maxTokens: ASKED,
        apiKey: "k",
        additionalSessionOptions: session as never,
      });
      return model.chat({ messages: [{ role: "user", content: "hi" }] });
    },
  },
};
