/** Langfuse's callbacks of LangChain, whole and streamed, chat and responses. */
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { CallbackHandler } from "@langfuse/langchain";
import { require } from "./calls.mjs";
import { newExporter, startTracing } from "./setup.mjs";

const processor = new LangfuseSpanProcessor({
  publicKey: "key",
  secretKey: "secret",
  exporter: newExporter(),
  exportMode: "immediate",
});
const provider = startTracing([processor]);
const { ChatOpenAI } = require("@langchain/openai");

const handler = new CallbackHandler({ sessionId: "session-7", userId: "user-9" });
const model = (more = {}) =>
  new ChatOpenAI({ model: "gpt-4o", configuration: { baseURL: process.env.OPENAI_BASE_URL }, maxRetries: 0, ...more });
const options = { callbacks: [handler] };
await model().invoke("How much is the toll?", options);
for await (const _chunk of await model().stream("Tell me of the gate.", options));
await model({ useResponsesApi: true }).invoke("How long is the queue?", options);
await provider.shutdown();
