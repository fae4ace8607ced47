/** Mastra's own exporter for OTLP: agents on the AI SDK's models, whole and streamed, with a tool, OpenAI and Anthropic. */
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { Agent } from "@mastra/core/agent";
import { Mastra } from "@mastra/core/mastra";
import { createTool } from "@mastra/core/tools";
import { Observability } from "@mastra/observability";
import { OtelExporter } from "@mastra/otel-exporter";
import { z } from "zod";
import { LONG_SYSTEM } from "./calls.mjs";

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const WHO = { tracingOptions: { metadata: { sessionId: "session-7", userId: "user-9" } } };

const orderLookup = createTool({
  id: "order_lookup",
  description: "Looks an order up.",
  inputSchema: z.object({ order: z.string() }),
  execute: async () => ({ state: "shipped" }),
});
const cached = { anthropic: { cacheControl: { type: "ephemeral" } } };
const agent = (model, more = {}) =>
  new Agent({ id: "planner", name: "planner", instructions: "You plan.", model, maxRetries: 0, ...more });
const agents = {
  plain: agent(openai.chat("gpt-4o-mini")),
  long: agent(openai.chat("gpt-4o"), { instructions: LONG_SYSTEM }),
  responses: agent(openai.responses("gpt-4o-mini")),
  tool: agent(openai.chat("gpt-4o-mini"), { tools: { order_lookup: orderLookup } }),
  claude: agent(anthropic("claude-haiku-4-5"), {
    instructions: { role: "system", content: LONG_SYSTEM, providerOptions: cached },
  }),
  unknown: agent(openai.chat("gpt-unknown")),
};
const endpoint = `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`;
const exporter = new OtelExporter({ provider: { custom: { endpoint, protocol: "http/json" } } });
const observability = new Observability({ configs: { otel: { serviceName: "dialect-agent", exporters: [exporter] } } });
// Only what is registered is traced.
for (const [name, each] of Object.entries(agents)) {
  new Mastra({ agents: { [name]: each }, observability, logger: false });
}

await agents.plain.generate("How much is the toll?", WHO);
for (const question of ["First question.", "Second question."]) await agents.long.generate(question, WHO);
await agents.responses.generate("[think] How long is the queue?", WHO);
const stream = await agents.plain.stream("Tell me of the gate.", WHO);
for await (const _text of stream.textStream);
await agents.tool.generate("[tool] Where is my order?", WHO);
for (const question of ["First question.", "Second question."]) await agents.claude.generate(question, WHO);
await agents.unknown.generate("This model is not there.", WHO).catch(() => undefined);
await observability.shutdown();
